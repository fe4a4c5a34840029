package lifecycle

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

var noTime time.Time

// A stepFunc takes one step of a job: it calls the outside, then returns what
// the result changes in the store. When ask is true the step was begun before
// and its result is not known: the other side is asked before anything is
// repeated. The returned function is pure; it sets the job's next Step, or
// finishes it, or sets Next or Waiting when the job goes on later.
type stepFunc func(ctx context.Context, j model.Job, ask bool) (func(tx model.Tx, j *model.Job) error, error)

// steps are all the steps of all jobs.
func (e *Engine) step(j *model.Job) stepFunc {
	switch j.Step {
	case model.StepOrder:
		return e.orderStep
	case model.StepReview:
		return e.reviewStep
	case model.StepWait:
		return e.waitStep
	case model.StepFinalize:
		return e.finalizeStep
	case model.StepCollect:
		return e.waitStep
	case model.StepDeploy:
		return e.deployStep
	case model.StepHandshake:
		return e.handshakeStep
	case model.StepKeep:
		return e.keepStep
	case model.StepRestore:
		return e.restoreStep
	case model.StepUndeploy:
		return e.undeployStep
	case model.StepLook:
		return e.lookStep
	case model.StepRevoke:
		return e.revokeStep
	}
	return nil
}

// newJob is a job whose first step is begun: the caller sets Step and puts it.
func (e *Engine) newJob(kind model.JobKind, i *model.Instance, actor model.Actor) model.Job {
	cause := journal.WhyAsked
	if actor == model.Scheduler {
		cause = journal.WhyDue
	}
	j := model.Job{
		ID: e.journal.NewID(), Kind: kind, StepStarted: true, Actor: actor.Name, Via: actor.Via,
		Cause: cause, Created: e.Now(), Attempt: 1, Crashes: 1,
	}
	if i != nil {
		j.Instance = i.ID
	}
	return j
}

// finish ends a job inside the transaction that carries its result.
func (e *Engine) finish(tx model.Tx, j *model.Job, result string) error {
	j.Finished, j.Result, j.StepStarted, j.WaitFor, j.Next = e.Now(), result, false, "", noTime
	return tx.Put(j)
}

// kick runs a job on the engine. Fresh says that its first step was committed
// just now by this process, so that nothing needs to be asked first.
func (e *Engine) kick(id model.ID, fresh bool) {
	e.runMu.Lock()
	if e.inline {
		e.queue = append(e.queue, queued{id, fresh})
		e.runMu.Unlock()
		return
	}
	_, busy := e.running[id]
	// A job that is about to stop because it waited is looked at once more.
	e.running[id] = busy
	e.runMu.Unlock()
	if busy {
		return
	}
	work := func() {
		select {
		case e.slots <- struct{}{}:
			defer func() { <-e.slots }()
		case <-e.ctx.Done():
		}
		for again := true; again; fresh = false {
			_ = e.journal.Guard("job", func() error { e.run(id, fresh); return nil }) // logged there
			e.runMu.Lock()
			if again = e.running[id] && e.ctx.Err() == nil; again {
				e.running[id] = false
			} else {
				delete(e.running, id)
			}
			e.runMu.Unlock()
		}
	}
	if !e.spawn(work) {
		e.runMu.Lock()
		delete(e.running, id)
		e.runMu.Unlock()
	}
}

// drain runs the jobs of an inline engine until none is left.
func (e *Engine) drain(ctx context.Context) error {
	for {
		e.runMu.Lock()
		next := e.queue
		e.queue = nil
		e.runMu.Unlock()
		if len(next) == 0 {
			return nil
		}
		for _, q := range next {
			if err := ctx.Err(); err != nil {
				return err
			}
			_ = e.journal.Guard("job", func() error { e.run(q.id, q.fresh); return nil })
		}
	}
}

