package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// followState makes the tasks about an instance and its resources that follow from
// their state equal to what holds now (spec D4, D9), and plans when time alone
// changes that. The caller saves the instance if it reports a change.
func (e *Engine) followState(tx model.Tx, i *model.Instance, rs []model.Resource) (changed bool, err error) {
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
// from an instance, without its resources, so that a sound instance is saved
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
	now := e.Now()
	lapse, next := rules.LapseOf(i, now)
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
		if missesWindow(r) {
			want = append(want, model.Task{
				Kind: model.TaskWindow, Instance: i.ID, Resource: r.ID, About: r.Presented,
				Text:   model.Say("todo.window", "place", r.Place(), "at", r.NotAfter),
				Detail: model.Say("todo.window-at", "at", r.WindowAt),
			})
		}
	}
	presented, err := e.presentedTasks(r, i, rs)
	return append(want, presented...), next, err
}

// presentedTasks lists the tasks about what servers present: a revoked, an expired or a
// replaced certificate (spec D4, I10). Those about a replaced instance are tasks of its
// successor, which is to be deployed instead.
func (e *Engine) presentedTasks(r model.Reader, i *model.Instance, rs []model.Resource) (want []model.Task, err error) {
	if i.Replaced {
		return nil, nil
	}
	replaced, err := replacedBy(r, i)
	if err != nil {
		return nil, err
	}
	for n := range rs {
		if t := e.presentedTask(i, i, &rs[n]); t.Text != "" {
			want = append(want, t)
		}
	}
	for _, old := range replaced {
		rs, err := resourcesOf(r, old.ID)
		if err != nil {
			return nil, err
		}
		for n := range rs {
			if t := e.presentedTask(i, old, &rs[n]); t.Text != "" {
				want = append(want, t)
			}
		}
	}
	return want, nil
}

// presentedTask returns the task about what a resource of an instance or of its
// predecessor presents; one without a text if that is as it should be. Revoked and
// expired certificates come first: visitors of the server see those.
func (e *Engine) presentedTask(i, owner *model.Instance, r *model.Resource) model.Task {
	t := model.Task{
		Kind: model.TaskReplace, Instance: i.ID, Resource: r.ID, About: r.Presented,
		Detail: model.Say("todo.fingerprint", "fingerprint", r.Presented),
	}
	seen := owner.ByFingerprint(r.Presented)
	switch revoked, expired := presentsBadCertificate(r, owner, e.Now()); {
	case revoked:
		t.Text = model.Say("todo.replace-revoked", "place", r.Place())
	case expired:
		t.Text = model.Say("todo.replace-expired", "place", r.Place(), "at", r.NotAfter)
	case seen != nil && owner.ID != i.ID:
		t.Kind = model.TaskPredecessor
		t.Text = model.Say("todo.predecessor", "place", r.Place(), "name", owner.Name, "old", owner.ID.Short(), "id", i.ID.Short())
	case seen != nil && slices.Contains(i.Retiring.Versions, seen.Number) && !r.Operation.Active():
		t.Kind = model.TaskPredecessor
		t.Text = model.Say("todo.retiring", "place", r.Place(), "version", seen.Number, "id", i.ID.Short())
	case r.Deployed != "" && r.Presented != "" && r.Drifts():
		t.Kind, t.Text = model.TaskDrift, model.Say("todo.drift", "place", r.Place(), "since", r.DriftSince)
		if r.Presented == r.Deployed {
			t.About, t.Text = r.Configured, model.Say("todo.drift-configured", "place", r.Place(), "since", r.DriftSince)
			t.Detail = model.Say("todo.fingerprint", "fingerprint", r.Configured)
		}
	}
	return t
}

// lapseTask returns the task about a certificate that nothing renews; one without a
// kind if it is about to be renewed.
func (e *Engine) lapseTask(r model.Reader, i *model.Instance, rs []model.Resource, l rules.Lapse) (t model.Task, err error) {
	t = model.Task{Kind: l.Kind, Instance: i.ID}
	next, err := linked(r, i.ReplacedBy())
	if err != nil {
		return t, err
	}
	if next != nil && next.State.Group() == model.GroupUnissued {
		t.Detail = model.Say("todo.lapse-renewal", "name", next.Name, "id", next.ID.Short())
	}
	switch {
	case i.Operation.AwaitsBudget():
		t.Detail = model.Say("todo.waits", "waiting", i.Operation.WaitFor)
	case l.Overdue:
		c := e.factsOf(model.Scheduler, i)
		c.Resources = rs
		a, _ := e.table.NextDue(i)
		f := e.table.Check(a, c)
		if f == nil {
			return model.Task{}, nil // the scheduler is about to start it
		}
		t.Detail = model.TextOf(f)
	}
	t.Text = l.Task(i.Name, e.Now())
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
const plannedTasks = "2"

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
		rs, err := resourcesOf(tx, id)
		if err != nil {
			return err
		}
		if err := e.updatePredecessor(tx, &i); err != nil { // an earlier version did not
			return err
		}
		changed, err := e.followState(tx, &i, rs)
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
