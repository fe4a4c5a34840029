package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// deleteTasks deletes the tasks about an instance, or about one resource of it,
// that no longer exists. Their history is in the activity log.
func deleteTasks(tx model.Tx, instance, resource model.ID) error {
	var gone []model.Task
	for t, err := range model.All[model.Task](tx, model.Scan{Index: "instance", Prefix: string(instance)}) {
		if err != nil {
			return err
		}
		if resource == "" || t.Resource == resource {
			gone = append(gone, t)
		}
	}
	for n := range gone {
		if err := tx.Delete(&gone[n]); err != nil {
			return err
		}
	}
	return nil
}

// resolutions are the outcomes of open tasks by kind.
type resolutions map[model.TaskKind]string

// closeTasks closes the open tasks about an instance whose kind has an outcome.
func closeTasks(tx model.Tx, instance model.ID, at time.Time, how resolutions) error {
	return journal.EndTasks(
		tx, model.Scan{Index: "pending", Prefix: string(instance)}, at,
		func(t *model.Task) string { return how[t.Kind] },
	)
}

// closeInstallTasks closes the install tasks that a deployment fulfils (spec D7).
func (e *Engine) closeInstallTasks(tx model.Tx, instance, resource model.ID, version int) error {
	return journal.EndTasks(tx, model.Scan{Index: "pending", Prefix: string(instance)}, e.Now(), func(t *model.Task) string {
		if t.Kind == model.TaskInstall && t.Version <= version && (t.Resource == "" || t.Resource == resource) {
			return "seen"
		}
		return ""
	})
}

// closeRevokedTasks closes the install tasks of revoked versions, and all of a
// revoked instance.
func closeRevokedTasks(tx model.Tx, i *model.Instance, at time.Time) error {
	ended := i.State.Group() == model.GroupEnded
	return journal.EndTasks(tx, model.Scan{Index: "pending", Prefix: string(i.ID)}, at, func(t *model.Task) string {
		v := i.Version(t.Version)
		if t.Kind == model.TaskInstall && (ended || v != nil && !v.RevokedAt.IsZero()) {
			return "revoked"
		}
		return ""
	})
}

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
	if lapse.Kind != "" || i.Failure.Kind != "" || i.HasTasks {
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

// presentsBadCertificate reports whether the presented certificate is revoked, or
// else expired.
func presentsBadCertificate(r *model.Resource, i *model.Instance, now time.Time) (revoked, expired bool) {
	if r.Presented == "" {
		return false, false
	}
	seen := i.ByFingerprint(r.Presented)
	revoked = seen != nil && !seen.RevokedAt.IsZero()
	return revoked, !revoked && now.After(r.NotAfter)
}

// closeExpiredTasks closes the tasks about versions that have expired: there is
// nothing left to install. The caller holds passMu.
func (s *scheduler) closeExpiredTasks(now time.Time) error {
	late := model.Scan{Kind: model.KindTask, Index: "until", To: model.TimeKey(now), Limit: pruneBatch}
	for more := true; more; {
		err := s.store.Update(s.ctx, func(tx model.Tx) error {
			ended := 0
			err := journal.EndTasks(tx, late, now, func(*model.Task) string { ended++; return "expired" })
			more = ended == late.Limit
			return err
		})
		if err != nil {
			return model.Fail("error.end-tasks", "cause", err)
		}
	}
	return nil
}

// dismissTask is [Access.DismissTask].
func (e *Engine) dismissTask(ctx context.Context, actor model.Actor, typed string) (model.Task, error) {
	var t model.Task
	if f := e.table.May(actor, "dismiss"); f != nil {
		return t, f
	}
	err := e.journal.Update(ctx, func(tx model.Tx) (err error) {
		if t, err = openTask(tx, typed); err != nil {
			return err
		}
		if t.Kind == model.TaskAside {
			if err := e.worker.abandon(tx, &t); err != nil {
				return err
			}
		}
		return e.endTask(tx, actor, &t, "dismiss", "dismissed")
	})
	return t, err
}

// openTask finds an open task by its ID or a unique tail.
func openTask(tx model.Tx, typed string) (model.Task, error) {
	var found []model.Task
	for open, err := range model.All[model.Task](tx, model.Scan{Index: "open"}) {
		if err != nil {
			return model.Task{}, err
		}
		if string(open.ID) == typed || open.ID.HasTail(typed) {
			found = append(found, open)
		}
	}
	switch len(found) {
	case 0:
		return model.Task{}, &rules.NotFound{What: "task", Name: typed}
	case 1:
		return found[0], nil
	}
	a := &rules.Ambiguous{Name: typed}
	for n := range found {
		a.Candidates = append(a.Candidates, string(found[n].ID))
	}
	return model.Task{}, a
}

// endTask closes a task on behalf of a person.
func (e *Engine) endTask(tx model.Tx, actor model.Actor, t *model.Task, action, outcome string) error {
	t.Done, t.Outcome = e.Now(), outcome
	if err := tx.Put(t); err != nil {
		return err
	}
	ev := e.journal.Event(actor, action, nil)
	ev.Instance, ev.Resource, ev.Detail = t.Instance, t.Resource, t.Text
	return tx.Append(ev)
}
