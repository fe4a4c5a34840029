package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// ends waits for a job and those that follow from it, and expects all to have
// succeeded.
func (w *world) ends(j model.Job, err error) {
	w.t.Helper()
	w.check(err)
	all, err := w.engine.By(model.Scheduler).Follow(w.ctx(), nil, j.ID)
	w.check(err)
	for _, p := range all {
		if !p.Done || p.Job.Result != journal.ResultOK {
			w.t.Fatalf("job %s: done %v, result %q, error %q", p.Job.Kind, p.Done, p.Job.Result, p.Job.Error)
		}
	}
}

// started runs the scheduler of the world's engine, which follow-up jobs need.
func (w *world) started() { w.engine.Start() }

// spec: I12
func TestAKeyIsReplacedEverywhereBeforeTheOldVersionIsRevoked(t *testing.T) {
	for _, hosted := range []bool{false, true} {
		w := newWorld(t)
		w.started()
		var id model.ID
		if hosted {
			id = w.hosted("a.example.com")
		} else {
			id = w.issued("a.example.com")
		}
		w.deploy(id)
		if hosted {
			w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
		}
		credits := w.balance("credit")
		j, err := w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}) // a second version of the same key
		w.ends(j, err)
		plan, err := w.engine.By(operator).PlanRekey(id)
		w.check(err)
		if !slices.Equal(plan.Versions, []int{2, 1}) || len(plan.Resources) != 1 {
			t.Errorf("the plan is %+v", plan)
		}
		j, err = w.engine.By(operator).Rekey(w.ctx(), id, "")
		w.ends(j, err)
		i, r := w.get(id), w.resource(0)
		if len(i.Versions) != 3 || i.Versions[2].SPKI == i.Versions[0].SPKI || r.Presented != i.Versions[2].Fingerprint {
			t.Fatalf("hosted %v: %+v at %+v", hosted, i.Versions, r)
		}
		for _, v := range i.Versions[:2] {
			if v.RevokedReason != "keyCompromise" {
				t.Errorf("version %d is revoked for %q", v.Number, v.RevokedReason)
			}
		}
		if i.State != model.Issued || i.Hosting.On != hosted || r.AutoDeploy != hosted || len(i.Retiring.Versions) != 0 ||
			i.Operation.Active() {
			t.Errorf("afterwards: %+v", i)
		}
		if after := w.balance("credit"); after != credits {
			t.Errorf("credits %+v, before %+v", after, credits)
		}
		if ts := append(w.openTasks(model.TaskInstall), w.openTasks(model.TaskPredecessor)...); len(ts) > 0 {
			t.Errorf("tasks %+v", ts)
		}
		w.fsck()
	}
}

// spec: I12
func TestNothingIsRevokedWhileAServerPresentsIt(t *testing.T) {
	w := newWorld(t)
	w.started()
	id := w.issued("a.example.com")
	w.deploy(id)
	w.product.Break("deploy", &ports.PermanentError{Err: errors.New("full")})
	j, err := w.engine.By(operator).Rekey(w.ctx(), id, "superseded")
	w.check(err)
	_, err = w.engine.By(model.Scheduler).Follow(w.ctx(), nil, j.ID)
	w.check(err)
	if i := w.get(id); len(i.Versions) != 2 || !i.Versions[0].RevokedAt.IsZero() || !slices.Equal(i.Retiring.Versions, []int{1}) {
		t.Fatalf("a deployment has failed: %+v, to be revoked %+v", i.Versions, i.Retiring)
	}
	if ts := w.openTasks(model.TaskPredecessor); len(ts) != 1 || ts[0].Instance != id {
		t.Errorf("tasks %+v", ts)
	}
	w.product.Break("deploy", nil)
	w.deployEverywhere(id)
	for range 100 {
		if i := w.get(id); !i.Versions[0].RevokedAt.IsZero() && !i.Operation.Active() {
			break
		}
		w.tick()
	}
	if i := w.get(id); i.Versions[0].RevokedReason != "superseded" || i.State != model.Issued {
		t.Errorf("afterwards: %+v", i.Versions)
	}
}

// spec: I4
// finding: U5
func TestASupersededVersionIsRevokedWhileHosted(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true}))
	_, err := w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{})
	w.refused(err, rules.ReasonStopHosting)
	_, err = w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Versions: []int{2}})
	w.refused(err, rules.ReasonStopHosting)
	// Neither hosting nor other work is in the way.
	w.issuer.Pending = 1 << 30
	busy, err := w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{})
	w.check(err)
	w.wait(busy.ID)
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Versions: []int{1}, Reason: "keyCompromise"}))
	i := w.get(id)
	if i.Versions[0].RevokedReason != "keyCompromise" || i.State != model.Issued || !i.Hosting.On || i.Operation.Job != busy.ID {
		t.Errorf("%+v, operation %+v", i.Versions, i.Operation)
	}
	_, err = w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Versions: []int{1}})
	w.refused(err, rules.ReasonStopHosting)
	w.fsck()
}

