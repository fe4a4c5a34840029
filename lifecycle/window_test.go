package lifecycle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Saturdays from 02:00 to 04:00 UTC.
const saturdays = "0 2 * * 6 2h UTC"

// windows opens the store again with deployment windows for the product.
func (w *world) windows(all ...string) {
	w.t.Helper()
	w.engine.Close()
	w.base.Options.Products[0].Windows = all
	w.start(w.store)
}

// waits is a hosted certificate with auto-deploy whose new version waits for a window.
func (w *world) waits() (model.ID, lifecycle.ResourceView) {
	w.t.Helper()
	id := w.hosted("a.example.com")
	w.deploy(id)
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
	w.windows(saturdays)
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	w.tick()
	return id, w.resource(0)
}

// An automatic deployment waits for the window of its product, and says so.
//
// spec: P7
func TestAnAutomaticDeploymentWaitsForItsWindow(t *testing.T) {
	w := newWorld(t)
	id, r := w.waits()
	if r.State != model.ResourceWaiting || r.Version != 1 || r.Operation.Active() {
		t.Fatalf("before the window: version %d, %s, %+v", r.Version, r.State, r.Operation)
	}
	at := r.WindowAt
	if at.Weekday() != time.Saturday || at.Hour() != 2 || !at.After(w.clock.Now()) || at.Sub(w.clock.Now()) > 7*days {
		t.Fatalf("it waits until %s, now is %s", at, w.clock.Now())
	}
	x, err := w.engine.By(operator).Explain(id)
	w.check(err)
	if !slices.ContainsFunc(x.Next, func(s rules.Statement) bool { return s.Text.Code() == "next.window" && s.Rules == "P7" }) {
		t.Errorf("explained: %+v", x.Next)
	}
	events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{Resource: r.ID})
	w.check(err)
	said := 0
	for n := range events {
		if events[n].Detail.Code() == lifecycle.AwaitsWindow && events[n].Result == journal.ResultWaiting {
			said++
		}
	}
	if said != 1 {
		t.Errorf("%d events say that it waits", said)
	}
	next, err := w.engine.By(model.Scheduler).NextDue()
	w.check(err)
	if next.After(at) {
		t.Errorf("the next thing is due at %s, after the window begins at %s", next, at)
	}
	w.forward(at.Sub(w.clock.Now()) - time.Minute)
	if r := w.resource(0); r.Version != 1 {
		t.Fatal("it was deployed before the window")
	}
	w.forward(2 * time.Minute)
	if r := w.resource(0); r.Version != 2 || r.State != model.ResourceDeployed || r.AwaitsWindow() {
		t.Errorf("in the window: version %d, %s", r.Version, r.State)
	}
	w.fsck()
}

// Looking at a resource, and a restart, change nothing of what waits for a window.
//
// spec: P7
func TestWhatWaitsForAWindowIsLookedAt(t *testing.T) {
	w := newWorld(t)
	_, r := w.waits()
	w.done(w.engine.By(operator).Verify(w.ctx(), r.ID))
	w.windows(saturdays)
	w.tick()
	if now := w.resource(0); now.State != model.ResourceWaiting || !now.WindowAt.Equal(r.WindowAt) {
		t.Fatalf("after a look: %s until %s", now.State, now.WindowAt)
	}
	w.forward(7 * days)
	if r := w.resource(0); r.Version != 2 {
		t.Errorf("it presents version %d", r.Version)
	}
	w.fsck()
}

// A person is not held up, and nothing waits after what a person did.
//
// spec: P7
func TestAPersonDeploysOutsideTheWindow(t *testing.T) {
	w := newWorld(t)
	id, r := w.waits()
	plan, err := w.engine.By(operator).PlanDeploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn"})
	w.check(err)
	if len(plan) != 1 || !plan[0].Window.Equal(r.WindowAt) {
		t.Errorf("the plan names the window %+v", plan)
	}
	w.deploy(id)
	if r := w.resource(0); r.Version != 2 || r.State != model.ResourceDeployed || r.Waiting {
		t.Errorf("version %d, %s, waiting %v", r.Version, r.State, r.Waiting)
	}
	w.forward(7*days + time.Hour)
	receipts, err := w.engine.By(operator).Receipts(lifecycle.ReceiptFilter{Resource: r.ID})
	w.check(err)
	if len(receipts) != 2 {
		t.Errorf("%d deployments", len(receipts))
	}
	w.fsck()
}

