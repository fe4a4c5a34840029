package store

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"sync/atomic"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
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

// commitLoop runs all writes, one group at a time.
func (s *Store) commitLoop() {
	defer close(s.stopped)
	for {
		select {
		case r := <-s.requests:
			for r != nil {
				r = s.commitFrom(r)
			}
		case <-s.closing:
			return
		}
	}
}

// commitFrom collects a group that begins with r and commits it. It returns the next
// request if it received one for which the group had no room.
func (s *Store) commitFrom(r *request) *request {
	g := &group{s: s, over: new(overlay)}
	defer g.end()
	for n := 0; r != nil && n < maxGroupCallers && s.eng.Limit().Holds(g.bytes, g.over.len()); n++ {
		g.run(r)
		r = s.nextRequest()
	}
	// Each caller has received its result; a failed snapshot is taken again for the
	// next group.
	_ = g.commit()
	return r
}

// nextRequest returns a queued request, or nil. It yields the processor once, so that
// callers that have just been woken can submit their next write before the group
// closes.
func (s *Store) nextRequest() *request {
	for try := 0; ; try++ {
		select {
		case r := <-s.requests:
			return r
		default:
			if try == 1 {
				return nil
			}
			runtime.Gosched()
		}
	}
}

// group is the shared transaction of several callers.
type group struct {
	s       *Store
	snap    engine.Snapshot // nil before the first caller
	over    *overlay
	bytes   int
	events  *eventHead // the last event it appends; nil if none
	callers []*request
	changes []model.Change
	rows    []search.Change
}

// run runs one caller on top of the writes of those before it.
func (g *group) run(r *request) {
	if !r.taken.CompareAndSwap(false, true) {
		return // the caller has given up
	}
	if err := r.ctx.Err(); err != nil {
		r.done <- err
		return
	}
	if err := g.begin(); err != nil {
		r.done <- err
		return
	}
	t := newTx(view{keys: g.s.keys, snap: g.snap, over: g.over})
	g.s.current = t
	err := runRecovering(r.fn, t)
	if g.s.current = nil; err != nil {
		r.done <- err
		return
	}
	if err := t.checkKeys(); err != nil {
		r.done <- err
		return
	}
	limit := g.s.eng.Limit()
	limit.Bytes, limit.Writes = limit.Bytes-commitCounterSize, limit.Writes-1
	if !limit.Holds(t.bytes, 0) {
		t.recountBytes()
	}
	if err := limit.Check(t.bytes, len(t.own)); err != nil {
		r.done <- err
		return
	}
	if !limit.Holds(g.bytes+t.bytes, g.over.len()+len(t.own)) {
		// There is no room for this caller's writes. They depend on those before them,
		// so they form a group of their own once those are durable.
		if err := g.commit(); err != nil {
			r.done <- err
			return
		}
	}
	g.over.add(t.own)
	g.bytes += t.bytes
	g.callers = append(g.callers, r)
	g.changes = append(g.changes, t.changes...)
	g.rows = append(g.rows, t.rows...)
	if t.last != nil {
		g.events = t.last
	}
}

// commitCounterSize is the space reserved in each group for the commit counter.
const commitCounterSize = 128

// checkKeys returns an error if a key is too long for the engine.
func (t *tx) checkKeys() error {
	for key, p := range t.own {
		if len(key) > engine.MaxKey && !p.deleted {
			return engine.CheckKey(key)
		}
	}
	return nil
}

// recountBytes computes the exact size of the writes; a key that was written twice
// counts once.
func (t *tx) recountBytes() {
	t.bytes = 0
	for key, p := range t.own {
		t.bytes += engine.Size(key, p.value) + macSize
	}
}

// runRecovering runs fn and turns a panic into an error, so that it does not stop the writer.
func runRecovering(fn func(*tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = model.Fail("store.panicked", "what", p)
		}
	}()
	return fn(t)
}

// begin takes the snapshot that the group reads.
func (g *group) begin() (err error) {
	if g.snap != nil {
		return nil
	}
	if err := g.s.writeError(); err != nil {
		return err
	}
	g.snap, err = g.s.eng.Snapshot()
	return err
}

// end releases the snapshot.
func (g *group) end() {
	if g.snap != nil {
		g.snap.Close()
		g.snap = nil
	}
}

// commit makes the group durable, returns the results to its callers, publishes the
// changes, and leaves the group empty over a new snapshot.
func (g *group) commit() error {
	if len(g.callers) == 0 {
		return nil
	}
	b := batchOf(g.over, g.s.keys)
	var err error
	if len(b.Writes) > 0 {
		err = g.apply(b)
	}
	if err == nil && len(b.Writes) > 0 {
		g.s.table.Commit(g.rows)
		g.s.tableFile.noteChanged(len(g.rows))
		g.s.feed.publish(g.changes)
		g.s.noteGroup(g.over)
	}
	for _, r := range g.callers {
		r.done <- err
	}
	g.end()
	g.over, g.bytes, g.events, g.callers, g.changes, g.rows = new(overlay), 0, nil, nil, nil, nil
	if err != nil {
		return err
	}
	g.snap, err = g.s.eng.Snapshot()
	return err
}

// apply makes the batch durable, with the commit number, and updates the high-water
// mark. It ignores the callers' contexts: a function that has run is committed.
func (g *group) apply(b *engine.Batch) error {
	at := g.s.reached
	at.commits++
	if g.events != nil {
		at.events = *g.events
	}
	b.Put(metaCommits, g.s.keys.authenticate(metaCommits, binary.AppendUvarint(nil, at.commits)))
	if err := g.s.eng.Apply(context.Background(), b); err != nil {
		return g.s.fail(err)
	}
	g.s.reached = at
	if err := g.s.highWater.write(at); err != nil {
		// This group is durable. Nothing more may be written, because its loss would
		// not be detected.
		_ = g.s.fail(model.Fail("store.mark", "cause", err))
	}
	return nil
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
