package lifecycle_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// The scheduler waits for up to ten minutes and is mostly woken before; on a
// running year thousands of times in a minute.
func TestWaitingOnAMovableClockCostsNoGoroutineEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ports.NewMovableClock(ports.SystemClock{}, 0)
		before := runtime.NumGoroutine()
		for range 1000 {
			c.After(10 * time.Minute)
		}
		if more := runtime.NumGoroutine() - before; more > 50 {
			t.Errorf("%d goroutines wait", more)
		}
		// They do not keep what is due sooner from coming, by itself or by a move.
		soon := c.After(time.Millisecond)
		<-soon
		hour, later := c.After(time.Hour), c.After(2*time.Hour)
		c.MoveTo(c.Now().Add(time.Hour + time.Minute))
		at := <-hour
		if late := c.Now().Sub(at); late < 0 || late > time.Hour {
			t.Errorf("woken at %v, it is %v", at, c.Now())
		}
		select {
		case <-later:
			t.Error("one was woken an hour too soon")
		default:
		}
		// A move brings what is left nearer.
		synctest.Wait()
		moved := time.Now()
		c.MoveTo(c.Now().Add(59*time.Minute - 5*time.Millisecond))
		if <-later; time.Since(moved) > 5*time.Millisecond {
			t.Errorf("woken %v after the move", time.Since(moved))
		}
	})
}

// A movable clock runs on by itself: who waits is woken at the very moment,
// however far the clock was moved meanwhile.
func TestAMovableClockRunsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ports.NewMovableClock(ports.SystemClock{}, 30*24*time.Hour)
		begun, ahead := time.Now(), c.Now()
		woken := c.After(2 * time.Hour)
		synctest.Wait() // for whoever wakes it
		if c.MoveTo(ahead.Add(-time.Hour)); c.Offset() != 30*24*time.Hour {
			t.Errorf("it went back to an offset of %v", c.Offset())
		}
		c.MoveTo(ahead.Add(90 * time.Minute))
		at := <-woken
		if took := time.Since(begun); took != 30*time.Minute || !at.Equal(ahead.Add(2*time.Hour)) {
			t.Errorf("woken after %v of real time, at %v", took, at.Sub(ahead))
		}
	})
}

// finding: R-M6
func TestAClockBeyondWhatCanBeReachedIsRefused(t *testing.T) {
	w := newWorld(t)
	admin := model.Actor{Name: "root", Role: model.Owner}
	before := w.clock.Now()
	end := w.clock.Farthest()
	for _, to := range []time.Time{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), before.Add(1<<63 - 1), end.Add(time.Second)} {
		w.refused(w.engine.By(admin).MoveClock(w.ctx(), to), rules.ReasonClockFar)
		if now := w.clock.Now(); !now.Equal(before) {
			t.Fatalf("%s: it is %s", to, now)
		}
	}
	w.check(w.engine.By(admin).MoveClock(w.ctx(), end))
	if now := w.clock.Now(); !now.Equal(end) {
		t.Errorf("it is %s, want %s", now, end)
	}
	waiting := w.clock.After(24 * time.Hour)
	w.clock.MoveTo(end) // wakes whoever is due
	select {            // what waits there is not overdue
	case at := <-waiting:
		t.Errorf("woken at %s", at)
	default:
	}
}
