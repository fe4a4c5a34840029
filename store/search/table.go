package search

import (
	"slices"
	"sync"

	"certquay/model"
)

// Table holds the rows of all instances. It is safe for concurrent use.
//
// Rows live in slots: small numbers that are used again once a row is gone.
// Orders, filters and results are lists or sets of slots.
type Table struct {
	queue struct {
		sync.Mutex
		changes map[model.ID]*rowSource
		// touched holds what was committed after the snapshot from which the table is
		// being built; nil once it is built.
		touched map[model.ID]*rowSource
	}

	mu       sync.Mutex               // guards the fields below
	ready    bool                     // all rows and orders are there
	frozen   bool                     // orders are being made, or rows written, without the lock: nothing may change
	thawed   *sync.Cond               // signals the end of that; its lock is mu
	blocks   []*block                 // slot n is in block n / blockSize
	byID     []uint32                 // slots in use, sorted by ID
	free     []uint32                 // slots of rows that are gone
	orders   map[model.Sort]*ordering // empty until the table is ready
	profiles profiles
	labels   interned[labels]
	// contactRanks are the places of contacts in the order of their names.
	contactRanks map[model.ID]uint64
	matches      []*match // cached, the oldest first
}

// New returns an empty table, which [Build] fills.
func New() *Table {
	t := &Table{orders: map[model.Sort]*ordering{}, profiles: newInterned[profile](), labels: newInterned[labels]()}
	t.thawed = sync.NewCond(&t.mu)
	t.queue.changes = map[model.ID]*rowSource{}
	t.queue.touched = map[model.ID]*rowSource{}
	return t
}

// Ready reports whether the table has been built. Until then answers may be
// partial.
func (t *Table) Ready() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready
}

// Len returns how many rows the table has, without what was committed and no query has
// seen yet.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// at returns the block of a slot and the slot's number in it.
func (t *Table) at(slot uint32) (b *block, n int) {
	return t.blocks[slot/blockSize], int(slot % blockSize)
}

// row returns the row in a slot.
func (t *Table) row(slot uint32) model.InstanceRow {
	b, n := t.at(slot)
	return b.row(n, &t.profiles.list[b.profile[n]])
}

// maxQueued is how many changes are queued before a commit applies them itself,
// because no query does.
const maxQueued = 1024

// Commit queues what a commit changed, in the order of commits. Queries that
// begin afterwards see it. Commit does not wait for queries.
func (t *Table) Commit(changes []Change) {
	if len(changes) == 0 {
		return
	}
	t.queue.Lock()
	for _, c := range changes {
		t.queue.changes[c.ID] = c.source
		if t.queue.touched != nil {
			t.queue.touched[c.ID] = c.source
		}
	}
	full := len(t.queue.changes) >= maxQueued
	t.queue.Unlock()
	if full && t.mu.TryLock() {
		t.applyQueue()
		t.mu.Unlock()
	}
}

// catchUp applies what was committed before the call. If there are changes while
// the table is frozen, it waits for the end of that. The caller holds mu, which is
// released while waiting.
func (t *Table) catchUp() {
	for t.frozen && t.hasQueued() {
		t.thawed.Wait()
	}
	t.applyQueue()
}

// waitWhileFrozen waits until the table is not frozen. The caller holds mu, which is
// released while waiting.
func (t *Table) waitWhileFrozen() {
	for t.frozen {
		t.thawed.Wait()
	}
}

// hasQueued reports whether there are queued changes.
func (t *Table) hasQueued() bool {
	t.queue.Lock()
	defer t.queue.Unlock()
	return len(t.queue.changes) > 0
}

// applyQueue applies queued changes, unless the table is frozen. The caller holds
// mu.
func (t *Table) applyQueue() {
	if t.frozen {
		return
	}
	t.queue.Lock()
	changes := t.queue.changes
	if len(changes) == 0 { // the map stays in use
		t.queue.Unlock()
		return
	}
	t.queue.changes = map[model.ID]*rowSource{}
	t.queue.Unlock()
	for id, s := range changes {
		t.set(id, s)
	}
	for by, o := range t.orders {
		if len(o.dirty) > maxQueued+len(o.slots)/16 { // no query has asked for this order
			t.update(by, o)
		}
	}
}

// set inserts or replaces the row of an instance; a nil source removes it.
func (t *Table) set(id model.ID, s *rowSource) {
	at, exists := t.find(string(id))
	switch {
	case s == nil && !exists:
	case s == nil:
		slot := t.byID[at]
		t.byID = slices.Delete(t.byID, at, at+1)
		b, n := t.at(slot)
		b.invalidate(n, &t.profiles)
		t.profiles.release(b.profile[n])
		t.labels.release(b.label(n))
		b.clear(n)
		t.free = append(t.free, slot)
		t.markDirty(slot)
	case exists:
		slot := t.byID[at]
		before := t.sortValues(slot)
		t.fill(slot, id, s)
		t.markMoved(slot, before)
	default:
		slot := t.newSlot()
		if t.ready {
			t.byID = grow(t.byID, 1)
		}
		t.byID = slices.Insert(t.byID, at, slot)
		t.fill(slot, id, s)
		t.markDirty(slot)
	}
}

// newSlot returns a slot that is not in use.
func (t *Table) newSlot() uint32 {
	if last := len(t.free) - 1; last >= 0 {
		slot := t.free[last]
		t.free = t.free[:last]
		return slot
	}
	last := len(t.blocks) - 1
	if last < 0 || t.blocks[last].used == blockSize {
		if last >= 0 { // a full block hardly grows any more
			t.blocks[last].trim()
		}
		t.blocks = append(t.blocks, newBlock())
		last++
	}
	return uint32(last*blockSize + t.blocks[last].used)
}

// fill writes a row into a slot.
func (t *Table) fill(slot uint32, id model.ID, s *rowSource) {
	b, n := t.at(slot)
	before, label := b.profile[n], b.label(n)
	b.invalidate(n, &t.profiles)
	var attached uint32
	if s.labels != (labels{}) {
		attached = t.labels.acquire(s.labels)
	}
	b.put(n, id, s, t.profiles.acquire(s.profile), attached)
	t.profiles.release(before)
	t.labels.release(label)
}

// find returns where in byID an instance is, or would be. IDs rise with time, so
// a new instance mostly comes last.
func (t *Table) find(id string) (at int, exists bool) {
	short, ok := shorten(id)
	compare := func(slot uint32, id string) int {
		b, n := t.at(slot)
		return b.compareID(n, id, short, ok)
	}
	if n := len(t.byID); n == 0 || compare(t.byID[n-1], id) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(t.byID, id, compare)
}
