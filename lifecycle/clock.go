package lifecycle

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
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

var _ Clock = (*MovableClock)(nil)

// NewMovableClock makes a clock that is ahead of base by offset.
func NewMovableClock(base Clock, offset time.Duration) *MovableClock {
	return &MovableClock{base: base, offset: offset, waiters: map[*waiter]struct{}{}}
}

// Now is the base's time plus the offset.
func (c *MovableClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Now().Add(c.offset)
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
	now := c.base.Now().Add(c.offset)
	for w := range c.waiters {
		if !w.at.After(now) {
			w.ch <- now
			delete(c.waiters, w)
		}
	}
	return c.offset
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
	real := c.base.After(d)
	go func() {
		<-real
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, waiting := c.waiters[w]; waiting {
			w.ch <- c.base.Now().Add(c.offset)
			delete(c.waiters, w)
		}
	}()
	return w.ch
}