// spec: I11
// finding: U12
func TestWhatHasExpiredOrEndedIsOrderedAgain(t *testing.T) {
	for name, end := range map[string]func(w *world, id model.ID){
		"expired": func(w *world, _ model.ID) { w.forward(370 * days) },
		"revoked": func(w *world, id model.ID) {
			w.forward(40 * days)
			w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{}))
		},
	} {
		w := newWorld(t)
		w.started()
		id := w.issued("a.example.com")
		w.deploy(id)
		_, _, err := w.engine.By(operator).Reorder(w.ctx(), id, lifecycle.ReorderRequest{})
		w.refused(err, rules.ReasonStillValid)
		end(w, id)
		plan, err := w.engine.By(operator).PlanReorder(id, lifecycle.ReorderRequest{})
		w.check(err)
		if plan.Total != 10000 || len(plan.Resources) != 1 {
			t.Errorf("%s: the plan is %+v", name, plan)
		}
		next, j, err := w.engine.By(operator).Reorder(w.ctx(), id, lifecycle.ReorderRequest{})
		w.ends(j, err)
		old, again, r := w.get(id), w.get(next.ID), w.resource(0)
		if !old.Replaced || old.ReplacedBy() != next.ID || old.RenewedBy != "" || again.Replaces() != id || again.State != model.Issued {
			t.Errorf("%s: %+v and %+v", name, old, again)
		}
		if r.Instance != next.ID || r.Presented != again.Current().Fingerprint || again.Spec != old.Spec ||
			again.Versions[0].SPKI == old.Versions[0].SPKI {
			t.Errorf("%s: at %+v", name, r)
		}
		if spent, err := w.engine.By(model.Scheduler).SpentByCurrency(); err != nil || spent["EUR"] != 2*plan.Total {
			t.Errorf("%s: %v spent (%v)", name, spent, err)
		}
		_, _, err = w.engine.By(operator).Reorder(w.ctx(), id, lifecycle.ReorderRequest{})
		w.refused(err, rules.ReasonRenewed)
		if ts := append(w.openTasks(model.TaskReplace), w.openTasks(model.TaskPredecessor)...); len(ts) > 0 {
			t.Errorf("%s: tasks %+v", name, ts)
		}
		w.fsck()
	}
}

// spec: I11
func TestWhatCannotBeRepeatedIsNotOrderedAgain(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	_, _, err := w.engine.By(operator).Reorder(w.ctx(), id, lifecycle.ReorderRequest{})
	w.refused(err, rules.ReasonNotApplied)
	w.check(w.engine.By(operator).CloseInstance(w.ctx(), id))
	before, err := w.engine.By(model.Scheduler).CostsByOrder()
	w.check(err)
	_, _, err = w.engine.By(operator).Reorder(w.ctx(), id, lifecycle.ReorderRequest{})
	w.refused(err, rules.ReasonNeverApplied)
	after, err := w.engine.By(model.Scheduler).CostsByOrder()
	w.check(err)
	if len(before) != len(after) {
		t.Error("something was bought")
	}
}

// renewedKeys is a life from an issued and deployed certificate on: its key is
// replaced, it is revoked, and ordered again. It can be gone on with after a death.
func (w *world) renewedKeys(ctx context.Context) error {
	e := w.engine.By(operator)
	for range 40 {
		if err := w.settle(ctx); err != nil {
			return err
		}
		page, err := e.Page(model.Query{Sort: model.SortName})
		if err != nil {
			return err
		}
		i, err := e.Instance(page.Rows[0].ID)
		if err != nil {
			return err
		}
		if page.Total > 1 && i.Replaces() != "" { // the first of equal names may be either
			i, err = e.Instance(i.Replaces())
			if err != nil {
				return err
			}
		}
		switch {
		case len(i.Versions) == 1:
			_, err = e.Rekey(ctx, i.ID, "")
		case i.State == model.Issued:
			_, err = e.Revoke(ctx, i.ID, lifecycle.RevokeRequest{})
		case !i.Replaced:
			_, _, err = e.Reorder(ctx, i.ID, lifecycle.ReorderRequest{})
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("the life does not end")
}

// spec: I11, I12
func TestKilledWhileAKeyIsReplacedOrACertificateOrderedAgain(t *testing.T) {
	begin := func(t *testing.T, left int, before bool) (*world, *mortal) {
		w := newWorld(t)
		w.deploy(w.issued("a.example.com"))
		w.engine.Close()
		m := &mortal{Store: w.store, left: left, before: before, dead: make(chan struct{})}
		w.start(m)
		return w, m
	}
	w, m := begin(t, 0, false)
	w.check(w.renewedKeys(w.ctx()))
	w.engine.Close()
	if m.writes < 12 {
		t.Fatalf("only %d writes", m.writes)
	}
	for n := 1; n <= m.writes; n++ {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("write %d before=%v", n, before), func(t *testing.T) {
				t.Parallel()
				w, m := begin(t, n, before)
				ctx, cancel := context.WithCancel(context.WithValue(w.ctx(), mortalKey{}, m))
				go func() {
					<-m.dead
					cancel()
				}()
				_ = w.renewedKeys(ctx) // it dies, or ends with the last write
				cancel()
				w.engine.Close()
				w.start(w.store)
				w.check(w.renewedKeys(w.ctx()))
				if len(w.issuer.Signed) != 3 || len(w.issuer.Reasons) != 2 || w.product.Changes != 3 {
					t.Errorf("%d signed, %d revoked, %d bindings changed; want 3, 2, 3",
						len(w.issuer.Signed), len(w.issuer.Reasons), w.product.Changes)
				}
				if r := w.resource(0); r.State != model.ResourceDeployed {
					t.Errorf("the server is %s", r.State)
				}
				w.fsck()
			})
		}
	}
}
