package lifecycle_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// attempts are the times of the failed and successful ends of one kind of work
// in the activity log, after the first event since.
func (w *world) attempts(action string, since time.Time) (failed, done []time.Time) {
	w.t.Helper()
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{})
	w.check(err)
	slices.Reverse(events) // the newest comes first
	for _, ev := range events {
		if ev.Action != action || ev.At.Before(since) {
			continue
		}
		switch ev.Result {
		case journal.ResultFailed:
			failed = append(failed, ev.At)
		case journal.ResultOK:
			done = append(done, ev.At)
		}
	}
	return failed, done
}

// inTime checks that attempts came when spec H9 says: 1, 10 and 100 minutes
// after one another, then daily, and never sooner than asked.
func (w *world) inTime(at []time.Time, asked time.Duration) {
	w.t.Helper()
	pauses := []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute}
	for n := 1; n < len(at); n++ {
		want := 24 * time.Hour
		if n <= len(pauses) {
			want = pauses[n-1]
		}
		want = max(want, asked)
		// The movable clock stops a millisecond behind what is due.
		if got := at[n].Sub(at[n-1]); got < want || got > want+2*time.Millisecond {
			w.t.Errorf("attempt %d came %v after the one before, want %v", n+1, got, want)
		}
	}
}

// TestACAThatFailsForAMonth has the CA of a hosted certificate fail for 35 days
// from the day the renewal is due, over its expiry, in several ways.
// spec: H9, H4, S2, D6
func TestACAThatFailsForAMonth(t *testing.T) {
	down := errors.New("the CA is down for maintenance")
	for _, c := range []struct {
		name, method string
		err          error
		asked        time.Duration
	}{
		{"order", "order", down, 0},
		{"finalize", "finalize", down, 0},
		{"order invalid", "invalid", down, 0},
		{"a final no", "order", &ports.PermanentError{Err: down}, 0},
		{"Retry-After of half an hour", "order", &ports.RetryAfterError{Err: down, After: 30 * time.Minute}, 30 * time.Minute},
		{"Retry-After of two days", "finalize", fmt.Errorf("HTTP 503: %w", &ports.RetryAfterError{Err: down, After: 2 * days}), 2 * days},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.hosted("a.example.com")
			w.deploy(id)
			w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
			before := w.resource(0)
			w.issuer.FailsAs(c.method, c.err)
			from := w.get(id).Due
			w.check(w.engine.By(operator).MoveClock(w.ctx(), from.Add(time.Second)))

			// It is to be seen at once: what is tried, why it failed, when next.
			i := w.get(id)
			if op := i.Operation; op.Kind != model.JobRenew || op.Attempt != 1 || !strings.Contains(inWords(op.Error), down.Error()) ||
				!op.Next.After(w.clock.Now()) {
				t.Errorf("under way is %+v", op)
			}
			if f := i.Failure; f.Kind != model.JobRenew || !strings.Contains(inWords(f.Message), down.Error()) ||
				string(i.State) != "issued" ||
				i.Status(w.clock.Now()) != "failing" {
				t.Errorf("it is %s, %s, failure %+v", i.State, i.Status(w.clock.Now()), f)
			}
			for range 35 {
				w.forward(24 * time.Hour)
				if r := w.resource(0); r.Presented != before.Presented || w.product.Changes != 1 {
					t.Fatalf("what is presented has changed: %+v", r.Resource)
				}
				i := w.get(id)
				if len(i.Versions) != 1 || !i.Operation.Active() || i.Operation.Error == "" || !i.Operation.Next.After(w.clock.Now()) {
					t.Fatalf("after %v: %d versions, %+v", w.clock.Now().Sub(from), len(i.Versions), i.Operation)
				}
			}
			if i := w.get(id); i.Status(w.clock.Now()) != "expired" {
				t.Errorf("after its last day it is %s", i.Status(w.clock.Now()))
			}
			failed, _ := w.attempts("renew", from)
			w.inTime(failed, c.asked)
			if len(failed) < 17 {
				t.Errorf("only %d attempts in 35 days", len(failed))
			}
			if a := w.get(id).Operation.Attempt; a != len(failed) {
				t.Errorf("it shows attempt %d after %d attempts", a, len(failed))
			}
			if b := w.balance("credit"); b.Used != 0 || b.Reserved != 1 {
				t.Errorf("a renewal that failed used a credit: %+v", b)
			}

			w.issuer.FailsAs(c.method, nil)
			w.forward(2 * days)
			i = w.get(id)
			if len(i.Versions) != 2 || i.Operation.Active() || i.Failure.Kind != "" || i.Status(w.clock.Now()) != "auto-deploy" {
				t.Errorf("once it works: %d versions, %s, %+v %+v", len(i.Versions), i.Status(w.clock.Now()), i.Operation, i.Failure)
			}
			if _, done := w.attempts(
				"deploy",
				from,
			); len(done) != 1 || w.product.Changes != 2 ||
				w.resource(0).Presented != i.Current().Fingerprint {
				t.Errorf("deployed at %v, %d changes", done, w.product.Changes)
			}
			if b := w.balance("credit"); b.Used != 1 || b.Total != b.Used+b.Reserved+b.Available {
				t.Errorf("credits %+v", b)
			}
			for key, n := range w.issuer.Signed {
				if n != 1 {
					t.Errorf("order %s was signed %d times", key, n)
				}
			}
			w.fsck()
		})
	}
}

