package lifecycle

import (
	"context"
	"errors"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// counting is the result of a step with the count of crashes kept: a step that
// went well, or failed as steps do, ends the row. Putting back what was there
// before says nothing about the step that made it necessary. A job that would go
// on later and has crashed too often is set aside.
func counting(
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

// interrupted takes back the count of an attempt that ends because the engine
// does: that is no crash.
func (e *Engine) interrupted(j *model.Job) {
	err := e.store.Update(context.WithoutCancel(e.ctx), func(tx model.Tx) error {
		stored, err := model.Get[model.Job](tx, string(j.ID))
		if err != nil || !stored.Live() || stored.Crashes == 0 {
			return err
		}
		stored.Crashes--
		return tx.Put(&stored)
	})
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		e.log.Warn("that a job was interrupted could not be kept; it counts as one that died", "job", j.ID, "error", err)
	}
}

// repeats says whether a job that fails is tried again by itself.
func repeats(j *model.Job) bool { return j.Kind != model.JobUndeploy && j.Kind != model.JobVerify }

// setAside leaves a job alone until a person wants it tried again, and asks for
// one. What it was about to do stays recorded. A job that a person asked for and
// that is never repeated by itself is ended as failed.
func (e *Engine) setAside(tx model.Tx, j *model.Job, cause error) error {
	j.Error, j.StepStarted = model.TextOf(cause), true
	repeats := repeats(j)
	if repeats {
		j.Next = model.Never
	}
	if err := e.showFailure(tx, j, repeats); err != nil {
		return err
	}
	ev := e.jobEvent(j, journal.ResultFailed)
	ev.Reason, ev.SuppressNotice = j.Error, true // the task tells
	if !repeats {
		ev.SuppressNotice = false
	}
	if err := e.named(tx, &ev); err != nil {
		return err
	}
	if err := tx.Append(ev); err != nil {
		return err
	}
	if !repeats {
		return e.finish(tx, j, journal.ResultFailed)
	}
	return e.journal.AskToRetry(tx, &model.Task{
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
	err := e.journal.Update(ctx, func(tx model.Tx) (err error) {
		if t, err = openTask(tx, typed); err != nil {
			return err
		}
		if t.Kind != model.TaskAside || t.Job == "" && t.Channel == "" {
			return &rules.Refusal{
				Action:   "retry",
				Reason:   rules.ReasonNotAside,
				Instance: t.Instance,
				Args:     rules.Args{"task": t.ID.Short()},
				Instead:  []rules.Suggestion{{Action: "tasks", Args: []string{"dismiss", t.ID.Short()}}},
			}
		}
		if err := errors.Join(e.retryJob(tx, t.Job), e.retryChannel(tx, t.Channel)); err != nil {
			return err
		}
		return e.endTask(tx, actor, &t, "retry", "retried")
	})
	if err == nil && t.Job != "" {
		e.kick(t.Job, false)
	}
	e.outbox.Wake()
	return t, err
}

// retryJob makes a job that is set aside due now.
func (e *Engine) retryJob(tx model.Tx, id model.ID) error {
	if id == "" {
		return nil
	}
	j, err := model.Get[model.Job](tx, string(id))
	if errors.Is(err, model.ErrNotFound) || err == nil && (!j.Live() || !j.Next.Equal(model.Never)) {
		return nil // ended meanwhile, or tried
	}
	if err != nil {
		return err
	}
	j.Next, j.Crashes = e.Now(), rules.MaxCrashes-1
	again := func(o *model.Operation) {
		if o.Job == j.ID {
			o.Next = j.Next
		}
	}
	if j.Resource != "" {
		err = e.withResource(tx, j.Resource, func(r *model.Resource) error { again(&r.Operation); return nil })
	} else {
		err = e.withInstance(tx, j.Instance, func(i *model.Instance) error { again(&i.Operation); return nil })
	}
	return errors.Join(err, tx.Put(&j))
}

// retryChannel makes the notices of a channel that are set aside due now.
func (e *Engine) retryChannel(tx model.Tx, channel string) error {
	if channel == "" {
		return nil
	}
	return eachAside(tx, channel, func(n *model.Notice) error {
		n.Next, n.Crashes = e.Now(), rules.MaxCrashes-1
		return tx.Put(n)
	})
}

// eachAside visits the notices of a channel that are set aside.
func eachAside(tx model.Tx, channel string, do func(*model.Notice) error) error {
	var all []model.Notice
	aside := model.Scan{Index: "queue", Prefix: channel + " ", From: channel + " " + model.TimeKey(model.Never)}
	for n, err := range model.All[model.Notice](tx, aside) {
		if err != nil {
			return err
		}
		all = append(all, n)
	}
	for n := range all {
		if err := do(&all[n]); err != nil {
			return err
		}
	}
	return nil
}

// giveUp ends for good what a dismissed task says is set aside.
func (e *Engine) giveUp(tx model.Tx, t *model.Task) error {
	if t.Channel != "" {
		return eachAside(tx, t.Channel, func(n *model.Notice) error {
			n.Done, n.Outcome = e.Now(), model.NoticeGivenUp
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
	if err := e.showFailure(tx, &j, false); err != nil {
		return err
	}
	return e.finish(tx, &j, journal.ResultFailed)
}

// faultOf notes that what is due for an instance has panicked, and says after
// how long it may be tried again; after too many in a row a person is asked and
// it is left alone until something changes.
func (e *Engine) faultOf(id model.ID, cause error) time.Duration {
	e.stuckMu.Lock()
	e.crashes[id]++
	n := e.crashes[id]
	e.stuckMu.Unlock()
	if n < rules.MaxCrashes {
		return rules.RetryAfter(n, 0)
	}
	err := e.journal.Update(e.ctx, func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		if err != nil {
			return err
		}
		return e.journal.AskToRetry(tx, &model.Task{
			Instance: id,
			About:    "due",
			Text:     model.Say("todo.retry-due", "name", i.Name, "times", rules.MaxCrashes),
			Detail:   model.TextOf(cause),
		})
	})
	if err != nil && e.ctx.Err() == nil {
		e.log.Error("the task about what is set aside could not be kept", "instance", id, "error", err)
	}
	return model.Never.Sub(e.Now())
}
