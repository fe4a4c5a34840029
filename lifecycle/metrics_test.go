package lifecycle_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// The figures follow what happens: states, the certificate that expires next, how jobs
// have ended, and when the scheduler has last worked.
//
// spec: O2
func TestMetricsFollowWhatHappens(t *testing.T) {
	bubble(t, "engine", func(t *testing.T) {
		w := newWorld(t)
		measure := func() lifecycle.Metrics {
			t.Helper()
			m, err := w.engine.By(model.Actor{Name: "metrics", Role: model.Viewer}).Metrics()
			w.check(err)
			return m
		}
		ends := func(id model.ID) time.Time {
			i := w.get(id)
			return i.Current().NotAfter
		}
		if m := measure(); !m.NextExpiry.IsZero() || !m.LastPass.IsZero() || m.Counts.All != 0 || m.OpenTasks != 0 {
			t.Fatalf("an engine that has done nothing measures %+v", m)
		}
		w.check(w.store.WaitForTable(w.ctx()))
		first := w.issued("first.example.com")
		w.forward(1 * days)
		second := w.issued("second.example.com")
		w.deploy(second, "second.example.com")
		w.issuer.Break("order", &ports.PermanentError{Err: errors.New("refused")})
		job, err := w.engine.By(operator).Apply(w.ctx(), w.bought(), lifecycle.ApplyRequest{
			Application: model.Application{Domains: []string{"third.example.com"}},
		})
		w.check(err)
		w.wait(job.ID)
		synctest.Wait() // a job is counted after its result is written
		m := measure()
		if n := m.Counts.State[model.Issued]; n != 2 {
			t.Errorf("%d are issued", n)
		}
		if want := ends(first); !m.NextExpiry.Equal(want) {
			t.Errorf("the next expires at %v, want %v", m.NextExpiry, want)
		}
		for of, want := range map[journal.JobResult]uint64{
			{Kind: model.JobIssue, Result: journal.ResultOK}: 2, {Kind: model.JobIssue, Result: journal.ResultFailed}: 1,
			{Kind: model.JobDeploy, Result: journal.ResultOK}: 1,
		} {
			if got := m.Tally.Jobs[of]; got != want {
				t.Errorf("%v: %d, want %d", of, got, want)
			}
		}
		if n := m.Tally.Failures[model.JobIssue]; n != 1 {
			t.Errorf("%d attempts have failed, want 1", n)
		}
		w.forward(ends(first).Sub(w.clock.Now()) + time.Hour)
		if m, want := measure(), ends(second); !m.NextExpiry.Equal(want) {
			t.Errorf("after the first has expired, the next expires at %v, want %v", m.NextExpiry, want)
		}
		w.engine.Start()
		synctest.Wait()
		if m := measure(); m.Now.Sub(m.LastPass) > time.Second {
			t.Errorf("the scheduler started at %v, and has worked at %v", m.Now, m.LastPass)
		}
	})
}

// However many certificates there are, a scrape reads one.
//
// spec: O2
func TestMetricsReadNoFleet(t *testing.T) {
	w := newWorld(t)
	like := w.get(w.issued("shop.example.com"))
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
		for n := range 500 {
			i := like
			i.ID = model.ID(fmt.Sprintf("01MANY%020d", n))
			if err := tx.Put(&i); err != nil {
				return err
			}
		}
		return nil
	}))
	w.check(w.store.WaitForTable(w.ctx()))
	before := w.base.Data.Read()
	m, err := w.engine.By(operator).Metrics()
	w.check(err)
	if m.Counts.State[model.Issued] != 501 {
		t.Fatalf("%d are issued", m.Counts.State[model.Issued])
	}
	if n := w.base.Data.Read() - before; n > 20 {
		t.Errorf("%d keys were read", n)
	}
}

// Notices are counted as they end, and failed attempts at them one by one.
//
// spec: O2
func TestNoticesAreCounted(t *testing.T) {
	w, p := telling(t)
	p.Break(hookTo, errors.New("refused"))
	w.issued("shop.example.com")
	w.tick()
	w.forward(2 * time.Minute) // the hook is tried again
	w.tick()
	m, err := w.engine.By(operator).Metrics()
	w.check(err)
	if n := m.Tally.Notices[model.NoticeDelivered]; n != 1 {
		t.Errorf("%d were delivered, want 1", n)
	}
	if m.Tally.NoticeFailures != 2 || m.OpenNotices != 1 {
		t.Errorf("%d attempts have failed and %d notices are open, want 2 and 1", m.Tally.NoticeFailures, m.OpenNotices)
	}
}
