package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// What is due and refused does not keep a pass from what stands behind it:
// more instances than a pass starts belong to an issuer that was taken out of
// the configuration.
//
// spec: T5
func TestWhatIsRefusedDoesNotHoldUpTheRest(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 90 * days
	id := w.issued("late.example.com")
	gone := w.get(id)
	gone.Spec.Brand = "gone"
	gone.Deployments = model.Deployments{}
	for from := 0; from < 1200; from += 300 {
		w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
			for n := from; n < from+300; n++ {
				i := gone
				i.ID = model.ID(fmt.Sprintf("01STUCK%019d", n))
				i.Name = fmt.Sprintf("stuck%d.example.com", n)
				i.Due = gone.Due.Add(-1 * days)
				if err := tx.Put(&i); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	w.forward(gone.Due.Sub(w.clock.Now()) + days)
	if got := len(w.get(id).Versions); got != 2 {
		t.Fatalf("the one behind 1,200 refused ones has %d versions", got)
	}
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Instance: "01STUCK0000000000000000001"})
	w.check(err)
	if len(events) != 0 {
		t.Fatalf("passing over writes events: %+v", events[0])
	}
}

// Successive versions do not pile up tasks: the newest asks in place of those
// before it.
//
// spec: D7
func TestALaterVersionAsksInPlaceOfTheOneBefore(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 45 * days
	id := w.issued("a.example.com")
	w.forward(120 * days)
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	i := w.get(id)
	if len(i.Versions) < 4 || len(tasks) != 1 || tasks[0].Version != i.Newest().Number {
		t.Fatalf("%d versions, tasks %+v", len(i.Versions), tasks)
	}
	w.fsck()
}

// A daily look that finds what the one before did leaves nothing behind; what
// it finds changed is told once.
//
// spec: D4 S4
func TestDailyLooksLeaveNothingBehind(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
	w.check(err)
	w.done(jobs[0], nil)
	count := func() (events, records int) {
		all, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{})
		w.check(err)
		w.check(w.engine.By(model.Scheduler).View(func(r model.Reader) error {
			for _, err := range r.Keys(model.Scan{Kind: model.KindJob}) {
				records++
				if err != nil {
					return err
				}
			}
			return nil
		}))
		return len(all), records
	}
	events, records := count()
	before, err := w.engine.By(model.Scheduler).Resource(jobs[0].Resource)
	w.check(err)
	for range 10 {
		w.forward(25 * time.Hour)
	}
	after, err := w.engine.By(model.Scheduler).Resource(jobs[0].Resource)
	w.check(err)
	if !after.ProbedAt.After(before.ProbedAt.Add(9 * 24 * time.Hour)) {
		t.Fatalf("looked at %v, last at %v", before.ProbedAt, after.ProbedAt)
	}
	if e, r := count(); e != events || r != records {
		t.Errorf("ten looks left %d events and %d jobs", e-events, r-records)
	}
	place := ports.Target{Region: after.Region, Name: after.Name}
	w.product.Mu.Lock()
	delete(w.product.Shown, place) // the server does not answer any more
	w.product.Mu.Unlock()
	for range 5 {
		w.forward(25 * time.Hour)
	}
	if e, _ := count(); e != events+1 {
		t.Errorf("an endpoint that went away is told of %d times", e-events)
	}
	w.fsck()
}

// What was done long ago leaves its events and no other record; what waits
// stays, however long.
// spec: S4
func TestJobsAndTasksThatAreDoneAreForgotten(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 30 * days
	id := w.issued("a.example.com")
	w.issuer.Can.Reviewed = []model.Level{model.DV}
	waits := w.bought()
	j, err := w.engine.By(operator).Apply(
		w.ctx(),
		waits,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"b.example.com"}}},
	)
	w.check(err)
	w.wait(j.ID)
	w.issuer.Can.Reviewed = nil
	count := func() (jobs, tasks int) {
		w.check(w.store.View(func(r model.Reader) error {
			for _, err := range r.Keys(model.Scan{Kind: model.KindJob}) {
				if err != nil {
					return err
				}
				jobs++
			}
			for _, err := range r.Keys(model.Scan{Kind: model.KindTask}) {
				if err != nil {
					return err
				}
				tasks++
			}
			return nil
		}))
		return jobs, tasks
	}
	for range 11 {
		w.forward(30 * days)
	}
	jobs, tasks := count()
	if n := len(w.get(id).Versions); n < 15 || jobs > 8 || tasks > 8 {
		t.Errorf("after %d versions there are %d jobs and %d tasks", n, jobs, tasks)
	}
	if got, err := w.engine.By(model.Scheduler).Tasks(0); err != nil || len(got) != 2 {
		t.Errorf("%d open tasks, %v", len(got), err)
	}
	w.check(w.engine.By(operator).Approve(w.ctx(), waits))
	w.wait(j.ID)
	if i := w.get(waits); i.State != model.Issued {
		t.Errorf("what waited is %s", i.State)
	}
	w.fsck()
}

