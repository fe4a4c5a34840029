package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/lifecycletest"
	"certquay/model"
)

// failedAuto is a hosted certificate whose automatic deployment has just
// failed and waits for its next attempt.
func failedAuto(t *testing.T) (*world, model.ID, model.ID) {
	t.Helper()
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.deploy(id)
	r := w.resource(0).ID
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), r, true))
	w.product.Stubborn = true
	w.check(w.engine.By(operator).MoveClock(w.ctx(), w.get(id).Due.Add(time.Second)))
	w.product.Stubborn = false
	if v := w.resource(0); v.State != model.ResourceFailed {
		t.Fatalf("it is %s", v.State)
	}
	return w, id, r
}

// A retry that comes late must not undo what was done meanwhile.
// spec: D5, D6, H9
func TestALateRetryGivesWay(t *testing.T) {
	bubble(t, "to another certificate put there by hand", func(t *testing.T) {
		w, _, _ := failedAuto(t)
		other := w.issued("a.example.com")
		w.deploy(other)
		w.forward(3 * time.Hour)
		if v := w.resource(0); v.Instance != other || v.State != model.ResourceDeployed {
			t.Errorf("after the retry it is %s of %s", v.State, v.Instance)
		}
		if b := w.balance("credit"); b.Reserved != 0 || b.Used != 0 {
			t.Errorf("credits %+v", b)
		}
	})
	bubble(t, "to a newer version", func(t *testing.T) {
		w, id, _ := failedAuto(t)
		w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true}))
		w.forward(3 * time.Hour)
		if v := w.resource(0); v.Version != 3 || v.State != model.ResourceDeployed {
			t.Errorf("after the retry it presents version %d, %s", v.Version, v.State)
		}
	})
	bubble(t, "to auto-deploy being switched off", func(t *testing.T) {
		w, _, r := failedAuto(t)
		w.check(w.engine.By(operator).AutoDeploy(w.ctx(), r, false))
		w.forward(3 * time.Hour)
		if v, b := w.resource(0), w.balance("credit"); v.Version != 1 || b.Used != 0 || b.Available != 5 {
			t.Errorf("after the retry it presents version %d, %+v", v.Version, b)
		}
	})
	bubble(t, "to undeploying", func(t *testing.T) {
		w, _, r := failedAuto(t)
		w.done(w.engine.By(operator).Undeploy(w.ctx(), r))
		w.forward(3 * time.Hour)
		if rs, _, _ := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{}); len(rs) != 0 || len(w.product.Bound) != 0 {
			t.Errorf("after the retry there is %v", rs)
		}
		w.fsck()
	})
}

// What the scheduler looks at by itself and may not must leave no events.
// spec: S4
func TestSweepsOfRevokedPlacesAreQuiet(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{}))
	count := func() int {
		events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{})
		w.check(err)
		n := 0
		for _, e := range events {
			if strings.HasPrefix(e.Action, "verify") {
				n++
			}
		}
		return n
	}
	for range 5 {
		w.forward(25 * time.Hour)
	}
	if n := count(); n != 0 {
		t.Errorf("%d events of looks that are not possible", n)
	}
}

// TestACAThatHangsHoldsUpOnePassBriefly asks a CA that does not answer about one
// certificate in a pass, and about the others in the next. spec: I4
func TestACAThatHangsHoldsUpOnePassBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for n := range 5 {
			w.issued(fmt.Sprintf("n%d.example.com", n))
		}
		asked := func() (n int) {
			for _, c := range w.issuer.Calls() {
				if strings.HasPrefix(c, "revoked ") {
					n++
				}
			}
			return n
		}
		w.clock.MoveTo(epoch.Add(25 * time.Hour))
		w.issuer.Plan("revoked", lifecycletest.Hangs)
		w.tick()
		if n := asked(); n != 1 {
			t.Errorf("the first pass asks about %d", n)
		}
		w.tick()
		if n := asked(); n != 5 {
			t.Errorf("after more passes %d were asked about", n)
		}
	})
}
