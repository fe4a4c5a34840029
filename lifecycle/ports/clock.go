package ports

import (
	"sync"
	"time"
)

// SystemClock is the system's clock.
type SystemClock struct{}

var _ Clock = SystemClock{}

// Now is the time.
func (SystemClock) Now() time.Time { return time.Now() }

// After sends the time after d.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// MovableClock runs at real speed with an offset that only grows. Sandboxes use
// it. It is safe for concurrent use.
type MovableClock struct {
	mu      sync.Mutex
	base    Clock
	offset  time.Duration
	waiters map[*waiter]struct{}
	running bool          // a goroutine wakes the waiters
	next    time.Time     // when it wakes the first of them
	earlier chan struct{} // next has become earlier
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

var _ Clock = (*MovableClock)(nil)

// NewMovableClock returns a clock that is ahead of base by offset.
func NewMovableClock(base Clock, offset time.Duration) *MovableClock {
	return &MovableClock{base: base, offset: offset, waiters: map[*waiter]struct{}{}, earlier: make(chan struct{}, 1)}
}

// Now returns the base's time plus the offset.
func (c *MovableClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Now().Add(c.offset)
}

// maxOffset is the maximum offset. A Duration holds at most 292 years, and what
// becomes due decades after the clock's time must fit in as well.
const maxOffset = 250 * 365 * 24 * time.Hour

// Farthest returns the latest time to which the clock can be moved now, in whole
// seconds.
func (c *MovableClock) Farthest() time.Time {
	return c.base.Now().Add(maxOffset).UTC().Truncate(time.Second)
}

// Offset returns how far the clock is ahead.
func (c *MovableClock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// MoveTo moves the clock forward to t, never back, and returns the new offset.
func (c *MovableClock) MoveTo(t time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := t.Sub(c.base.Now().Add(c.offset)); ahead > 0 {
		c.offset += ahead
	}
	c.fire()
	if c.running {
		c.rearm() // the next waiter is due sooner, or none is left
	}
	return c.offset
}

// fire wakes the waiters whose time has come and returns the time of the next,
// zero for none. The caller holds mu.
func (c *MovableClock) fire() (now, next time.Time) {
	now = c.base.Now().Add(c.offset)
	for w := range c.waiters {
		if !w.at.After(now) {
			w.ch <- now
			delete(c.waiters, w)
		} else if next.IsZero() || w.at.Before(next) {
			next = w.at
		}
	}
	return now, next
}

// rearm lets the goroutine that wakes the waiters compute its pause again.
func (c *MovableClock) rearm() {
	select {
	case c.earlier <- struct{}{}:
	default:
	}
}

// After sends the time once d has passed on this clock, in real time or because
// it was moved.
func (c *MovableClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &waiter{at: c.base.Now().Add(c.offset + d), ch: make(chan time.Time, 1)}
	if d <= 0 {
		w.ch <- w.at
		return w.ch
	}
	c.waiters[w] = struct{}{}
	switch {
	case !c.running:
		c.running, c.next = true, w.at
		go c.run()
	case w.at.Before(c.next):
		c.rearm()
	}
	return w.ch
}

// run wakes the waiters as real time passes, until none is left. One goroutine
// serves all, since most waiters are gone before their time.
func (c *MovableClock) run() {
	for {
		c.mu.Lock()
		now, next := c.fire()
		c.next, c.running = next, len(c.waiters) > 0
		if !c.running {
			c.mu.Unlock()
			return
		}
		real := c.base.After(next.Sub(now))
		c.mu.Unlock()
		select {
		case <-real:
		case <-c.earlier:
		}
	}
}