// Switching auto-deploy off ends the wait; windows that are taken away end it at once.
//
// spec: P7
func TestTheWaitForAWindowEnds(t *testing.T) {
	w := newWorld(t)
	_, r := w.waits()
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), r.ID, false))
	if r := w.resource(0); r.Waiting || !r.WindowAt.IsZero() {
		t.Errorf("switched off: %+v", r.Resource)
	}
	w.forward(8 * days)
	if r := w.resource(0); r.Version != 1 {
		t.Error("it was deployed though auto-deploy is off")
	}

	w = newWorld(t)
	w.waits()
	w.windows()
	w.changes(func() bool { return w.resource(0).Version == 2 })
	w.fsck()
}

// A window that comes after the end of what is presented is a task.
//
// spec: P7, D9
func TestAWindowThatComesTooLateIsATask(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 200 * days
	id, r := w.waits()
	if tasks := w.openTasks(model.TaskWindow); len(tasks) != 0 {
		t.Fatalf("the window comes in time: %+v", tasks)
	}
	late := r.NotAfter.AddDate(0, 0, 3)
	w.windows("0 0 " + late.Format("2 1") + " * 1h UTC")
	w.changes(func() bool { return len(w.openTasks(model.TaskWindow)) == 1 })
	task := w.openTasks(model.TaskWindow)[0]
	if task.Instance != id || task.Resource != r.ID {
		t.Errorf("it is about %+v", task)
	}
	ways, err := w.engine.By(operator).Settling(task)
	w.check(err)
	if len(ways) == 0 || ways[0].Action != rules.Deploy || !strings.Contains(strings.Join(ways[0].Args, " "), "--product") {
		t.Errorf("it is settled by %+v", ways)
	}
	w.deploy(id)
	if tasks := w.openTasks(model.TaskWindow); len(tasks) != 0 {
		t.Errorf("it was deployed: %+v", tasks)
	}
	w.fsck()
}

// What one window is too short for goes on in the next, in waves of its own.
//
// spec: P6, P7
func TestWavesWaitForTheNextWindow(t *testing.T) {
	w := newWorld(t)
	p := w.manyRegions(6)
	id := w.hostedEverywhere(p)
	w.policy.Waves = rules.Waves{First: 1, Batch: 2, Pause: 90 * time.Minute}
	w.windows(saturdays)
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	w.tick()
	if got := w.presenting(p, id); len(got) != 0 {
		t.Fatalf("outside the window %v", got)
	}
	begin := w.resource(0).WindowAt
	for n, want := range []int{3, 6} { // at 02:00 and 03:30, and a week later
		w.forward(begin.AddDate(0, 0, 7*n).Sub(w.clock.Now()) + 24*time.Hour)
		if got := w.presenting(p, id); len(got) != want {
			t.Errorf("after window %d it is presented at %v", n+1, got)
		}
	}
	w.noRollouts()
}

// The deployment of a newer version takes the place of the one that waits.
//
// spec: P7
func TestANewerVersionWaitsInItsPlace(t *testing.T) {
	w := newWorld(t)
	id, r := w.waits()
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	w.tick()
	if again := w.resource(0); !again.WindowAt.Equal(r.WindowAt) {
		t.Errorf("it waits until %s", again.WindowAt)
	}
	w.forward(7 * days)
	if r := w.resource(0); r.Version != 3 || r.State != model.ResourceDeployed {
		t.Errorf("it presents version %d, %s", r.Version, r.State)
	}
	w.fsck()
}