// run takes the steps of a job until it is finished or goes on later. Before
// the first it counts the attempt, so that one in which the process dies counts
// like one that panics; after too many in a row the job is set aside. What the
// process died in again and again is tried one at a time: of all the jobs that
// were under way the one that kills it is found, and no other suffers for it.
func (e *Engine) run(id model.ID, fresh bool) {
	var j model.Job
	if err := e.store.View(func(r model.Reader) error { return r.Load(string(id), &j) }); err != nil {
		if !errors.Is(err, model.ErrNotFound) { // it left nothing to keep
			e.journal.Unreadable(model.KindJob, string(id), err)
		}
		return
	}
	if j.Next.After(e.Now()) {
		return
	}
	e.runMu.Lock()
	delete(e.unkept, id)
	e.runMu.Unlock()
	ask := j.StepStarted && !fresh
	if !fresh && j.Live() {
		many, most := rules.Patience(e.crashed)
		if j.Crashes >= rules.ManyCrashes {
			e.suspects.Lock()
			defer e.suspects.Unlock()
		}
		// The intent of this attempt, before its first call.
		if err := e.commit(&j, func(tx model.Tx, j *model.Job) error {
			switch died := j.StepStarted && j.Next.IsZero(); {
			case died && j.Crashes >= most:
				return e.setAside(tx, j, journal.ErrDied)
			case died && j.Crashes >= many && repeats(j):
				return e.fail(tx, j, journal.ErrDied)
			}
			j.Crashes++
			if !ask {
				j.StepStarted = true
			}
			if !j.Next.IsZero() && j.Error != "" {
				j.Attempt++
			}
			j.Next, j.WaitFor = noTime, ""
			return nil
		}); err != nil {
			e.notKept(&j, err)
			return
		}
	}
	for j.Live() && !j.Next.After(e.Now()) {
		step := e.step(&j)
		if step == nil {
			step = unknownStep
		}
		ctx, cancel := context.WithTimeout(e.ctx, e.policy.CallTimeout)
		ctx, met := ports.Noting(ctx)
		var result func(model.Tx, *model.Job) error
		err := e.journal.Guard("step", func() (err error) { result, err = step(ctx, j, ask); return err })
		cancel()
		if e.ctx.Err() != nil {
			e.interrupted(&j)
			return // the intent stays; the next engine asks what became of it
		}
		if err != nil {
			failure := err
			result = func(tx model.Tx, j *model.Job) error { return e.fail(tx, j, failure) }
		}
		crashed := met.Load() || errors.As(err, new(*ports.Fault))
		err = e.commit(&j, counting(result, crashed, e.setAside))
		if errors.As(err, new(*ports.Fault)) { // to keep the result panics: it is a failure like others
			failure := err
			err = e.commit(&j, counting(func(tx model.Tx, j *model.Job) error { return e.fail(tx, j, failure) }, true, e.setAside))
		}
		if err != nil {
			e.notKept(&j, err)
			return
		}
		if !j.Next.IsZero() {
			e.nudge()
			return
		}
		ask = false
	}
	if j.Resource != "" { // what waited for this resource can go on
		if err := e.deployWaiting(e.ctx); err != nil {
			e.logJob(&j, err)
		}
	}
	e.nudge()
}

// unknownStep ends a job of a later version where people see it.
func unknownStep(_ context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	return nil, &ports.Final{Err: model.Fail("job.unknown-step", "step", j.Step, "job", j.Kind)}
}

// errSuperseded says that a job was finished by somebody else meanwhile, for
// instance withdrawn: its late result changes nothing.
var errSuperseded = errors.New("superseded")

