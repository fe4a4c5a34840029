package store

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"certquay/model"
)

// ordering is all slots in use in one order. Changed slots are taken out and
// merged in again by the next query that needs the order, so a change costs
// nothing until then, and a pass afterwards.
type ordering struct {
	slots []uint32
	dirty map[uint32]struct{}
}

// disorder notes that a slot may have another place now.
func (t *table) disorder(slot uint32) {
	for _, o := range t.orders {
		o.dirty[slot] = struct{}{}
	}
}

// order is all slots in use, sorted. The caller must not change it, and may
// use it until the table changes.
func (t *table) order(s model.Sort) []uint32 {
	o := t.orders[s]
	if o == nil {
		o = &ordering{dirty: map[uint32]struct{}{}, slots: slices.Clone(t.byID)}
		t.sort(s, o.slots)
		t.orders[s] = o
	}
	if len(o.dirty) > 0 {
		t.mend(s, o)
	}
	return o.slots
}

// mend brings an ordering up to date.
func (t *table) mend(s model.Sort, o *ordering) {
	moved := make([]uint32, 0, len(o.dirty))
	for slot := range o.dirty {
		if t.hot[slot].state != 0 {
			moved = append(moved, slot)
		}
	}
	t.sort(s, moved)
	stale := make(bitmap, len(t.hot)/64+1)
	for slot := range o.dirty {
		stale.set(slot)
	}
	merged := make([]uint32, 0, len(t.byID))
	for _, slot := range o.slots {
		if stale.has(slot) {
			continue
		}
		for len(moved) > 0 && t.compare(s, moved[0], slot) < 0 {
			merged = append(merged, moved[0])
			moved = moved[1:]
		}
		merged = append(merged, slot)
	}
	o.slots = append(merged, moved...)
	o.dirty = map[uint32]struct{}{}
}

// sort sorts slots. Keys are made first, because looking each one up at every
// comparison would miss the processor's cache twice.
func (t *table) sort(s model.Sort, slots []uint32) {
	type item struct {
		key  uint64
		slot uint32
	}
	items := make([]item, len(slots))
	for n, slot := range slots {
		items[n] = item{t.sortKey(s, slot), slot}
	}
	slices.SortFunc(items, func(a, b item) int {
		if c := cmp.Compare(a.key, b.key); c != 0 {
			return c
		}
		return t.tie(s, a.slot, b.slot)
	})
	for n := range items {
		slots[n] = items[n].slot
	}
}

func (t *table) compare(s model.Sort, a, b uint32) int {
	if c := cmp.Compare(t.sortKey(s, a), t.sortKey(s, b)); c != 0 {
		return c
	}
	return t.tie(s, a, b)
}

// sortKey is a number that sorts as the slot does, except for what tie decides.
func (t *table) sortKey(s model.Sort, slot uint32) uint64 {
	const epoch = 1 << 40 // makes seconds of years before 1970 positive
	h := &t.hot[slot]
	when := uint64(min(h.notAfter, epoch) + epoch)
	switch s {
	case model.SortName:
		var b [8]byte
		copy(b[:], t.cold[slot].Name())
		return binary.BigEndian.Uint64(b[:])
	case model.SortState:
		return uint64(stateRank(t.states.texts[h.state]))<<48 | when
	default:
		return when
	}
}

// tie decides between slots with the same key.
func (t *table) tie(s model.Sort, a, b uint32) int {
	if s == model.SortName {
		if c := strings.Compare(t.cold[a].Name(), t.cold[b].Name()); c != 0 {
			return c
		}
	}
	return strings.Compare(t.cold[a].ID(), t.cold[b].ID())
}

// stateRank is the place of a state in a life.
func stateRank(s string) int {
	if n := slices.Index(model.States, model.State(s)); n >= 0 {
		return n
	}
	return len(model.States)
}

// bitmap is a set of slots.
type bitmap []uint64

func (b bitmap) set(n uint32)      { b[n/64] |= 1 << (n % 64) }
func (b bitmap) has(n uint32) bool { return b[n/64]&(1<<(n%64)) != 0 }
