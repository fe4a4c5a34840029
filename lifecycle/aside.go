package lifecycle

import (
	"context"
	"errors"
	"sync"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// What kills certquay each time it is tried must not be tried at each start
// without end.
const (
	// maxCrashes is after how many attempts in a row that ended in a panic, or in a
	// crash of the process, a job or a channel's notice is set aside. After
	// manyCrashes of the process the next is not made at once when it starts anew:
	// it counts as an attempt that failed.
	manyCrashes, maxCrashes = 2, 3
	// manyDeaths and maxDeaths are the same where the process was ended from
	// outside, as far as is known: whoever is killed was often doing something, and
	// it is seldom that which killed it. A kernel that is out of memory does it.
	manyDeaths, maxDeaths = 6, 12
)

// patience is after how many attempts in a row that the process did not survive
// the next is put off, and after how many there is none.
func (e *Engine) patience() (many, most int) {
	if e.crashed {
		return manyCrashes, maxCrashes
	}
	return manyDeaths, maxDeaths
}

// errDied is why something has failed in whose call the process died.
var errDied = model.Fail("job.died")

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
			if !j.Next.IsZero() && j.Crashes >= maxCrashes {
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
	ev := e.jobEvent(j, ResultFailed)
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
		return e.finish(tx, j, ResultFailed)
	}
	return e.askToRetry(tx, &model.Task{
		Instance: j.Instance,
		Resource: j.Resource,
		Job:      j.ID,
		Version:  j.Version,
		Text:     model.Say("todo.retry-job", "job", j.Kind, "name", ev.Name, "times", j.Crashes),
		Detail:   j.Error,
	})
}

// askToRetry raises a task about what is set aside, unless it is there.
func (e *Engine) askToRetry(tx model.Tx, t *model.Task) error {
	of := model.Scan{Index: "pending", From: string(t.Instance), To: string(t.Instance) + "\x00"}
	for open, err := range model.All[model.Task](tx, of) {
		if err != nil {
			return err
		}
		if open.Kind == model.TaskAside && open.Job == t.Job && open.Channel == t.Channel && open.About == t.About {
			return nil
		}
	}
	t.ID, t.Kind, t.Created = e.newID(), model.TaskAside, e.Now()
	if t.Job != "" || t.Channel != "" {
		t.Detail = model.Texts(t.Detail, model.Say("todo.retry-how", "task", t.ID.Short()))
	}
	return tx.Put(t)
}