// commit makes the result of a step durable, together with the intent of the
// next one.
func (e *Engine) commit(j *model.Job, result func(model.Tx, *model.Job) error) error {
	var after *model.Job
	err := e.journal.Update(e.ctx, func(tx model.Tx) error {
		stored := new(model.Job)
		if err := tx.Load(string(j.ID), stored); err != nil {
			return rules.CannotRead("job", j.ID, err)
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
				// The attempts are those of the whole, whichever step fails.
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

func (e *Engine) logJob(j *model.Job, err error) {
	if e.ctx.Err() == nil && !errors.Is(err, errSuperseded) {
		e.log.Error("a job's result could not be kept; it is resumed later", "job", j.ID, "kind", j.Kind, "step", j.Step, "error", err)
	}
}

// fail records a failed attempt: the job goes on after a pause (spec H9), or
// is finished when no retry would mend it. Failures are visible at once on the
// instance and its resource (spec S1, S2), and leave the state as it is.
func (e *Engine) fail(tx model.Tx, j *model.Job, cause error) error {
	var final *ports.Final
	var pause *ports.Later
	j.Error = said(speaker(j.Kind), cause)
	retry := !errors.As(cause, &final)
	switch j.Kind {
	case model.JobUndeploy, model.JobVerify:
		retry = false // a person asked and is told; asking again is theirs
	case model.JobReissue, model.JobRenew:
		retry = (retry || j.Cause == journal.WhyDue) && !errors.Is(cause, errServiceEnded)
	}
	if retry {
		wait := time.Duration(0)
		if errors.As(cause, &pause) {
			wait = pause.After
		}
		j.Next = e.Now().Add(rules.RetryAfter(j.Attempt, wait))
	}
	if err := e.showFailure(tx, j, retry); err != nil {
		return err
	}
	ev := e.jobEvent(j, journal.ResultFailed)
	ev.Reason = j.Error
	// Of a final no to an application its rejection tells.
	ev.SuppressNotice = ev.SuppressNotice || j.Kind == model.JobIssue && !retry
	if err := e.named(tx, &ev); err != nil {
		return err
	}
	if err := tx.Append(ev); err != nil {
		return err
	}
	if retry {
		return nil
	}
	return e.finish(tx, j, journal.ResultFailed)
}

// showFailure puts a failed attempt where people see it.
func (e *Engine) showFailure(tx model.Tx, j *model.Job, retry bool) error {
	failure := model.Failure{Kind: j.Kind, At: e.Now(), Message: j.Error}
	if j.Resource != "" {
		return e.withResource(tx, j.Resource, func(r *model.Resource) error {
			r.Failure = failure
			if j.Kind == model.JobVerify {
				r.Failure = model.Failure{}
			}
			if r.Operation.Job == j.ID {
				e.opAfterFailure(&r.Operation, j, retry)
			}
			return nil
		})
	}
	return e.withInstance(tx, j.Instance, func(i *model.Instance) error {
		i.Failure = failure
		e.opAfterFailure(&i.Operation, j, retry)
		if j.Kind == model.JobIssue && !retry {
			return e.reject(tx, i, j)
		}
		return nil
	})
}

func (e *Engine) opAfterFailure(o *model.Operation, j *model.Job, retry bool) {
	if !retry {
		*o = model.Operation{}
		return
	}
	o.Attempt, o.Next, o.Error = j.Attempt, j.Next, j.Error
}

// withInstance changes an instance inside a transaction.
func (e *Engine) withInstance(tx model.Tx, id model.ID, change func(*model.Instance) error) error {
	i, err := model.Get[model.Instance](tx, string(id))
	if err != nil {
		return rules.CannotRead("instance", id, err)
	}
	if err := change(&i); err != nil {
		return err
	}
	return e.put(tx, &i)
}

func (e *Engine) jobEvent(j *model.Job, result string) model.Event {
	return model.Event{
		At: e.Now(), Actor: j.Actor, Via: j.Via, Action: string(j.Kind), Instance: j.Instance,
		Resource: j.Resource, Why: j.Cause, Result: result,
		SuppressNotice: result == journal.ResultFailed && j.Attempt > 1,
	}
}

// wait is [Access.Wait].
func (e *Engine) wait(ctx context.Context, jobs ...model.ID) ([]Progress, error) {
	began := e.Now()
	wctx, stop := context.WithCancel(ctx)
	defer stop()
	feed := e.store.Watch(wctx)
	all := make([]Progress, len(jobs))
	at := make(map[string]int, len(jobs))
	open := map[int]bool{}
	for n, id := range jobs {
		at[string(id)], open[n] = n, true
	}
	look := func(ns ...int) error {
		return e.store.View(func(r model.Reader) error {
			for _, n := range ns {
				j, err := model.Get[model.Job](r, string(jobs[n]))
				if errors.Is(err, model.ErrNotFound) { // it left nothing to keep
					j, err = model.Job{ID: jobs[n], Finished: e.Now(), Result: journal.ResultOK}, nil
				}
				if err != nil {
					return rules.CannotRead("job", jobs[n], err)
				}
				p := Progress{Job: j, Done: !j.Live(), Until: j.Next}
				p.Blocked = !p.Done && j.Next.After(began)
				if all[n] = p; p.Done || p.Blocked {
					delete(open, n)
				}
			}
			return nil
		})
	}
	every := func() []int { return slices.Collect(maps.Keys(open)) }
	if err := look(every()...); err != nil {
		return all, err
	}
	for len(open) > 0 {
		unkept, err := e.whyUnkept(jobs)
		if err != nil {
			return all, err
		}
		select {
		case <-ctx.Done():
			return all, ctx.Err()
		case <-unkept:
		case b, ok := <-feed:
			if !ok {
				return all, ctx.Err()
			}
			var changed []int
			for _, c := range b.Changes {
				if n, mine := at[c.Key]; mine && c.Kind == model.KindJob {
					changed = append(changed, n)
				}
			}
			if b.Resync {
				changed = every()
			}
			if len(changed) == 0 {
				continue
			}
			if err := look(changed...); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}
