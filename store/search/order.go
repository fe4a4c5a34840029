package search

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"certquay/model"
)

// sorts are the orders that the table can have, and ready those it always has
// once it is built. The others are made when they are asked for first: they
// take room, and one list wants them.
var (
	sorts = append(ready[:len(ready):len(ready)], model.SortDue)
	ready = []model.Sort{model.SortExpiry, model.SortName, model.SortState}
)

// ordering is all slots in use in one order. Slots whose place may have changed
// are taken out and merged in again by the next query that needs the order, so
// a change costs nothing until then, and a pass over numbers afterwards.
type ordering struct {
	slots []uint32
	dirty map[uint32]struct{}
}

// disorder notes that a slot may have another place now in every order.
func (t *Table) disorder(slot uint32) {
	for _, o := range t.orders {
		o.dirty[slot] = struct{}{}
	}
}

// place is what decides where a row stands.
type place struct {
	expiry int64
	due    int64
	state  int
	name   string
}

func (t *Table) place(slot uint32) place {
	if len(t.orders) == 0 {
		return place{}
	}
	b, n := t.at(slot)
	return place{b.expiry(n), b.due(n), t.stateRank(slot), string(b.name(n))}
}

// moved notes in which orders a slot may have another place than it had.
func (t *Table) moved(slot uint32, was place) {
	if len(t.orders) == 0 {
		return
	}
	is := t.place(slot)
	for s, o := range t.orders {
		changed := was.expiry != is.expiry
		switch s {
		case model.SortName:
			changed = was.name != is.name
		case model.SortDue:
			changed = was.due != is.due
		case model.SortState:
			changed = changed || was.state != is.state
		}
		if changed {
			o.dirty[slot] = struct{}{}
		}
	}
}

// order is all slots in use, sorted. The table must be ready. The caller must
// not change it, and may use it until the table changes.
func (t *Table) order(s model.Sort) []uint32 {
	o := t.orders[s]
	if o == nil {
		o = t.ordered(s)
		t.orders[s] = o
	}
	if len(o.dirty) > 0 {
		t.mend(s, o)
	}
	return o.slots
}

// ordered makes an ordering anew.
func (t *Table) ordered(s model.Sort) *ordering {
	o := &ordering{slots: slices.Clone(t.byID), dirty: map[uint32]struct{}{}}
	t.sort(s, o.slots)
	return o
}

// mend brings an ordering up to date.
func (t *Table) mend(s model.Sort, o *ordering) {
	moved := make([]uint32, 0, len(o.dirty))
	stale := make(bitmap, len(t.blocks)*blockWords)
	for slot := range o.dirty {
		stale.set(slot)
		if b, n := t.at(slot); b.profile[n] != 0 {
			moved = append(moved, slot)
		}
	}
	o.dirty = map[uint32]struct{}{}
	slices.SortFunc(moved, t.compareIDs)
	t.sort(s, moved)
	kept := slices.DeleteFunc(o.slots, stale.has)
	// From the last to the first, each goes to its place behind what it
	// pushes on.
	o.slots = room(kept, len(moved))[:len(kept)+len(moved)]
	for n := len(moved) - 1; n >= 0; n-- {
		at, _ := slices.BinarySearchFunc(kept, moved[n], func(a, b uint32) int { return t.compare(s, a, b) })
		copy(o.slots[at+n+1:], kept[at:])
		o.slots[at+n] = moved[n]
		kept = kept[:at]
	}
}

// room is a slice with room for n more, and a little beside, so that most calls
// find some. To append would take a fourth more.
func room(slots []uint32, n int) []uint32 {
	need := len(slots) + n
	if need <= cap(slots) {
		return slots
	}
	return append(make([]uint32, 0, need+need/64), slots...)
}

func (t *Table) compare(s model.Sort, a, b uint32) int {
	for depth := 0; ; depth++ {
		x, y := t.sortKey(s, a, depth), t.sortKey(s, b, depth)
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
		if !goesOn(s, x) {
			return t.compareIDs(a, b)
		}
	}
}

func (t *Table) compareIDs(a, b uint32) int {
	x, k := t.at(a)
	y, n := t.at(b)
	if len(x.odd) == 0 && len(y.odd) == 0 {
		return x.ids[k].compare(y.ids[n])
	}
	return strings.Compare(x.id(k), y.id(n))
}

// sortKey is a number that sorts as the slot does. A name has one for each
// eight bytes, the depth; the last ends in a zero, which no name holds.
func (t *Table) sortKey(s model.Sort, slot uint32, depth int) uint64 {
	const epoch = 1 << 40 // makes seconds of years before 1970 positive
	b, n := t.at(slot)
	switch s {
	case model.SortName:
		var key [8]byte
		name := b.name(n)
		copy(key[:], name[min(len(name), depth*len(key)):])
		return binary.BigEndian.Uint64(key[:])
	case model.SortState:
		return uint64(t.stateRank(slot))<<48 | uint64(min(b.expiry(n), epoch)+epoch)
	case model.SortDue:
		return uint64(min(b.due(n), epoch) + epoch)
	default:
		return uint64(min(b.expiry(n), epoch) + epoch)
	}
}

// goesOn says whether those whose keys are this one are sorted further by the
// key at the next depth.
func goesOn(s model.Sort, key uint64) bool { return s == model.SortName && key&0xff != 0 }

// stateRank is the place of a row's state in a life.
func (t *Table) stateRank(slot uint32) int {
	b, n := t.at(slot)
	if rank := slices.Index(model.States, t.profiles.list[b.profile[n]].row.State); rank >= 0 {
		return rank
	}
	return len(model.States)
}

// bitmap is a set of slots.
type bitmap []uint64

func (b bitmap) set(n uint32)      { b[n/64] |= 1 << (n % 64) }
func (b bitmap) has(n uint32) bool { return b[n/64]&(1<<(n%64)) != 0 }

// all are the slots in the set.
func (b bitmap) all() (slots []uint32) {
	for n, word := range b {
		for ; word != 0; word &= word - 1 {
			slots = append(slots, uint32(n*64+bits.TrailingZeros64(word)))
		}
	}
	return slots
}

// of is the part of a block.
func (b bitmap) of(block int) *slots { return (*slots)(b[block*blockWords:]) }
