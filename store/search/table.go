package search

import (
	"slices"
	"sync"

	"certquay/model"
)

// table holds what lists need of every instance, packed, once for the whole
// process: it answers filters, sorts and counts without the engine. A row
// takes its texts, folded (name, domains and serials with a zero after each;
// name and domain once more if they are shown otherwise than folded), and at
// most 80 bytes: 61 in its block, 4 in each of four orders, a bit in each of
// four results, and what the allocator rounds up.
//
// Commits are queued and taken in by the next query, so that a long pass over
// the table does not hold up the writer.
type Table struct {
	queue struct {
		sync.Mutex
		rows map[model.ID]*rowSource
		// touched are the instances that were committed after the moment that
		// the table is being built from; nil once it is built.
		touched map[model.ID]bool
	}

	mu       sync.Mutex               // guards what follows
	ready    bool                     // everything has been seen, and the orders are there
	sorting  bool                     // without the lock: nothing is taken in
	sorted   *sync.Cond               // sorting has ended; its lock is mu
	blocks   []*block                 // slot n is in block n / blockSize
	byID     []uint32                 // slots in use in the order of IDs
	free     []uint32                 // slots
	orders   map[model.Sort]*ordering // none until it is ready
	profiles profiles
	results  []*result
}

// New returns an empty table, which [Build] fills.
func New() *Table {
	t := &Table{orders: map[model.Sort]*ordering{}, profiles: newProfiles()}
	t.sorted = sync.NewCond(&t.mu)
	t.queue.rows = map[model.ID]*rowSource{}
	t.queue.touched = map[model.ID]bool{}
	return t
}

// at is where a slot is.
func (t *Table) at(slot uint32) (b *block, n int) {
	return t.blocks[slot/blockSize], int(slot % blockSize)
}

// row makes the row in a slot.
func (t *Table) row(slot uint32) model.Row {
	b, n := t.at(slot)
	return b.row(n, &t.profiles.list[b.profile[n]])
}

// taken is how many queued changes the committer takes in by itself when no
// query does.
const taken = 1024

// Commit queues what a commit changed. It does not wait for queries.
func (t *Table) Commit(changes []Change) {
	if len(changes) == 0 {
		return
	}
	t.queue.Lock()
	for _, c := range changes {
		t.queue.rows[c.ID] = c.source
		if t.queue.touched != nil {
			t.queue.touched[c.ID] = true
		}
	}
	full := len(t.queue.rows) >= taken
	t.queue.Unlock()
	if full && t.mu.TryLock() {
		t.take()
		t.mu.Unlock()
	}
}

// catchUp brings in what was committed before the call. If there is something
// while the orders are being made, it waits for those. The caller holds mu,
// which others may get meanwhile.
func (t *Table) catchUp() {
	for t.sorting && t.waiting() {
		t.sorted.Wait()
	}
	t.take()
}

// waiting says whether there are queued changes.
func (t *Table) waiting() bool {
	t.queue.Lock()
	defer t.queue.Unlock()
	return len(t.queue.rows) > 0
}

// take brings queued changes into the table, unless the orders are being made.
// The caller holds mu.
func (t *Table) take() {
	if t.sorting {
		return
	}
	t.queue.Lock()
	rows := t.queue.rows
	if len(rows) == 0 { // and so still the committer's
		t.queue.Unlock()
		return
	}
	t.queue.rows = map[model.ID]*rowSource{}
	t.queue.Unlock()
	for id, l := range rows {
		t.set(id, l)
	}
	for s, o := range t.orders {
		if len(o.dirty) > taken+len(o.slots)/16 { // nobody asks for this order
			t.mend(s, o)
		}
	}
}

// set puts a line into the table, or removes it when it is nil.
func (t *Table) set(id model.ID, l *rowSource) {
	at, exists := t.find(string(id))
	switch {
	case l == nil && !exists:
	case l == nil:
		slot := t.byID[at]
		t.byID = slices.Delete(t.byID, at, at+1)
		b, n := t.at(slot)
		b.outdate(n, &t.profiles)
		t.profiles.leave(b.profile[n])
		b.clear(n)
		t.free = append(t.free, slot)
		t.disorder(slot)
	case exists:
		slot := t.byID[at]
		was := t.place(slot)
		t.fill(slot, id, l)
		t.moved(slot, was)
	default:
		slot := t.slot()
		if t.ready {
			t.byID = room(t.byID, 1)
		}
		t.byID = slices.Insert(t.byID, at, slot)
		t.fill(slot, id, l)
		t.disorder(slot)
	}
}

// slot is a free one.
func (t *Table) slot() uint32 {
	if last := len(t.free) - 1; last >= 0 {
		slot := t.free[last]
		t.free = t.free[:last]
		return slot
	}
	last := len(t.blocks) - 1
	if last < 0 || t.blocks[last].used == blockSize {
		if last >= 0 { // it will hardly grow any more
			t.blocks[last].trim()
		}
		t.blocks = append(t.blocks, newBlock())
		last++
	}
	return uint32(last*blockSize + t.blocks[last].used)
}

func (t *Table) fill(slot uint32, id model.ID, l *rowSource) {
	b, n := t.at(slot)
	was := b.profile[n]
	b.outdate(n, &t.profiles)
	b.put(n, id, l, t.profiles.use(l.profile))
	t.profiles.leave(was)
}

// find is where in byID an instance is, or would be. IDs rise with time, so a
// new one mostly comes last.
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

// Ready reports whether the table has been built: until then answers may be
// partial.
func (t *Table) Ready() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready
}
