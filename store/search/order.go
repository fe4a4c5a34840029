package search

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"certquay/model"
)

// initialSorts are the orders that a table has once it is built. sorts are all orders:
// the others are made by the first query that needs them, because they take memory and
// few lists use them.
var (
	initialSorts = []model.Sort{model.SortExpiry, model.SortName, model.SortState}
	sorts        = append(slices.Clone(initialSorts), model.SortDue)
)

// ordering holds all slots in use in one order. Slots whose place may have changed
// are marked, and moved by the next query that needs the order: a change costs
// nothing until then, and one pass over the slots afterwards.
type ordering struct {
	slots []uint32
	dirty map[uint32]struct{}
}

// markDirty marks a slot in every order.
func (t *Table) markDirty(slot uint32) {
	for _, o := range t.orders {
		o.dirty[slot] = struct{}{}
	}
}

// sortValues are the values of a row that decide its place in an order.
type sortValues struct {
	expiry int64
	due    int64
	state  int
	name   string
}

func (t *Table) sortValues(slot uint32) sortValues {
	if len(t.orders) == 0 {
		return sortValues{}
	}
	b, n := t.at(slot)
	return sortValues{b.expiry(n), b.due(n), t.stateRank(slot), string(b.name(n))}
}

// markMoved marks a slot in the orders in which its place may have changed.
func (t *Table) markMoved(slot uint32, before sortValues) {
	if len(t.orders) == 0 {
		return
	}
	after := t.sortValues(slot)
	for by, o := range t.orders {
		changed := before.expiry != after.expiry
		switch by {
		case model.SortName:
			changed = before.name != after.name
		case model.SortDue:
			changed = before.due != after.due
		case model.SortState:
			changed = changed || before.state != after.state
		}
		if changed {
			o.dirty[slot] = struct{}{}
		}
	}
}

// ordered returns all slots in use, sorted. The table must be ready. The result
// must not be changed, and is valid until the table changes.
func (t *Table) ordered(by model.Sort) []uint32 {
	o := t.orders[by]
	if o == nil {
		o = t.newOrdering(by)
		t.orders[by] = o
	}
	if len(o.dirty) > 0 {
		t.update(by, o)
	}
	return o.slots
}

// newOrdering sorts all slots in use.
func (t *Table) newOrdering(by model.Sort) *ordering {
	o := &ordering{slots: slices.Clone(t.byID), dirty: map[uint32]struct{}{}}
	t.sort(by, o.slots)
	return o
}

// update moves the marked slots of an ordering to their places.
func (t *Table) update(by model.Sort, o *ordering) {
	moved := make([]uint32, 0, len(o.dirty))
	stale := newBitmap(len(t.blocks))
	for slot := range o.dirty {
		stale.add(slot)
		if b, n := t.at(slot); b.profile[n] != 0 {
			moved = append(moved, slot)
		}
	}
	o.dirty = map[uint32]struct{}{}
	slices.SortFunc(moved, t.compareIDs)
	t.sort(by, moved)
	kept := slices.DeleteFunc(o.slots, stale.has)
	// From the last to the first, each is inserted behind the slots that it
	// moves up.
	o.slots = grow(kept, len(moved))[:len(kept)+len(moved)]
	for n := len(moved) - 1; n >= 0; n-- {
		at, _ := slices.BinarySearchFunc(kept, moved[n], func(a, b uint32) int { return t.compare(by, a, b) })
		copy(o.slots[at+n+1:], kept[at:])
		o.slots[at+n] = moved[n]
		kept = kept[:at]
	}
}

// grow returns the slots with room for n more. When it has to move them it leaves
// a 64th free for later calls; append would leave a fourth.
func grow(slots []uint32, n int) []uint32 {
	need := len(slots) + n
	if need <= cap(slots) {
		return slots
	}
	return append(make([]uint32, 0, need+need/64), slots...)
}

// compare compares the places of two slots in an order.
func (t *Table) compare(by model.Sort, a, b uint32) int {
	for depth := 0; ; depth++ {
		x, y := t.sortKey(by, a, depth), t.sortKey(by, b, depth)
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
		if !hasNextKey(by, x) {
			return t.compareIDs(a, b)
		}
	}
}

func (t *Table) compareIDs(a, b uint32) int {
	x, k := t.at(a)
	y, n := t.at(b)
	if len(x.overflow) == 0 && len(y.overflow) == 0 {
		return x.ids[k].compare(y.ids[n])
	}
	return strings.Compare(x.id(k), y.id(n))
}

// sortKey returns a number that sorts as the slot does. A name has one for each
// eight bytes of its natural key, its depth; the last one ends in a zero byte, which no name holds.
func (t *Table) sortKey(by model.Sort, slot uint32, depth int) uint64 {
	const epoch = 1 << 40 // makes seconds of years before 1970 positive
	b, n := t.at(slot)
	switch by {
	case model.SortName:
		var room [64]byte
		var key [8]byte
		natural := model.AppendNaturalKey(room[:0], b.name(n), (depth+1)*len(key))
		copy(key[:], natural[min(len(natural), depth*len(key)):])
		return binary.BigEndian.Uint64(key[:])
	case model.SortState:
		return uint64(t.stateRank(slot))<<48 | uint64(min(b.expiry(n), epoch)+epoch)
	case model.SortDue:
		return uint64(min(b.due(n), epoch) + epoch)
	default:
		return uint64(min(b.expiry(n), epoch) + epoch)
	}
}

// hasNextKey reports whether slots with this key have another at the next depth.
func hasNextKey(by model.Sort, key uint64) bool { return by == model.SortName && key&0xff != 0 }

// stateRank returns the place of a row's state in the life cycle.
func (t *Table) stateRank(slot uint32) int {
	b, n := t.at(slot)
	if rank := slices.Index(model.States, t.profiles.list[b.profile[n]].row.State); rank >= 0 {
		return rank
	}
	return len(model.States)
}
