package lifecycle

import (
	"context"
	"errors"
	"sync"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// worker runs jobs: their steps, retries and results.
type worker struct {
	*Engine
	slots chan struct{}

	// runMu guards the fields below.
	running map[model.ID]bool // true: enqueued again while it runs
	queue   []queued          // jobs to run inline
	// uncommitted holds the error of jobs whose last result could not be
	// committed; uncommittedChanged is closed when one is added.
	uncommitted        map[model.ID]error
	uncommittedChanged chan struct{}
	retryScheduled     bool // the scheduler will be woken to resume them

	suspectMu sync.Mutex // held by a job that may have killed the process; see [worker.run]
}

func newWorker(e *Engine, atOnce int) *worker {
	return &worker{
		Engine: e, slots: make(chan struct{}, atOnce), running: map[model.ID]bool{},
		uncommitted: map[model.ID]error{}, uncommittedChanged: make(chan struct{}),
	}
}

// queued is a job of the inline queue, for [worker.drain].
type queued struct {
	id            model.ID
	justCommitted bool
}

// A stepFunc runs one step of a job: it calls the outside, then returns a
// function that applies the result to the store. If resumed is true the step was
// started before and its result is unknown: the step queries the other side
// before it repeats anything. The returned function is pure. It sets the job's
// next Step, finishes the job, or sets Next or WaitFor to postpone it.
type stepFunc func(ctx context.Context, j model.Job, resumed bool) (func(tx model.Tx, j *model.Job) error, error)

// step returns the function of the job's current step; nil if it is unknown.
func (w *worker) step(j *model.Job) stepFunc {
	switch j.Step {
	case model.StepOrder:
		return w.orderStep
	case model.StepReview:
		return w.reviewStep
	case model.StepWait:
		return w.waitStep
	case model.StepFinalize:
		return w.finalizeStep
	case model.StepCollect:
		return w.waitStep
	case model.StepClaim:
		return w.claimStep
	case model.StepWave:
		return w.waveStep
	case model.StepDeploy:
		return w.deployStep
	case model.StepHandshake:
		return w.handshakeStep
	case model.StepAgree:
		return w.agreeStep
	case model.StepKeep:
		return w.commitStep
	case model.StepRestore:
		return w.rollbackStep
	case model.StepUndeploy:
		return w.undeployStep
	case model.StepLook:
		return w.verifyStep
	case model.StepRevoke:
		return w.revokeStep
	case model.StepSurvey:
		return w.surveyStep
	case model.StepRemove:
		return w.removeStep
	}
	return nil
}

// newJob returns a job whose first step is started. The caller sets Step and
// saves it.
func (w *worker) newJob(kind model.JobKind, i *model.Instance, actor model.Actor) model.Job {
	cause := journal.CauseRequested
	if actor == model.Scheduler {
		cause = journal.CauseScheduled
	}
	j := model.Job{
		ID: w.journal.NewID(), Kind: kind, StepStarted: true, Actor: actor.Name, Via: actor.Via,
		Cause: cause, Created: w.Now(), Attempt: 1, Crashes: 1,
	}
	if i != nil {
		j.Instance = i.ID
	}
	return j
}

// finish ends a job, in the transaction that carries its result.
func (w *worker) finish(tx model.Tx, j *model.Job, result string) error {
	j.Finished, j.Result, j.StepStarted, j.WaitFor, j.Next = w.Now(), result, false, "", time.Time{}
	if err := tx.Put(j); err != nil || j.Rollout == "" {
		return err
	}
	return w.leaveRollout(tx, j)
}

// enqueue runs a job on the engine. justCommitted means that this process has
// just committed the job's first step, so that the other side need not be queried
// first.
func (w *worker) enqueue(id model.ID, justCommitted bool) {
	w.runMu.Lock()
	if w.inline {
		w.queue = append(w.queue, queued{id, justCommitted})
		w.runMu.Unlock()
		return
	}
	_, busy := w.running[id]
	// A job that is about to stop because it was postponed runs once more.
	w.running[id] = busy
	w.runMu.Unlock()
	if busy {
		return
	}
	work := func() {
		select {
		case w.slots <- struct{}{}:
			defer func() { <-w.slots }()
		case <-w.ctx.Done():
		}
		for rerun := true; rerun; justCommitted = false {
			_ = w.journal.Guard("job", func() error { w.run(id, justCommitted); return nil }) // Guard logs the fault
			w.runMu.Lock()
			if rerun = w.running[id] && w.ctx.Err() == nil; rerun {
				w.running[id] = false
			} else {
				delete(w.running, id)
			}
			w.runMu.Unlock()
		}
	}
	if !w.spawn(work) {
		w.runMu.Lock()
		delete(w.running, id)
		w.runMu.Unlock()
	}
}

// drain runs the jobs of an inline engine until the queue is empty.
func (w *worker) drain(ctx context.Context) error {
	for {
		w.runMu.Lock()
		next := w.queue
		w.queue = nil
		w.runMu.Unlock()
		if len(next) == 0 {
			return nil
		}
		for _, q := range next {
			if err := ctx.Err(); err != nil {
				return err
			}
			_ = w.journal.Guard("job", func() error { w.run(q.id, q.justCommitted); return nil })
		}
	}
}

// run runs the steps of a job until it is finished or postponed. It counts the
// attempt before the first step, so that an attempt in which the process dies
// counts like one that panics; after too many in a row the job is set aside. Jobs
// in which the process died repeatedly run one at a time: the one that kills it
// is found, and the others are not blamed for it.
func (w *worker) run(id model.ID, justCommitted bool) {
	var j model.Job
	if err := w.store.View(func(r model.Reader) error { return r.Load(string(id), &j) }); err != nil {
		if !errors.Is(err, model.ErrNotFound) { // it was deleted when it finished
			w.journal.ReportUnreadable(model.KindJob, string(id), err)
		}
		return
	}
	if j.Next.After(w.Now()) {
		return
	}
	w.runMu.Lock()
	delete(w.uncommitted, id)
	w.runMu.Unlock()
	defer w.wakeRollout(j.Rollout)
	resumed := j.StepStarted && !justCommitted
	if !justCommitted && j.Live() {
		suspectAfter, limit := rules.CrashLimits(w.crashed)
		if j.Crashes >= rules.SuspectCrashes {
			w.suspectMu.Lock()
			defer w.suspectMu.Unlock()
		}
		// The intent of this attempt, before its first call.
		if err := w.commit(&j, func(tx model.Tx, j *model.Job) error {
			switch died := j.StepStarted && j.Next.IsZero(); {
			case died && j.Crashes >= limit:
				return w.setAside(tx, j, journal.ErrProcessDied)
			case died && j.Crashes >= suspectAfter && isRetried(j):
				return w.recordFailure(tx, j, journal.ErrProcessDied)
			}
			j.Crashes++
			if !resumed {
				j.StepStarted = true
			}
			if !j.Next.IsZero() && j.Error != "" {
				j.Attempt++
			}
			j.Next, j.WaitFor = time.Time{}, ""
			return nil
		}); err != nil {
			w.reportUncommitted(&j, err)
			return
		}
	}
	for j.Live() && !j.Next.After(w.Now()) {
		step := w.step(&j)
		if step == nil {
			step = unknownStep
		}
		ctx, cancel := context.WithTimeout(w.ctx, w.policy.CallTimeout)
		ctx, faulted := ports.WithFaultFlag(ctx)
		var result func(model.Tx, *model.Job) error
		err := w.journal.Guard("step", func() (err error) { result, err = step(ctx, j, resumed); return err })
		cancel()
		if w.ctx.Err() != nil {
			w.uncountAttempt(&j)
			return // the intent stays and the next engine resumes it
		}
		if err != nil {
			failure := err
			result = func(tx model.Tx, j *model.Job) error { return w.recordFailure(tx, j, failure) }
		}
		crashed := faulted.Load() || errors.As(err, new(*ports.Fault))
		err = w.commit(&j, countCrashes(result, crashed, w.setAside))
		if errors.As(err, new(*ports.Fault)) { // committing the result panicked: a failure like any other
			failure := err
			err = w.commit(
				&j,
				countCrashes(func(tx model.Tx, j *model.Job) error { return w.recordFailure(tx, j, failure) }, true, w.setAside),
			)
		}
		if err != nil {
			w.reportUncommitted(&j, err)
			return
		}
		if !j.Next.IsZero() {
			w.scheduler.wakeUp()
			return
		}
		resumed = false
	}
	if j.Resource != "" { // deployments may wait for this resource
		if err := w.deployments.resumeAfter(w.ctx, j.Resource); err != nil {
			w.logJob(&j, err)
		}
	}
	w.scheduler.wakeUp()
	if j.Kind == model.JobRevoke { // a watched endpoint may present what it has revoked
		w.monitor.Wake()
	}
}

// unknownStep fails a job that a later version of certquay has written.
func unknownStep(_ context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	return nil, &ports.PermanentError{Err: model.Fail("job.unknown-step", "step", j.Step, "job", j.Kind)}
}

// errSuperseded means that a job was finished meanwhile, for instance withdrawn.
// Its late result changes nothing.
var errSuperseded = errors.New("superseded")

// commit makes the result of a step durable, together with the intent of the next
// one.
func (w *worker) commit(j *model.Job, result func(model.Tx, *model.Job) error) error {
	var after *model.Job
	err := w.journal.Update(w.ctx, func(tx model.Tx) error {
		stored := new(model.Job)
		if err := tx.Load(string(j.ID), stored); err != nil {
			return rules.ReadError("job", j.ID, err)
		}
		if !stored.Live() {
			return errSuperseded
		}
		step := stored.Step
		if err := result(tx, stored); err != nil {
			return err
		}
		if stored.Live() {
			if stored.Step != step {
				stored.StepStarted = stored.Next.IsZero()
				// A deployment counts its attempts over all steps.
				if stored.Resource == "" && stored.Next.IsZero() {
					stored.Error = ""
				}
			}
			if err := tx.Put(stored); err != nil {
				return err
			}
		}
		after = stored
		return nil
	})
	if err == nil {
		*j = *after
	}
	return err
}

func (w *worker) logJob(j *model.Job, err error) {
	if w.ctx.Err() == nil && !errors.Is(err, errSuperseded) {
		w.log.Error("a job's result could not be kept; it is resumed later", "job", j.ID, "kind", j.Kind, "step", j.Step, "error", err)
	}
}

// recordFailure records a failed attempt. The job is retried after a pause (spec
// H9), or finished if no retry can help. The failure is visible at once on the
// instance and its resource (spec S1, S2) and does not change the state.
func (w *worker) recordFailure(tx model.Tx, j *model.Job, cause error) error {
	var final *ports.PermanentError
	j.Error = messageFrom(remoteParty(j.Kind), cause)
	retry := !errors.As(cause, &final)
	switch j.Kind {
	case model.JobUndeploy, model.JobVerify:
		retry = false // the person who requested it decides whether to repeat it
	case model.JobReissue, model.JobRenew:
		retry = (retry || j.Cause == journal.CauseScheduled) && !errors.Is(cause, errServiceEnded)
	}
	if retry {
		if err := w.planRetry(tx, j, cause); err != nil {
			return err
		}
	}
	if err := w.markFailed(tx, j, retry); err != nil {
		return err
	}
	ev := w.jobEvent(j, journal.ResultFailed)
	ev.Reason = j.Error
	// The event of the rejection carries the notice of a failed application.
	ev.SuppressNotice = ev.SuppressNotice || j.Kind == model.JobIssue && !retry
	if err := w.fillInstanceName(tx, &ev); err != nil {
		return err
	}
	if err := tx.Append(ev); err != nil {
		return err
	}
	if retry {
		return nil
	}
	return w.finish(tx, j, journal.ResultFailed)
}

// planRetry plans the next attempt of a job that failed, unless another issuer is asked
// at once (spec C10).
func (w *worker) planRetry(tx model.Tx, j *model.Job, cause error) error {
	if passed, err := w.passOn(tx, j, cause); passed || err != nil {
		return err
	}
	asked := time.Duration(0)
	if pause := new(ports.RetryAfterError); errors.As(cause, &pause) {
		asked = pause.After
	}
	j.Next = w.Now().Add(rules.RetryWithin(validityOf(tx, j.Instance), j.Attempt, asked))
	return nil
}

// validityOf returns the validity of the current version of an instance; 0 if it has none
// or cannot be read.
func validityOf(r model.Reader, id model.ID) time.Duration {
	i, err := model.Get[model.Instance](r, string(id))
	if v := i.Current(); err == nil && v != nil {
		return v.Validity()
	}
	return 0
}

// markFailed shows a failed attempt on the instance or its resource.
func (w *worker) markFailed(tx model.Tx, j *model.Job, retry bool) error {
	failure := model.Failure{Kind: j.Kind, At: w.Now(), Message: j.Error}
	if j.Resource != "" {
		return w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
			r.Failure = failure
			if j.Kind == model.JobVerify {
				r.Failure = model.Failure{}
			}
			if r.Operation.Job == j.ID {
				w.updateOperation(&r.Operation, j, retry)
			}
			return nil
		})
	}
	return w.withInstance(tx, j.Instance, func(i *model.Instance) error {
		if j.Kind == model.JobClean && i.Failure.Kind != "" && i.Failure.Kind != model.JobClean {
			return nil // what fails there is worse
		}
		i.Failure = failure
		if i.Operation.Job == j.ID { // a superseded version is revoked beside another operation
			w.updateOperation(&i.Operation, j, retry)
		}
		if j.Kind == model.JobIssue && !retry {
			return w.reject(tx, i, j)
		}
		return nil
	})
}

func (w *worker) updateOperation(o *model.Operation, j *model.Job, retry bool) {
	if !retry {
		*o = model.Operation{}
		return
	}
	o.Attempt, o.Next, o.Error = j.Attempt, j.Next, j.Error
}

// withInstance changes an instance in a transaction.
func (w *worker) withInstance(tx model.Tx, id model.ID, change func(*model.Instance) error) error {
	i, err := model.Get[model.Instance](tx, string(id))
	if err != nil {
		return rules.ReadError("instance", id, err)
	}
	if err := change(&i); err != nil {
		return err
	}
	return w.saveInstance(tx, &i)
}

func (w *worker) jobEvent(j *model.Job, result string) model.Event {
	return model.Event{
		At: w.Now(), Actor: j.Actor, Via: j.Via, Action: string(j.Kind), Instance: j.Instance,
		Resource: j.Resource, Why: j.Cause, Result: result,
		SuppressNotice: result == journal.ResultFailed && j.Attempt > 1,
	}
}