// RetryTask tries what was set aside once more because a person says so, and
// ends the task that asked for it. If that crashes again, it is set aside again.
// The task is named by its ID or a unique tail.
func (e *Engine) RetryTask(ctx context.Context, actor model.Actor, typed string) (model.Task, error) {
	var t model.Task
	if f := e.table.May(actor, "retry"); f != nil {
		return t, f
	}
	err := e.update(ctx, func(tx model.Tx) (err error) {
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
	e.courier.nudge()
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
	j.Next, j.Crashes = e.Now(), maxCrashes-1
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
		n.Next, n.Crashes = e.Now(), maxCrashes-1
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
	return e.finish(tx, &j, ResultFailed)
}

// badRecords are the records that cannot be read, by kind and key: each is told
// of once in a process.
type badRecords struct {
	mu   sync.Mutex
	told map[string]bool
}

// unreadable tells of a record that cannot be read, once: in the log and as a
// task for a person. Whoever met it goes on with the next.
func (e *Engine) unreadable(kind model.Kind, key string, cause error) {
	if e.ctx.Err() != nil {
		return
	}
	name := string(kind) + " " + key
	e.bad.mu.Lock()
	known := e.bad.told[name]
	if e.bad.told == nil {
		e.bad.told = map[string]bool{}
	}
	e.bad.told[name] = true
	e.bad.mu.Unlock()
	if known {
		return
	}
	e.log.Error("a record cannot be read; it is left out", "record", name, "error", cause)
	err := e.update(e.ctx, func(tx model.Tx) error {
		return e.askToRetry(tx, &model.Task{
			About:  string(kind) + " " + key,
			Text:   model.Say("todo.unreadable", "kind", kind, "key", key),
			Detail: model.Say("todo.unreadable-how"),
		})
	})
	if err != nil && e.ctx.Err() == nil {
		e.log.Error("the task about a record that cannot be read could not be kept", "record", name, "error", err)
	}
}

// errUnread is why something about a record was not done that cannot be read.
var errUnread = model.Fail("error.unreadable")

// unreadIf tells of a record if err is that it cannot be read, and then returns
// an [errUnread].
func (e *Engine) unreadIf(kind model.Kind, id model.ID, err error) error {
	if err == nil || errors.Is(err, model.ErrNotFound) || errors.As(err, new(*rules.Refusal)) {
		return err
	}
	e.unreadable(kind, string(id), err)
	return errUnread
}

// isBad says whether a record was told of as one that cannot be read.
func (e *Engine) isBad(kind model.Kind, id model.ID) bool {
	e.bad.mu.Lock()
	defer e.bad.mu.Unlock()
	return e.bad.told[string(kind)+" "+string(id)]
}

// A grumble keeps a loop from logging the same error at each turn.
type grumble struct{ last string }

// fresh says whether an error is to be logged: one that is not the one before,
// and not that the engine ends.
func (g *grumble) fresh(e *Engine, err error) bool {
	before := g.last
	if g.last = ""; err == nil {
		return false
	}
	g.last = err.Error()
	return g.last != before && e.ctx.Err() == nil
}

// later gathers the records of a kind that a read met and that cannot be read,
// to tell of them once it is over: a task cannot be written inside of it.
func (e *Engine) later(kind model.Kind) *unread { return &unread{e: e, kind: kind} }

type unread struct {
	e    *Engine
	kind model.Kind
	keys []string
	errs []error
}

func (u *unread) add(key string, err error) {
	u.keys, u.errs = append(u.keys, key), append(u.errs, err)
}

func (u *unread) tell() {
	for n, key := range u.keys {
		u.e.unreadable(u.kind, key, u.errs[n])
	}
}

// readable visits the records of a scan. One that cannot be read is told of and
// passed over, so that it keeps nobody from those behind it; an error is that of
// the scan itself. Tell of it after the transaction: bad is called inside.
func readable[T any, P interface {
	*T
	model.Record
}](r model.Reader, s model.Scan, bad func(key string, err error), do func(*T) bool) error {
	s.Kind = P(nil).RecordKind()
	limit := s.Limit
	s.Limit = 0
	for key, err := range r.Keys(s) {
		if err != nil {
			return err
		}
		v, err := model.Get[T, P](r, key)
		if err != nil {
			bad(key, err)
			continue
		}
		if !do(&v) {
			return nil
		}
		if limit--; limit == 0 {
			return nil
		}
	}
	return nil
}

// faultOf notes that what is due for an instance has panicked, and says after
// how long it may be tried again; after too many in a row a person is asked and
// it is left alone until something changes.
func (e *Engine) faultOf(id model.ID, cause error) time.Duration {
	e.stuckMu.Lock()
	e.crashes[id]++
	n := e.crashes[id]
	e.stuckMu.Unlock()
	if n < maxCrashes {
		return rules.RetryAfter(n, 0)
	}
	err := e.update(e.ctx, func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		if err != nil {
			return err
		}
		return e.askToRetry(tx, &model.Task{
			Instance: id,
			About:    "due",
			Text:     model.Say("todo.retry-due", "name", i.Name, "times", maxCrashes),
			Detail:   model.TextOf(cause),
		})
	})
	if err != nil && e.ctx.Err() == nil {
		e.log.Error("the task about what is set aside could not be kept", "instance", id, "error", err)
	}
	return model.Never.Sub(e.Now())
}