// TestWhoWaitsToMoveTheClockCanBeInterrupted holds one movement up and gives the
// second one up meanwhile.
func TestWhoWaitsToMoveTheClockCanBeInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.engine.Close()
		w.policy.CallTimeout = time.Minute
		w.start(w.store)
		w.issuer.Can.MaxValidity = 90 * days
		w.issued("a.example.com")
		w.issuer.Plan("order", lifecycletest.Hangs)
		first, stop := context.WithCancel(w.ctx())
		moved := make(chan error, 1)
		go func() {
			moved <- w.engine.By(operator).MoveClock(first, w.clock.Now().Add(400*days))
		}()
		orders := func() (n int) {
			for _, c := range w.issuer.Calls() {
				if strings.HasPrefix(c, "order ") {
					n++
				}
			}
			return n
		}
		if synctest.Wait(); orders() != 2 {
			t.Fatalf("%d orders; the reissue should hang at the CA", orders())
		}
		second, cancel := context.WithCancel(w.ctx())
		cancel()
		if err := w.engine.By(operator).MoveClock(second, w.clock.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
			t.Errorf("the second: %v", err)
		}
		stop()
		if err := <-moved; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
	})
}

// awaitsReview is an application that waits for its reviewer; the job looks
// again a day later.
func (w *world) awaitsReview(name string) model.Job {
	w.t.Helper()
	w.issuer.Can.Reviewed = []model.Level{model.DV}
	j, err := w.engine.By(operator).
		Apply(w.ctx(), w.bought(), lifecycle.ApplyRequest{Application: model.Application{Domains: []string{name}}})
	w.check(err)
	p := w.wait(j.ID)
	if !p.Blocked {
		w.t.Fatalf("it does not wait: %+v", p)
	}
	return p.Job
}

// Keys of moments are to the millisecond. What is due later in the present one
// is not begun: its job would return at once and leave who waits for it waiting.
func TestAPassLeavesWhatIsDueLaterInTheSameMillisecond(t *testing.T) {
	w := newWorld(t)
	w.clock.MoveTo(epoch.Add(700 * time.Microsecond))
	due := w.awaitsReview("a.example.com").Next
	for _, step := range []struct {
		at   time.Duration // after it is due
		want int
	}{{-500 * time.Microsecond, 0}, {0, 1}} {
		w.clock.MoveTo(due.Add(step.at))
		if next, err := w.engine.By(model.Scheduler).NextDue(); step.want == 0 && (err != nil || !next.Equal(due)) {
			t.Errorf("due at %v and not at %v, %v", next, due, err)
		}
		if n, err := w.engine.By(model.Scheduler).Tick(w.ctx()); err != nil || n != step.want {
			t.Errorf("%v after it is due a pass begins %d, %v", step.at, n, err)
		}
	}
}

// slowly is a store on which time passes when it is asked what changes.
type slowly struct {
	ports.Store
	pass func()
}

func (s *slowly) Watch(ctx context.Context) <-chan model.ChangeSet {
	s.pass()
	return s.Store.Watch(ctx)
}

// Whoever waits for a job that goes on later is told so even when it is late by
// the time it looks: without a scheduler nobody takes the job up.
func TestAJobThatGoesOnLaterIsNotWaitedForWhenItsTimeComesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		j := w.awaitsReview("a.example.com")
		w.engine.Close()
		w.start(&slowly{w.store, func() { w.clock.MoveTo(j.Next.Add(time.Second)) }})
		ps, err := w.engine.By(model.Scheduler).Wait(w.ctx(), j.ID)
		if err != nil || !ps[0].Blocked {
			t.Errorf("%+v, %v", ps[0], err)
		}
	})
}

// What is due at once is under way together, so that its writes share commits: the first
// writes of three renewals wait for each other.
func TestAPassHasWhatIsDueUnderWayTogether(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 90 * days
	ids := []model.ID{w.issued("a.example.com"), w.issued("b.example.com"), w.issued("c.example.com")}
	var due time.Time
	for _, id := range ids {
		if at := w.get(id).Due; at.After(due) {
			due = at
		}
	}
	w.engine.Close()
	w.start(&meeting{Store: w.store, wanted: int32(len(ids)), met: make(chan struct{})})
	w.clock.MoveTo(due.Add(time.Second))
	_, err := w.engine.By(model.Scheduler).Tick(w.ctx())
	w.check(err)
	for _, id := range ids {
		if got := len(w.get(id).Versions); got != 2 {
			t.Errorf("%s has %d versions, want 2", id, got)
		}
	}
}

// meeting is a store in which writers wait until as many as wanted have come.
type meeting struct {
	ports.Store
	wanted int32
	came   atomic.Int32
	met    chan struct{}
}

func (m *meeting) Update(ctx context.Context, fn func(model.Tx) error) error {
	if m.came.Add(1) == m.wanted {
		close(m.met)
	}
	select {
	case <-m.met:
		return m.Store.Update(ctx, fn)
	case <-time.After(20 * time.Second):
		return errors.New("no other writer came")
	}
}
