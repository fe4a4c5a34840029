package lifecycle

import (
	"context"
	"strings"
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
		switch t.Kind {
		case model.TaskApprove:
			return e.withdrawRequest(tx, actor, &t)
		case model.TaskAside:
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
	return tx.Append(e.taskEvent(actor, t, action))
}

// taskEvent returns the event that a person has done something to a task.
func (e *Engine) taskEvent(actor model.Actor, t *model.Task, action string) model.Event {
	ev := e.journal.Event(actor, action, nil)
	ev.Instance, ev.Resource, ev.Detail = t.Instance, t.Resource, t.Text
	return ev
}

// reopenTask is [Access.ReopenTask].
func (e *Engine) reopenTask(ctx context.Context, actor model.Actor, typed string) (t model.Task, err error) {
	err = e.journal.Update(ctx, func(tx model.Tx) error {
		if t, err = dismissedTask(tx, typed); err != nil {
			return err
		}
		t.Done, t.Outcome = time.Time{}, ""
		if err := tx.Put(&t); err != nil {
			return err
		}
		return tx.Append(e.taskEvent(actor, &t, "reopen"))
	})
	return t, err
}

// dismissedTask finds the newest dismissed task with an ID or a tail of one. One whose
// work was abandoned when it was dismissed is not found.
func dismissedTask(r model.Reader, typed string) (model.Task, error) {
	for t, err := range model.All[model.Task](r, model.Scan{Reverse: true}) {
		if err != nil {
			return t, err
		}
		if t.Outcome == journal.OutcomeDismissed && t.Kind != model.TaskAside && (string(t.ID) == typed || t.ID.HasTail(typed)) {
			return t, nil
		}
	}
	return model.Task{}, &rules.NotFound{What: "task", Name: typed}
}

// settling is [Access.Settling].
func (e *Engine) settling(actor model.Actor, t *model.Task) ([]rules.Suggestion, error) {
	if t.Kind == model.TaskChannel || t.Kind == model.TaskContact {
		id, _, _ := strings.Cut(t.About, "/")
		c, err := e.directory.ContactByID(model.ID(id))
		if err != nil {
			return nil, err
		}
		test := rules.Suggestion{Action: "contact", Args: []string{"test", c.Name}}
		if t.Kind == model.TaskContact {
			test.Args = []string{"show", c.Name}
		}
		return append([]rules.Suggestion{test}, e.table.Settling(t, nil)...), nil
	}
	if t.Instance == "" {
		return e.table.Settling(t, nil), nil
	}
	c, err := e.readFacts(actor, t.Instance)
	if err != nil {
		return nil, err
	}
	return e.table.Settling(t, c), nil
}
