package lifecycle

import (
	"context"
	"errors"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// countCrashes wraps the result of a step with the job's count of consecutive
// crashes. A step that succeeds, or fails without a crash, resets the count; a
// rollback does not, since it follows from a step that failed. A job that would
// be retried after too many crashes is set aside.
func countCrashes(
	result func(model.Tx, *model.Job) error, crashed bool, aside func(model.Tx, *model.Job, error) error,
) func(model.Tx, *model.Job) error {
	return func(tx model.Tx, j *model.Job) error {
		restoring := j.Step == model.StepRestore
		if err := result(tx, j); err != nil || !j.Live() {
			return err
		}
		switch {
		case crashed || restoring:
			if !j.Next.IsZero() && j.Crashes >= rules.MaxCrashes {
				return aside(tx, j, &model.Error{Text: j.Error})
			}
		case j.Next.IsZero():
			j.Crashes = 1 // its next step is under way
		default:
			j.Crashes = 0
		}
		return nil
	}
}

// uncountAttempt takes back the count of an attempt that ends because the engine
// closes: that is no crash.
func (w *worker) uncountAttempt(j *model.Job) {
	err := w.store.Update(context.WithoutCancel(w.ctx), func(tx model.Tx) error {
		stored, err := model.Get[model.Job](tx, string(j.ID))
		if err != nil || !stored.Live() || stored.Crashes == 0 {
			return err
		}
		stored.Crashes--
		return tx.Put(&stored)
	})
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		w.log.Warn("that a job was interrupted could not be kept; it counts as one that died", "job", j.ID, "error", err)
	}
}

// isRetried reports whether a failed job is retried automatically.
func isRetried(j *model.Job) bool { return j.Kind != model.JobUndeploy && j.Kind != model.JobVerify }

// setAside suspends a job until a person retries it, and raises a task for that.
// Its intent stays recorded. A job of a kind that is never retried is finished as
// failed instead.
func (w *worker) setAside(tx model.Tx, j *model.Job, cause error) error {
	j.Error, j.StepStarted = model.TextOf(cause), true
	retried := isRetried(j)
	if retried {
		j.Next = model.Never
	}
	if err := w.markFailed(tx, j, retried); err != nil {
		return err
	}
	ev := w.jobEvent(j, journal.ResultFailed)
	ev.Reason, ev.SuppressNotice = j.Error, true // the task sends the notice
	if !retried {
		ev.SuppressNotice = false
	}
	if err := w.fillInstanceName(tx, &ev); err != nil {
		return err
	}
	if err := tx.Append(ev); err != nil {
		return err
	}
	if !retried {
		return w.finish(tx, j, journal.ResultFailed)
	}
	return w.journal.RaiseRetryTask(tx, &model.Task{
		Instance: j.Instance,
		Resource: j.Resource,
		Job:      j.ID,
		Version:  j.Version,
		Text:     model.Say("todo.retry-job", "job", j.Kind, "name", ev.Name, "times", j.Crashes),
		Detail:   j.Error,
	})
}

// retryTask is [Access.RetryTask].
func (e *Engine) retryTask(ctx context.Context, actor model.Actor, typed string) (model.Task, error) {
	var t model.Task
	if f := e.table.May(actor, "retry"); f != nil {
		return t, f
	}
	var job model.ID
	err := e.journal.Update(ctx, func(tx model.Tx) (err error) {
		if t, err = openTask(tx, typed); err != nil {
			return err
		}
		if job, err = e.jobToRetry(tx, actor, &t); err != nil {
			return err
		}
		channel := t.Channel
		if t.Kind == model.TaskChannel {
			channel = t.About
		}
		if err := errors.Join(e.worker.retryJob(tx, job), e.worker.retryChannel(tx, channel)); err != nil {
			return err
		}
		if t.Kind == model.TaskAside {
			return e.endTask(tx, actor, &t, "retry", "retried")
		}
		return tx.Append(e.taskEvent(actor, &t, "retry")) // its task ends when that succeeds
	})
	if err == nil && job != "" {
		e.worker.enqueue(job, false)
	}
	e.outbox.Wake()
	return t, err
}

// jobToRetry returns the job that a task is about; "" if it is about notices. It
// refuses a task about nothing that can be retried.
func (e *Engine) jobToRetry(tx model.Tx, actor model.Actor, t *model.Task) (model.ID, error) {
	var c *rules.Facts
	if t.Instance != "" {
		var err error
		if c, err = e.loadFacts(tx, actor, t.Instance); err != nil {
			return "", err
		}
	}
	switch {
	case !rules.Retries(t, c):
		return "", &rules.Refusal{
			Action:   "retry",
			Reason:   rules.ReasonNotAside,
			Instance: t.Instance,
			Args:     rules.Args{"task": t.ID.Short()},
			Instead:  []rules.Suggestion{{Action: "tasks", Args: []string{"dismiss", t.ID.Short()}}},
		}
	case t.Kind == model.TaskFailing:
		return rules.FailingOperation(t, c).Job, nil
	}
	return t.Job, nil
}

