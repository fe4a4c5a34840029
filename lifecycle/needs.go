package lifecycle

import (
	"context"
	"errors"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// followState makes the tasks about an instance and its resources that follow from
// their state equal to what holds now (spec D9), and plans when time alone
// changes that. The caller saves the instance if it reports a change.
func (e *Engine) followState(tx model.Tx, i *model.Instance) (changed bool, err error) {
	var rs []model.Resource
	if i.Deployments.Total > 0 {
		if rs, err = resourcesOf(tx, i.ID); err != nil {
			return false, err
		}
	}
	want, next, err := e.wantedTasks(tx, i, rs)
	if err != nil {
		return false, err
	}
	wrote := false
	if len(want) > 0 || i.HasTasks {
		mine := func(t *model.Task) bool { return t.Kind.FollowsState() }
		if wrote, err = e.journal.FollowState(tx, model.Scan{Index: "instance", Prefix: string(i.ID)}, mine, want); err != nil {
			return false, err
		}
	}
	changed = wrote || !next.Equal(i.TasksDue) || i.HasTasks != (len(want) > 0)
	i.TasksDue, i.HasTasks = next, len(want) > 0
	return changed, nil
}

// mayHaveTasks reports whether [Engine.followState] could find a task that follows
// from an instance, so that a sound instance is saved
// without reading tasks. It also plans the next look.
func mayHaveTasks(i *model.Instance, now time.Time) bool {
	lapse, next := rules.LapseOf(i, now)
	if lapse.Kind != "" || i.Failure.Kind != "" || i.Deployments.Failing > 0 || i.HasTasks {
		return true
	}
	i.TasksDue = next
	return false
}

// wantedTasks lists the tasks that should be open about an instance and its
// resources, and when time alone changes them.
func (e *Engine) wantedTasks(r model.Reader, i *model.Instance, rs []model.Resource) (want []model.Task, next time.Time, err error) {
	if i.Deleted {
		return nil, next, nil
	}
	lapse, next := rules.LapseOf(i, e.Now())
	if lapse.Kind != "" {
		t, err := e.lapseTask(r, i, rs, lapse)
		if err != nil {
			return nil, next, err
		}
		if t.Kind != "" {
			want = append(want, t)
		}
	}
	if t, failing := failingTask(&i.Operation, &i.Failure, i.Name); failing {
		t.Instance = i.ID
		want = append(want, t)
	}
	for n := range rs {
		r := &rs[n]
		if t, failing := failingTask(&r.Operation, &r.Failure, r.Place()); failing && r.Failure.Kind != model.JobVerify {
			t.Instance, t.Resource = i.ID, r.ID
			want = append(want, t)
		}
	}
	return want, next, nil
}

// lapseTask returns the task about a certificate that nothing renews; one without a
// kind if it is replaced, or about to be.
func (e *Engine) lapseTask(r model.Reader, i *model.Instance, rs []model.Resource, l rules.Lapse) (t model.Task, err error) {
	t = model.Task{Kind: l.Kind, Instance: i.ID}
	if i.RenewedBy != "" {
		successor, err := model.Get[model.Instance](r, string(i.RenewedBy))
		switch {
		case errors.Is(err, model.ErrNotFound):
		case err != nil:
			return t, rules.ReadError("instance", i.RenewedBy, err)
		case successor.State.Group() == model.GroupIssued:
			return model.Task{}, nil
		case successor.State.Group() == model.GroupUnissued:
			t.Detail = model.Say("todo.lapse-renewal", "name", successor.Name, "id", successor.ID.Short())
		}
	}
	if l.Overdue {
		c := e.factsOf(model.Scheduler, i)
		c.Resources = rs
		a, _ := e.table.NextDue(i)
		f := e.table.Check(a, c)
		if f == nil {
			return model.Task{}, nil // the scheduler is about to start it
		}
		t.Detail = model.TextOf(f)
	}
	code := "todo.lapse"
	switch {
	case e.Now().After(l.Ends.Add(time.Second - 1)):
		code = "todo.lapsed"
	case l.Overdue:
		code = "todo.lapse-overdue"
	case l.Kind == model.TaskHostingEnds:
		code = "todo.hosting-ends"
	}
	t.Text = model.Say(code, "name", i.Name, "at", l.Ends)
	return t, nil
}

// failingTask returns the task about work whose last attempt failed and that is
// not retried, or has failed several times. Work that is set aside has a task of
// its own.
func failingTask(o *model.Operation, f *model.Failure, about string) (t model.Task, failing bool) {
	t = model.Task{Kind: model.TaskFailing, About: string(f.Kind), Detail: f.Message}
	switch {
	case f.Kind == "" || o.Aside():
		return t, false
	case !o.Active():
		t.Text = model.Say("todo.failed", "about", about, "job", f.Kind)
		return t, true
	case o.Attempt < rules.FailingAttempts || o.Error == "":
		return t, false
	}
	t.Text = model.Say("todo.failing", "about", about, "job", f.Kind, "times", o.Attempt)
	if !o.Next.IsZero() {
		t.Detail = model.Texts(t.Detail, model.Say("todo.again", "at", o.Next))
	}
	return t, true
}

// plannedTasks names how tasks of instances are planned; a store that was planned
// differently is planned again.
const plannedTasks = "1"

// planTasks raises and plans the tasks of instances that were stored by a version
// that knew fewer kinds.
func (s *scheduler) planTasks() error {
	cell := model.KV{Namespace: "engine", Name: "tasks"}
	var ids []model.ID
	err := s.store.View(func(r model.Reader) error {
		err := r.Get(&cell)
		if err != nil && !errors.Is(err, model.ErrNotFound) || string(cell.Data) == plannedTasks {
			return err
		}
		for key, err := range r.Keys(model.Scan{Kind: model.KindInstance, Index: "expiry"}) {
			if err != nil {
				return err
			}
			ids = append(ids, model.ID(key))
		}
		return nil
	})
	if err != nil || string(cell.Data) == plannedTasks {
		return err
	}
	for _, id := range ids {
		if s.journal.CheckInstance(id) != nil {
			continue // already reported
		}
		if err := s.dueTasks(s.ctx, id); err != nil {
			return err
		}
	}
	cell.Data = []byte(plannedTasks)
	return s.store.Update(s.ctx, func(tx model.Tx) error { return tx.Put(&cell) })
}

// dueTasks raises, updates or closes the tasks about an instance that time alone
// changes, or whose due action is refused.
func (e *Engine) dueTasks(ctx context.Context, id model.ID) error {
	err := e.journal.Update(ctx, func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		if err != nil {
			return err
		}
		changed, err := e.followState(tx, &i)
		if err != nil || !changed {
			return err
		}
		return tx.Put(&i)
	})
	if errors.Is(err, model.ErrNotFound) {
		return nil // deleted meanwhile
	}
	return err
}
