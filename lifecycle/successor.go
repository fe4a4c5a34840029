package lifecycle

import (
	"errors"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// linked reads an instance that another one names as its successor or predecessor;
// nil if there is none or only a tombstone is left of it.
func linked(r model.Reader, id model.ID) (*model.Instance, error) {
	if id == "" {
		return nil, nil
	}
	i, err := model.Get[model.Instance](r, string(id))
	if errors.Is(err, model.ErrNotFound) || err == nil && i.Deleted {
		return nil, nil
	}
	if err != nil {
		return nil, rules.ReadError("instance", id, err)
	}
	return &i, nil
}

// successor returns the instance that was bought to replace i and is itself neither
// ended nor replaced: the first such one in the line of successors; nil for none (spec
// I9).
func successor(r model.Reader, i *model.Instance) (*model.Instance, error) {
	for {
		next, err := linked(r, i.ReplacedBy())
		if err != nil || next == nil || next.State.Group() != model.GroupEnded && !next.Replaced {
			return next, err
		}
		i = next
	}
}

// nameSuccessors fills in what replaces the rows that are replaced.
func nameSuccessors(r model.Reader, rows []model.InstanceRow) error {
	for n := range rows {
		if !rows[n].Replaced {
			continue
		}
		i, err := linked(r, rows[n].ID)
		if err != nil || i == nil {
			return err
		}
		rows[n].ReplacedBy = i.ReplacedBy()
	}
	return nil
}

// predecessors returns what i was bought to replace, and what that one had replaced,
// the latest first.
func predecessors(r model.Reader, i *model.Instance) (all []*model.Instance, err error) {
	for {
		if i, err = linked(r, i.Replaces()); err != nil || i == nil {
			return all, err
		}
		all = append(all, i)
	}
}

// replacedBy lists what an instance has replaced, directly or through others, the
// latest first.
func replacedBy(r model.Reader, i *model.Instance) ([]*model.Instance, error) {
	all, err := predecessors(r, i)
	for n, old := range all {
		by := i.ID
		if n > 0 {
			by = all[n-1].ID
		}
		if !old.Replaced || old.ReplacedBy() != by {
			return all[:n], nil
		}
	}
	return all, err
}

// updatePredecessor keeps [model.Instance.Replaced] of the instance that i replaces up
// to date, in the transaction that saves i, and moves the tasks about its servers (spec
// I9, I10).
func (e *Engine) updatePredecessor(tx model.Tx, i *model.Instance) error {
	old, err := linked(tx, i.Replaces())
	if err != nil || old == nil || old.ReplacedBy() != i.ID {
		return err // it was ordered again since
	}
	replaced := i.Replaced || i.State.Group() == model.GroupIssued
	if old.Replaced == replaced {
		return nil
	}
	old.Replaced = replaced
	if replaced { // nobody is asked to install the old one any more
		if err := closeTasks(tx, old.ID, e.Now(), resolutions{model.TaskInstall: "replaced"}); err != nil {
			return err
		}
	}
	rs, err := resourcesOf(tx, old.ID)
	if err != nil {
		return err
	}
	if err := e.saveWith(tx, old, append([]model.Resource{}, rs...)); err != nil {
		return err
	}
	return e.followTasks(tx, i)
}

// followTasks raises and closes the tasks about an instance whose predecessors have
// changed.
func (e *Engine) followTasks(tx model.Tx, i *model.Instance) error {
	rs, err := resourcesOf(tx, i.ID)
	if err != nil {
		return err
	}
	changed, err := e.followState(tx, i, rs)
	if err != nil || !changed {
		return err
	}
	return tx.Put(i)
}

// unlink takes an instance out of the line of successors before it is deleted: its
// predecessor is then replaced by its successor (spec I9).
func (e *Engine) unlink(tx model.Tx, i *model.Instance) error {
	old, err := linked(tx, i.Replaces())
	if err != nil {
		return err
	}
	next, err := linked(tx, i.ReplacedBy())
	if err != nil {
		return err
	}
	if old != nil && old.ReplacedBy() == i.ID {
		old.RenewedBy, old.ReorderedBy = i.RenewedBy, i.ReorderedBy
		old.Replaced = i.Replaced
		if err := e.saveInstance(tx, old); err != nil {
			return err
		}
	}
	if next != nil && next.Replaces() == i.ID {
		next.RenewalOf, next.ReorderOf = i.RenewalOf, i.ReorderOf
		return e.saveInstance(tx, next)
	}
	return nil
}