// TestAProductThatFailsForAMonth has the product fail when a renewal is to be
// deployed by itself, for 30 days, in several ways.
// spec: H9, D3, D5, S1
func TestAProductThatFailsForAMonth(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  func(*lifecycletest.Product)
		mends func(*lifecycletest.Product)
	}{
		{"refuses the call", func(p *lifecycletest.Product) { p.Break("deploy", lifecycletest.ErrScripted) },
			func(p *lifecycletest.Product) { p.Break("deploy", nil) }},
		{"presents the old leaf", func(p *lifecycletest.Product) { p.Stubborn = true },
			func(p *lifecycletest.Product) { p.Stubborn = false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				id := w.hosted("a.example.com")
				w.deploy(id)
				w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
				before := w.resource(0)
				c.fail(w.product)
				from := w.get(id).Due
				w.check(w.engine.By(operator).MoveClock(w.ctx(), from.Add(time.Second)))
				r := w.resource(0)
				if r.State != model.ResourceFailed && r.State != model.ResourceDeploying || r.Failure.Kind != model.JobDeploy ||
					r.Failure.Message == "" ||
					r.Operation.Next.IsZero() ||
					r.Operation.Error == "" {
					t.Errorf("the resource is %s, failure %+v, under way %+v", r.State, r.Failure, r.Operation)
				}
				if i := w.get(id); !i.Has(model.Failing, w.clock.Now()) || len(i.Versions) != 2 {
					t.Errorf("the instance is %s with %d versions", i.Status(w.clock.Now()), len(i.Versions))
				}
				for range 30 {
					w.forward(24 * time.Hour)
					if r := w.resource(
						0,
					); r.Presented != before.Presented ||
						w.product.Shown[ports.Target{Region: "global", Name: "a.example.com"}].Fingerprint != before.Presented {
						t.Fatalf("what is presented has changed: %+v", r.Resource)
					}
				}
				failed, done := w.attempts("deploy", from)
				w.inTime(failed, 0)
				if len(failed) < 30 || len(done) != 0 {
					t.Errorf("%d failed and %d successful attempts in 30 days", len(failed), len(done))
				}
				if b := w.balance("credit"); b.Used != 0 || b.Reserved != 1 {
					t.Errorf("a deployment that failed used a credit: %+v", b)
				}
				c.mends(w.product)
				w.forward(25 * time.Hour)
				r = w.resource(0)
				if r.State != model.ResourceDeployed || r.Version != 2 || r.Failure.Kind != "" || r.Operation.Active() {
					t.Errorf("once it works: %s, version %d, %+v", r.State, r.Version, r.Failure)
				}
				if i := w.get(id); i.Has(model.Failing, w.clock.Now()) || len(i.Versions) != 2 {
					t.Errorf("the instance is %s with %d versions", i.Status(w.clock.Now()), len(i.Versions))
				}
				if _, done := w.attempts("deploy", from); len(done) != 1 {
					t.Errorf("deployed %d times", len(done))
				}
				if b := w.balance("credit"); b.Used != 1 || b.Total != b.Used+b.Reserved+b.Available {
					t.Errorf("credits %+v", b)
				}
				w.fsck()
			})
		})
	}
}

