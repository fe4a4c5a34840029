package app

import (
	"context"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Debounce delays the reading of what is under a cursor until the cursor has stood
// still for the context's CursorDelay: with a key held down, reading each row costs
// more than drawing it. It belongs to one page; only its command runs beside Update.
type Debounce struct {
	touched atomic.Int64 // when the cursor has moved last, in Unix nanoseconds
	pending bool         // a command waits for it to stand still
}

// DebouncedMsg says that a cursor has stood still long enough.
type DebouncedMsg struct{ Debounce *Debounce }

// Touch notes a move. If idle, the cursor had stood still before and what it has come
// to should be read at once. Otherwise cmd, if there is one, sends a [DebouncedMsg]
// when it stands still again.
func (d *Debounce) Touch(c *Context) (idle bool, cmd tea.Cmd) {
	now := time.Now()
	before := time.Unix(0, d.touched.Swap(now.UnixNano()))
	switch {
	case now.Sub(before) >= c.CursorDelay && !d.pending:
		return true, nil
	case d.pending:
		return false, nil
	}
	d.pending = true
	return false, c.Do(func(ctx context.Context) tea.Msg {
		for {
			left := c.CursorDelay - time.Since(time.Unix(0, d.touched.Load()))
			if left <= 0 {
				return DebouncedMsg{d}
			}
			select {
			case <-ctx.Done():
				return DebouncedMsg{d}
			case <-time.After(left):
			}
		}
	})
}

// Scroller is a page that may not know yet what is under its cursor: that moves, or is
// being read.
type Scroller interface{ Scrolling() bool }

// Pending reports whether the cursor moves, with a command waiting for its end.
func (d *Debounce) Pending() bool { return d.pending }

// Done takes the message and reports whether it was for this cursor.
func (d *Debounce) Done(msg DebouncedMsg) bool {
	if msg.Debounce != d {
		return false
	}
	d.pending = false
	return true
}
