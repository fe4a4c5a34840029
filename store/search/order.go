package search

import (
	"cmp"
	"slices"
	"strings"

	"certquay/model"
)

// initialSorts are the orders that a table has once it is built. The others are made by
// the first query that needs them, because they take memory and few lists use them.
var initialSorts = []model.Sort{model.SortExpiry, model.SortName, model.SortState}

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
	expiry uint64
	due    int64
	state  int
	name   string

	// Those of the orders that are rarely used.
	domain                string
	notBefore, serviceEnd int64
	profile               profile
	contact               model.ID
}

func (t *Table) sortValues(slot uint32) sortValues {
	if len(t.orders) == 0 {
		return sortValues{}
	}
	b, n := t.at(slot)
	v := sortValues{expiry: t.expiryKey(slot), due: b.due(n), state: t.stateRank(slot), name: string(b.name(n))}
	if len(t.orders) > len(initialSorts) {
		v.domain, v.notBefore, v.serviceEnd = string(t.domain(slot)), b.secondOrNever(n, notBefore), b.secondOrNever(n, serviceEnd)
		v.profile, v.contact = t.profiles.list[b.profile[n]], t.labels.list[b.label(n)].contact
	}
	return v
}

// markMoved marks a slot in the orders in which its place may have changed.
func (t *Table) markMoved(slot uint32, before sortValues) {
	if len(t.orders) == 0 {
		return
	}
	after := t.sortValues(slot)
	for by, o := range t.orders {
		changed := before != after
		switch by {
		case model.SortExpiry:
			changed = before.expiry != after.expiry
		case model.SortName:
			changed = before.name != after.name
		case model.SortDue:
			changed = before.due != after.due
		case model.SortState:
			changed = before.expiry != after.expiry || before.state != after.state
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

// stateRank returns the place of a row's state in the life cycle.
func (t *Table) stateRank(slot uint32) int {
	b, n := t.at(slot)
	if rank := slices.Index(model.States, t.profiles.list[b.profile[n]].row.State); rank >= 0 {
		return rank
	}
	return len(model.States)
}
