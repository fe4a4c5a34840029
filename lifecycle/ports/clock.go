package ports

import (
	"sync"
	"time"
)

// SystemClock is the real time.
type SystemClock struct{}

var _ Clock = SystemClock{}

// Now is the time.
func (SystemClock) Now() time.Time { return time.Now() }

// After sends the time after d.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// MovableClock runs at real speed plus an offset that only grows. A sandbox
// store has one. It is safe for concurrent use.
type MovableClock struct {
	mu      sync.Mutex
	base    Clock
	offset  time.Duration
	waiters map[*waiter]struct{}
	running bool          // somebody wakes the waiters
	next    time.Time     // when it means to wake the first
	earlier chan struct{} // it is to look again when that is
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

var _ Clock = (*MovableClock)(nil)

// NewMovableClock makes a clock that is ahead of base by offset.
func NewMovableClock(base Clock, offset time.Duration) *MovableClock {
	return &MovableClock{base: base, offset: offset, waiters: map[*waiter]struct{}{}, earlier: make(chan struct{}, 1)}
}

// Now is the base's time plus the offset.
func (c *MovableClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Now().Add(c.offset)
}

// maxOffset is how far a movable clock may be ahead. The 292 years of a Duration
// would be the end, and what is due then, decades later, must not be beyond it.
const maxOffset = 250 * 365 * 24 * time.Hour

// Farthest is the latest time that the clock can be moved to now, in whole
// seconds.
func (c *MovableClock) Farthest() time.Time {
	return c.base.Now().Add(maxOffset).UTC().Truncate(time.Second)
}

// Offset is how far the clock is ahead.
func (c *MovableClock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// MoveTo moves the clock forward to t; it never goes back. It returns the new
// offset.
func (c *MovableClock) MoveTo(t time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := t.Sub(c.base.Now().Add(c.offset)); ahead > 0 {
		c.offset += ahead
	}
	c.fire()
	if c.running {
		c.rearm() // what is left is nearer now, or nothing is
	}
	return c.offset
}

// fire tells whoever waits for a moment that has come, and says which comes
// next, zero for none. The caller holds mu.
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

// rearm lets what wakes the waiters look again how long that is.
func (c *MovableClock) rearm() {
	select {
	case c.earlier <- struct{}{}:
	default:
	}
}

// After sends the time once d has passed on this clock, by itself or because
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

// run wakes the waiters as real time passes, until there are none. One does it
// for all, since most of those who wait are gone before their time has come.
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