// TestWeeksSwitchedOff opens the store of ten hosted certificates eight weeks
// after it was closed, over their expiry: each is renewed and deployed once, in
// a clock that stands in daylight saving time on the way.
// spec: H4, D6, T5
func TestWeeksSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		berlin, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		local := time.Local
		time.Local = berlin
		defer func() { time.Local = local }()
		w := newWorld(t)
		var ids []model.ID
		for n := range 10 {
			id := w.hosted(fmt.Sprintf("h%d.example.com", n))
			w.deploy(id)
			ids = append(ids, id)
		}
		rs, _, err := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{})
		w.check(err)
		for _, r := range rs {
			w.check(w.engine.By(operator).AutoDeploy(w.ctx(), r.ID, true))
		}
		due := w.get(ids[0]).Due
		w.check(w.engine.By(operator).MoveClock(w.ctx(), due.Add(-48*time.Hour)))
		w.engine.Close()
		w.clock.MoveTo(w.clock.Now().Add(56 * days).In(berlin)) // nothing runs meanwhile
		for range 3 {
			w.start(w.store)
			w.engine.Start()
			for range 3 {
				if _, err := w.engine.By(model.Scheduler).Tick(w.ctx()); err != nil {
					t.Fatal(err)
				}
			}
			w.engine.Close()
		}
		w.start(w.store)
		for _, id := range ids {
			i := w.get(id)
			if len(i.Versions) != 2 || i.ServiceEnd != model.AddYears(i.ServiceStart, 2) || i.Status(w.clock.Now()) != "auto-deploy" {
				t.Errorf("%s: %d versions, service to %v, %s", i.Name, len(i.Versions), i.ServiceEnd, i.Status(w.clock.Now()))
			}
		}
		if len(w.issuer.Signed) != 2*len(ids) || w.product.Changes != 2*len(ids) {
			t.Errorf("%d certificates signed, %d bindings changed", len(w.issuer.Signed), w.product.Changes)
		}
		if _, done := w.attempts("renew", due); len(done) != len(ids) {
			t.Errorf("%d renewals", len(done))
		}
		if b := w.balance("credit"); b.Used != len(ids) {
			t.Errorf("credits %+v", b)
		}
		w.fsck()
	})
}

// TestOneRenewalAtATime has many passes at once over certificates that are due,
// beside the scheduler itself: each is renewed once.
// spec: H4, S2
func TestOneRenewalAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var ids []model.ID
		for n := range 5 {
			ids = append(ids, w.hosted(fmt.Sprintf("h%d.example.com", n)))
		}
		latest := w.clock.Now()
		for _, id := range ids {
			if due := w.get(id).Due; due.After(latest) {
				latest = due
			}
		}
		w.issuer.Pending = 1 // so that each renewal is under way for a while
		w.clock.MoveTo(latest.Add(time.Minute))
		w.engine.Start()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 5 {
					if _, err := w.engine.By(model.Scheduler).Tick(w.ctx()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		w.clock.MoveTo(w.clock.Now().Add(time.Hour))
		if _, err := w.engine.By(model.Scheduler).Tick(w.ctx()); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if i := w.get(id); len(i.Versions) != 2 || i.Operation.Active() {
				t.Errorf("%s has %d versions, %+v", i.Name, len(i.Versions), i.Operation)
			}
		}
		if orders := len(w.issuer.Orders); orders != 2*len(ids) || len(w.issuer.Signed) != orders {
			t.Errorf("%d orders and %d certificates for %d renewals", orders, len(w.issuer.Signed), len(ids))
		}
		w.fsck()
	})
}

// A CA that is down for longer than its certificates live is asked, once it is
// back, for one that ends in the future.
// spec: H9, T2, I8
func TestACAThatIsDownForLongerThanItsCertificatesLive(t *testing.T) {
	for _, step := range []string{"order", "finalize"} {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t)
			w.issuer.Can.MaxValidity = 6 * days
			id := w.issued("a.example.com")
			w.issuer.FailsAs(step, errors.New("the CA is down"))
			w.forward(20 * days)
			if i := w.get(id); len(i.Versions) != 1 || !i.Operation.Active() {
				t.Fatalf("%d versions, under way %+v", len(i.Versions), i.Operation)
			}
			w.issuer.FailsAs(step, nil)
			w.forward(25 * time.Hour)
			i := w.get(id)
			v := i.Current()
			if len(i.Versions) != 2 || v.NotAfter.Sub(v.NotBefore) != 6*days-time.Second || i.Failure.Kind != "" {
				t.Errorf("%d versions, the newest from %v to %v; failure %+v", len(i.Versions), v.NotBefore, v.NotAfter, i.Failure)
			}
		})
	}
}

// What a CA did not issue in the service period is not asked for for ever.
// spec: H9, T2
func TestAReissueThatFailsEndsWithTheServicePeriod(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 6 * days
	id := w.issued("a.example.com")
	w.check(w.engine.By(operator).MoveClock(w.ctx(), w.get(id).ServiceEnd.Add(-12*days)))
	w.issuer.FailsAs("order", errors.New("the CA is down"))
	w.forward(15 * days)
	asked := len(w.issuer.Calls())
	i := w.get(id)
	if i.Operation.Active() || i.Failure.Kind != model.JobReissue ||
		!strings.Contains(inWords(i.Failure.Message), "service period has ended") {
		t.Errorf("under way %+v, failure %+v", i.Operation, i.Failure)
	}
	w.forward(10 * days)
	if again := w.issuer.Calls()[asked:]; slices.ContainsFunc(again, func(c string) bool { return strings.HasPrefix(c, "order") }) {
		t.Errorf("it is asked for still: %v", again)
	}
}
