package store

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"certquay/model"
	"certquay/store/engine"
)

// maxGroupCallers is the maximum number of callers that share a commit.
const maxGroupCallers = 256

// request is one caller's function, queued for the committer.
type request struct {
	ctx   context.Context
	fn    func(*tx) error
	taken atomic.Bool // set by the committer before it runs fn, or by a caller that gives up
	done  chan error  // buffered: the committer never waits
}

// Update runs fn in the committer goroutine and returns nil once its writes are
// durable. fn must be short and must not call Update. If it returns an error or panics,
// none of its writes are committed, and other callers in the same group are not
// affected.
func (s *Store) Update(ctx context.Context, fn func(model.Tx) error) error {
	return s.update(ctx, func(t *tx) error { return fn(t) })
}

func (s *Store) update(ctx context.Context, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case s.requests <- r:
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-s.stopped:
		if r.taken.CompareAndSwap(false, true) {
			return ErrClosed
		}
	}
	return <-r.done
}

// committer forms groups of callers and has them made durable, one group at a time. While
// a group is being written, the callers of the next one run on top of it. Only its
// goroutine uses it.
type committer struct {
	s       *Store
	writing *group          // nil if none
	snap    engine.Snapshot // that the next group reads; nil for a new one
}

// run runs all writes until the store closes.
func (c *committer) run() {
	defer close(c.s.stopped)
	defer c.settle()
	for {
		var written chan struct{}
		if c.writing != nil {
			written = c.writing.written
		}
		select {
		case r := <-c.s.requests:
			for r != nil {
				r = c.gather(r)
			}
		case <-written:
			c.settle()
		case <-c.s.closing:
			return
		}
	}
}

// settle waits until nothing is being written, and gives up the snapshot that was taken
// before.
func (c *committer) settle() {
	if c.writing != nil {
		<-c.writing.written
		c.writing = nil
	}
	if c.snap != nil {
		c.snap.Close()
		c.snap = nil
	}
}

// group returns an empty group on top of the one that is being written.
func (c *committer) group() *group {
	if c.writing != nil && c.writing.isWritten() {
		c.settle() // what has failed is nothing to write on
	}
	return c.on(c.writing)
}

// on returns an empty group on top of one that is being written, or of none.
func (c *committer) on(under *group) *group {
	g := &group{s: c.s, under: under, snap: c.snap, over: &overlay{}, written: make(chan struct{})}
	c.snap = nil
	if under != nil {
		g.over.under = under.over
	}
	return g
}

// gather collects a group that begins with r and hands it over for writing. It returns the
// next request if it received one for which the group had no room.
func (c *committer) gather(r *request) *request {
	g := c.group()
	for n := 0; r != nil && n < maxGroupCallers && c.s.eng.Limit().Holds(g.bytes, g.over.writes.Len()); n++ {
		if t := g.run(r); t != nil && !g.add(r, t) {
			// There is no room for this caller's writes. They depend on those before
			// them, so they form the beginning of the next group.
			if c.handOver(g); c.writing != g { // it failed, and nothing may depend on it
				r.done <- g.err
				return nil
			}
			g = c.on(g)
			g.add(r, t)
		}
		r = c.next()
	}
	c.handOver(g)
	return r
}

// next returns a queued request. While a group is being written it waits for one; it
// returns nil once none is queued and nothing is being written. It yields the processor
// once, so that callers that have just been woken can submit their next write before the
// group closes.
func (c *committer) next() *request {
	for try := 0; ; try++ {
		select {
		case r := <-c.s.requests:
			return r
		default:
		}
		if c.writing != nil {
			select {
			case r := <-c.s.requests:
				return r
			case <-c.writing.written:
				c.writing, try = nil, -1
			}
			continue
		}
		if try == 1 {
			return nil
		}
		runtime.Gosched()
	}
}

// handOver has a group written once the one under it is durable, and fails it if that one
// failed.
func (c *committer) handOver(g *group) {
	var err error
	if g.under != nil {
		<-g.under.written
		err = g.under.err
	}
	c.settle()
	switch {
	case len(g.callers) == 0:
		g.end()
	case err != nil:
		g.settled(err)
	default:
		// Snapshots have the writes under it from now on.
		g.under, g.over.under = nil, nil
		// Taken before the write begins: an engine may let it wait for the write. If it
		// fails, the next group tries again.
		c.snap, _ = c.s.eng.Snapshot()
		c.writing = g
		go g.write()
	}
}

// Writable returns why nothing can be written now, or nil.
func (s *Store) Writable() error { return s.writeError() }

// writeError returns why nothing can be written now, or nil.
func (s *Store) writeError() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return s.space.check()
}

// fail records that a write failed, so that nothing is written on top of a partial
// write, and returns the error for the callers.
func (s *Store) fail(cause error) error {
	switch { // refused before anything was written
	case errors.Is(cause, engine.ErrTooLarge):
		return cause
	case errors.Is(cause, engine.ErrNoSpace):
		return withCause(ErrDiskFull, cause)
	case errors.Is(cause, engine.ErrReadOnly):
		return withCause(ErrReadOnly, cause)
	}
	err := withCause(ErrFailed, cause)
	if errors.Is(cause, engine.ErrNotOwner) {
		err = withCause(ErrDeposed, cause)
	}
	s.failed.Store(&err)
	s.log.Error("a write failed; the store refuses writes from now on", "err", cause)
	return err
}
