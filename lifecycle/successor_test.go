package lifecycle_test

import (
	"slices"
	"testing"
	"time"

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
	note := "PCI scope"
	_, err := w.engine.By(operator).Annotate(w.ctx(), old, lifecycle.Annotation{Add: []string{"prod"}, Note: &note})
	w.check(err)
	again, j, err := w.engine.By(operator).Renew(w.ctx(), old) // the former renewal is no obstacle
	w.done(j, err)
	if n := w.get(again.ID); !slices.Equal(n.Tags, []string{"prod"}) || n.Note != note {
		t.Errorf("the successor has the tags %q and the note %q", n.Tags, n.Note)
	}
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

func (w *world) openTasks(kind model.TaskKind) (of []model.Task) {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	for _, t := range all {
		if t.Kind == kind {
			of = append(of, t)
		}
	}
	return of
}

// deployEverywhere deploys where the certificate, or the one it replaces, is deployed.
func (w *world) deployEverywhere(id model.ID) {
	w.t.Helper()
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Everywhere: true})
	w.check(err)
	for _, j := range jobs {
		w.done(j, nil)
	}
}

// spec: I10, D9
func TestWhatStillPresentsAPredecessorIsATaskUntilItDoesNot(t *testing.T) {
	w := newWorld(t)
	old := w.issued("a.example.com")
	w.deploy(old)
	w.forward(100 * days)
	w.done(w.engine.By(operator).Reissue(w.ctx(), old, lifecycle.ReissueRequest{}))
	if n := len(w.openTasks(model.TaskInstall)); n != 1 {
		t.Fatalf("%d tasks to install the reissued version", n)
	}
	w.forward(245 * days)
	next, j, err := w.engine.By(operator).Renew(w.ctx(), old)
	w.done(j, err)
	if ts := w.openTasks(model.TaskPredecessor); len(ts) != 1 || ts[0].Instance != next.ID || ts[0].Resource != w.resource(0).ID {
		t.Fatalf("tasks %+v", ts)
	}
	if ts := w.openTasks(model.TaskInstall); len(ts) != 0 {
		t.Errorf("the replaced one is still to be deployed: %+v", ts)
	}
	places, err := w.engine.By(operator).Everywhere(next.ID)
	w.check(err)
	if len(places) != 1 || places[0].Instance != old {
		t.Errorf("everywhere is %+v", places)
	}
	w.forward(30 * days) // what is presented has expired: that is the one task about it
	look, err := w.engine.By(operator).Verify(w.ctx(), places[0].ID)
	w.check(err)
	w.wait(look.ID)
	if p, r := w.openTasks(model.TaskPredecessor), w.openTasks(model.TaskReplace); len(p) != 0 || len(r) != 1 || r[0].Instance != next.ID {
		t.Errorf("tasks %+v and %+v", p, r)
	}
	w.deployEverywhere(next.ID)
	if p, r := w.openTasks(model.TaskPredecessor), w.openTasks(model.TaskReplace); len(p)+len(r) != 0 {
		t.Errorf("tasks %+v and %+v", p, r)
	}
	if r := w.resource(0); r.Instance != next.ID {
		t.Errorf("the resource belongs to %s", r.Instance)
	}
	w.done(w.engine.By(operator).Undeploy(w.ctx(), places[0].ID))
	_, err = w.engine.By(operator).Deploy(w.ctx(), next.ID, lifecycle.DeployRequest{Everywhere: true})
	w.refused(err, rules.ReasonNotDeployed)
	w.fsck()
}

// spec: I9
func TestAnOlderCertificateGoesOverANewerOneOnlyWhenThatIsSaid(t *testing.T) {
	w := newWorld(t)
	old, next := w.renewed("a.example.com")
	w.deployEverywhere(next)
	_, err := w.engine.By(operator).Deploy(w.ctx(), old, lifecycle.DeployRequest{Product: "cdn", Resources: []string{"a.example.com"}})
	f := w.refused(err, rules.ReasonOlder)
	ends := func(id model.ID) time.Time { i := w.get(id); return i.Current().NotAfter }
	if f.Args["older"] != ends(old) || f.Args["newer"] != ends(next) {
		t.Errorf("the refusal names %v", f.Args)
	}
	if r := w.resource(0); r.Instance != next || r.Operation.Active() {
		t.Errorf("something was done: %+v", r)
	}
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), old, lifecycle.DeployRequest{
		Product: "cdn", Resources: []string{"a.example.com"}, Older: true,
	})
	w.check(err)
	w.done(jobs[0], nil)
	if ts := w.openTasks(model.TaskPredecessor); len(ts) != 1 || ts[0].Instance != next {
		t.Errorf("tasks %+v", ts)
	}
}
