package lifecycle_test

import (
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// renewed returns an instance in its service window and the one it was renewed by.
func (w *world) renewed(name string) (old, next model.ID) {
	w.t.Helper()
	old = w.issued(name)
	w.deploy(old)
	w.forward(345 * days)
	made, j, err := w.engine.By(operator).Renew(w.ctx(), old)
	w.done(j, err)
	return old, made.ID
}

func (w *world) has(id model.ID, d model.Derived) bool {
	i := w.get(id)
	return i.Has(d, w.clock.Now())
}

// spec: I9, S1
func TestWhatHasAnIssuedSuccessorIsReplaced(t *testing.T) {
	w := newWorld(t)
	old, next := w.renewed("a.example.com")
	for range 2 { // in its window, and a year later
		i, n := w.get(old), w.get(next)
		if i.ReplacedBy() != next || n.Replaces() != old || i.Status(w.clock.Now()) != string(model.Replaced) {
			t.Fatalf("%s, replaced by %q, which replaces %q", i.Status(w.clock.Now()), i.ReplacedBy(), n.Replaces())
		}
		if w.has(old, model.Expiring) || w.has(old, model.Expired) || !i.Due.IsZero() {
			t.Errorf("it still asks for attention: %+v", i)
		}
		counts, err := w.engine.By(model.Scheduler).Counts()
		w.check(err)
		page, err := w.engine.By(model.Scheduler).Page(model.Query{Filter: model.Filter{Derived: []model.Derived{model.Replaced}}})
		w.check(err)
		if counts.Derived[model.Replaced] != 1 || page.Total != 1 || page.Rows[0].ReplacedBy != next {
			t.Errorf("%v counted, %+v listed", counts.Derived, page.Rows)
		}
		if counts.Derived[model.Expired]+counts.Derived[model.Expiring] > 0 {
			t.Errorf("counted: %v", counts.Derived)
		}
		if found, err := w.engine.By(operator).Find("a.example.com"); err != nil || found.ID != next {
			t.Errorf("the name means %s (%v)", found.ID, err)
		}
		w.forward(30 * days)
	}
	w.fsck()
}

// spec: I9
func TestTheEndOfASuccessorBringsTheOldOneBack(t *testing.T) {
	w := newWorld(t)
	old, next := w.renewed("a.example.com")
	w.done(w.engine.By(operator).Revoke(w.ctx(), next, lifecycle.RevokeRequest{}))
	if i := w.get(old); i.Replaced || !w.has(old, model.Expiring) {
		t.Errorf("what replaced it is revoked, and it counts as %s", i.Status(w.clock.Now()))
	}
	again, j, err := w.engine.By(operator).Renew(w.ctx(), old) // the former renewal is no obstacle
	w.done(j, err)
	if i := w.get(old); !i.Replaced || i.ReplacedBy() != again.ID {
		t.Errorf("renewed again by %s: %+v", again.ID, i)
	}
}

// spec: I9, I5
func TestDeletingASuccessorLinksItsNeighbours(t *testing.T) {
	w := newWorld(t)
	first, second := w.renewed("a.example.com")
	w.forward(350 * days)
	made, j, err := w.engine.By(operator).Renew(w.ctx(), second)
	w.done(j, err)
	w.forward(30 * days)
	w.check(w.engine.By(operator).Delete(w.ctx(), second))
	if i, n := w.get(first), w.get(made.ID); i.ReplacedBy() != made.ID || n.Replaces() != first || !i.Replaced {
		t.Errorf("replaced by %q, which replaces %q", i.ReplacedBy(), n.Replaces())
	}
	_, _, err = w.engine.By(operator).Renew(w.ctx(), first)
	w.refused(err, rules.ReasonRenewed)
}
