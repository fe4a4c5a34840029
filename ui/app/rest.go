package app

import (
	"context"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Rest tells a cursor that has come to something from one on its way. What is
// under a cursor is worth reading once it rests: with a key held down, reading
// it at every row costs more than drawing the row. A context's Rest says how
// long a cursor stands until it rests. It belongs to one page; only its
// commands run beside it.
type Rest struct {
	moved   atomic.Int64 // when, in Unix nanoseconds
	waiting bool         // a command does
}

// RestedMsg says that a cursor has come to rest.
type RestedMsg struct{ Rest *Rest }

// Moved notes a move. It says whether the cursor stood still before, so that
// what it has come to should be read at once; else the command, if there is
// one, sends a [RestedMsg] when it stands still.
func (r *Rest) Moved(c *Context) (stood bool, cmd tea.Cmd) {
	now := time.Now()
	before := time.Unix(0, r.moved.Swap(now.UnixNano()))
	switch {
	case now.Sub(before) >= c.Rest && !r.waiting:
		return true, nil
	case r.waiting:
		return false, nil
	}
	r.waiting = true
	return false, c.Do(func(ctx context.Context) tea.Msg {
		for {
			left := c.Rest - time.Since(time.Unix(0, r.moved.Load()))
			if left <= 0 {
				return RestedMsg{r}
			}
			select {
			case <-ctx.Done():
				return RestedMsg{r}
			case <-time.After(left):
			}
		}
	})
}

// Settling is a page whose cursor may be on its way: what is under it is not
// known until it rests.
type Settling interface{ Settling() bool }

// Waiting says whether the cursor is on its way.
func (r *Rest) Waiting() bool { return r.waiting }

// Rested takes the message, and says whether it was for this cursor.
func (r *Rest) Rested(msg RestedMsg) bool {
	if msg.Rest != r {
		return false
	}
	r.waiting = false
	return true
}