// retryJob makes a job due now that is set aside or waits for its next attempt.
func (w *worker) retryJob(tx model.Tx, id model.ID) error {
	if id == "" {
		return nil
	}
	j, err := model.Get[model.Job](tx, string(id))
	if errors.Is(err, model.ErrNotFound) || err == nil && (!j.Live() || !j.Next.After(w.Now())) {
		return nil // ended meanwhile, or tried
	}
	if err != nil {
		return err
	}
	if j.Next.Equal(model.Never) {
		j.Crashes = rules.MaxCrashes - 1
	}
	j.Next = w.Now()
	again := func(o *model.Operation) {
		if o.Job == j.ID {
			o.Next = j.Next
		}
	}
	if j.Resource != "" {
		err = w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error { again(&r.Operation); return nil })
	} else {
		err = w.withInstance(tx, j.Instance, func(i *model.Instance) error { again(&i.Operation); return nil })
	}
	return errors.Join(err, tx.Put(&j))
}

// retryChannel makes the notices of a channel due now that are set aside or wait for
// their next attempt.
func (w *worker) retryChannel(tx model.Tx, channel string) error {
	if channel == "" {
		return nil
	}
	return directory.EachQueued(tx, channel, w.Now(), func(n *model.Notice) error {
		rules.RetryNotice(n, w.Now())
		return tx.Put(n)
	})
}

// abandon ends the work that a dismissed task says is set aside.
func (w *worker) abandon(tx model.Tx, t *model.Task) error {
	if t.Channel != "" {
		return directory.EachQueued(tx, t.Channel, model.Never, func(n *model.Notice) error {
			n.Done, n.Outcome = w.Now(), model.NoticeGivenUp
			return tx.Put(n)
		})
	}
	j, err := model.Get[model.Job](tx, string(t.Job))
	if t.Job == "" || errors.Is(err, model.ErrNotFound) || err == nil && (!j.Live() || !j.Next.Equal(model.Never)) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.markFailed(tx, &j, false); err != nil {
		return err
	}
	return w.finish(tx, &j, journal.ResultFailed)
}

// recordFault counts a panic in the scheduled work of an instance and returns the
// pause before the next attempt. After too many in a row it raises a task and the
// work is skipped until the instance changes.
func (s *scheduler) recordFault(id model.ID, cause error) time.Duration {
	s.skipMu.Lock()
	s.faults[id]++
	n := s.faults[id]
	s.skipMu.Unlock()
	if n < rules.MaxCrashes {
		return rules.RetryAfter(n, 0)
	}
	err := s.journal.Update(s.ctx, func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		if err != nil {
			return err
		}
		return s.journal.RaiseRetryTask(tx, &model.Task{
			Instance: id,
			About:    "due",
			Text:     model.Say("todo.retry-due", "name", i.Name, "times", rules.MaxCrashes),
			Detail:   model.TextOf(cause),
		})
	})
	if err != nil && s.ctx.Err() == nil {
		s.log.Error("the task about what is set aside could not be kept", "instance", id, "error", err)
	}
	return model.Never.Sub(s.Now())
}

// messageFrom returns the message of an error. Words that are not certquay's own
// are attributed to who: "ca", "server" or "receiver".
func messageFrom(who string, err error) model.Text {
	return model.TextOf(err).By(who)
}

// remoteParty names the other side of jobs of a kind, for [messageFrom].
func remoteParty(kind model.JobKind) string {
	switch kind {
	case model.JobDeploy, model.JobUndeploy, model.JobVerify, model.JobClean:
		return "server"
	}
	return "ca"
}

// commitRetryPause is the pause before jobs are resumed whose result could not be
// committed, for instance on a full disk.
const commitRetryPause = 10 * time.Second

// UncommittedError means that a job was started and that its result could not be
// committed. The job is resumed once that is possible.
type UncommittedError struct{ Err error }

func (e *UncommittedError) Error() string {
	return e.AsText().String()
}

// AsText is the message.
func (e *UncommittedError) AsText() model.Text { return model.Say("error.unkept", "cause", e.Err) }

func (e *UncommittedError) Unwrap() error { return e.Err }

// reportUncommitted reports to callers that wait for a job that its result could
// not be committed, and wakes the scheduler after a pause.
func (w *worker) reportUncommitted(j *model.Job, err error) {
	w.logJob(j, err)
	if w.ctx.Err() != nil || errors.Is(err, errSuperseded) {
		return
	}
	w.runMu.Lock()
	first := !w.retryScheduled && !w.inline
	w.retryScheduled = w.retryScheduled || first
	w.uncommitted[j.ID] = &UncommittedError{err}
	close(w.uncommittedChanged)
	w.uncommittedChanged = make(chan struct{})
	w.runMu.Unlock()
	if first {
		w.spawn(func() {
			select {
			case <-w.ctx.Done():
			case <-w.clock.After(commitRetryPause):
			}
			w.runMu.Lock()
			w.retryScheduled = false
			w.runMu.Unlock()
			w.scheduler.wakeUp()
		})
	}
}

// uncommittedError returns the error with which a result of one of the jobs could
// not be committed, or else a channel that is closed at the next such error.
func (w *worker) uncommittedError(jobs []model.ID) (<-chan struct{}, error) {
	w.runMu.Lock()
	defer w.runMu.Unlock()
	for _, id := range jobs {
		if err := w.uncommitted[id]; err != nil {
			return nil, err
		}
	}
	return w.uncommittedChanged, nil
}
