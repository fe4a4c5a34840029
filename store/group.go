package store

import (
	"context"
	"encoding/binary"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
)

// group is the shared transaction of several callers. While it is being written, the
// committer only reads its writes, and its error once written is closed.
type group struct {
	s       *Store
	under   *group          // that was being written when this one began; nil if none
	snap    engine.Snapshot // that its callers read; may be nil before the first
	begun   bool            // it may be written to
	over    *overlay        // its writes, over those of under
	bytes   int
	events  *eventHead // the last event it appends; nil if none
	callers []*request
	changes []model.Change
	rows    []search.Change

	written chan struct{} // closed when it is durable, or has failed
	err     error         // why it has failed
}

// run runs one caller on top of the writes of those before it, and returns its transaction;
// nil if it has none, and its result.
func (g *group) run(r *request) *tx {
	if !r.taken.CompareAndSwap(false, true) {
		return nil // the caller has given up
	}
	err := r.ctx.Err()
	if err == nil {
		err = g.begin()
	}
	var t *tx
	if err == nil {
		t = newTx(view{g.s.keys, g.snap, g.over})
		err = runRecovering(r.fn, t)
	}
	if err == nil {
		limit := g.s.callerLimit()
		if !limit.Holds(t.bytes, 0) {
			t.recountBytes()
		}
		err = limit.Check(t.bytes, t.over.writes.Len())
	}
	if err != nil {
		r.done <- err
		return nil
	}
	return t
}

// callerLimit is what one caller may write.
func (s *Store) callerLimit() engine.Limit {
	limit := s.eng.Limit()
	limit.Bytes, limit.Writes = limit.Bytes-commitCounterSize, limit.Writes-1
	return limit
}

// add adds the writes of a caller and reports whether there was room for them. There is in
// an empty group.
func (g *group) add(r *request, t *tx) bool {
	if len(g.callers) > 0 && !g.s.callerLimit().Holds(g.bytes+t.bytes, g.over.writes.Len()+t.over.writes.Len()) {
		return false
	}
	g.over.take(t.over)
	g.bytes += t.bytes
	g.callers = append(g.callers, r)
	g.changes = append(g.changes, t.changes...)
	g.rows = append(g.rows, t.rows...)
	if t.last != nil {
		g.events = t.last
	}
	return true
}

// commitCounterSize is the space reserved in each group for the commit counter.
const commitCounterSize = 128

// recountBytes computes the exact size of the writes; a key that was written twice
// counts once.
func (t *tx) recountBytes() {
	t.bytes = 0
	for key, p := range t.over.all() {
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

// begin prepares the group for its first caller.
func (g *group) begin() error {
	if g.begun {
		return nil
	}
	if err := g.s.writeError(); err != nil {
		return err
	}
	if g.snap == nil {
		snap, err := g.s.eng.Snapshot()
		if err != nil {
			return err
		}
		g.snap = snap
	}
	g.begun = true
	return nil
}

// isWritten reports whether the group is durable or has failed.
func (g *group) isWritten() bool {
	select {
	case <-g.written:
		return true
	default:
		return false
	}
}

// end releases the snapshot.
func (g *group) end() {
	if g.snap != nil {
		g.snap.Close()
		g.snap = nil
	}
}

// write makes the group durable, publishes the changes, and returns the results to its
// callers.
func (g *group) write() {
	b := batchOf(g.over, g.s.keys)
	var err error
	if len(b.Writes) > 0 {
		err = g.apply(b)
	}
	if err == nil && len(b.Writes) > 0 {
		g.s.table.Commit(g.rows)
		g.s.feed.publish(g.changes)
	}
	g.settled(err)
}

// settled records the result of the group and returns it to its callers.
func (g *group) settled(err error) {
	g.end()
	g.err = err
	close(g.written)
	for _, r := range g.callers {
		r.done <- err
	}
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
