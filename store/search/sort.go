package search

import (
	"cmp"
	"slices"

	"certquay/model"
)

// item is a slot on its way through a sort. Keys are looked up once, because
// doing so at each comparison would miss the processor's cache twice.
type item struct {
	key uint64
	at  uint32 // in the slots to sort
}

// sort sorts slots that are in the order of their IDs.
func (t *Table) sort(s model.Sort, slots []uint32) {
	items := make([]item, len(slots))
	for n := range items {
		items[n].at = uint32(n)
	}
	t.sortItems(s, slots, items, make([]item, len(items)), 0)
	sorted := make([]uint32, len(slots))
	for n := range items {
		sorted[n] = slots[items[n].at]
	}
	copy(slots, sorted)
}

// sortItems sorts by the keys at a depth, then those with equal keys by the
// next. It needs as much room as there are items.
func (t *Table) sortItems(s model.Sort, slots []uint32, items, room []item, depth int) {
	for n := range items {
		items[n].key = t.sortKey(s, slots[items[n].at], depth)
	}
	sortKeys(items, room)
	for from := 0; from < len(items); {
		to := from + 1
		for to < len(items) && items[to].key == items[from].key {
			to++
		}
		if to > from+1 && goesOn(s, items[from].key) {
			t.sortItems(s, slots, items[from:to], room, depth+1)
		}
		from = to
	}
}

// many is from how many items on distributing them is quicker than comparing.
const many = 1024

// sortKeys sorts items by their keys, and equal ones by their places. Many are
// distributed by one byte of the key after the other, the last first, which
// leaves equal ones as they were: in the order of their places. Bytes in which
// all agree, most of them, are passed over.
func sortKeys(items, room []item) {
	if len(items) < many {
		slices.SortFunc(items, func(a, b item) int {
			if c := cmp.Compare(a.key, b.key); c != 0 {
				return c
			}
			return cmp.Compare(a.at, b.at)
		})
		return
	}
	var counts [8][256]uint32
	for n := range items {
		for k := range counts {
			counts[k][byte(items[n].key>>(8*k))]++
		}
	}
	from, to := items, room[:len(items)]
	for k := range counts {
		next := &counts[k] // where the next one with a byte goes
		if next[byte(from[0].key>>(8*k))] == uint32(len(from)) {
			continue
		}
		sum := uint32(0)
		for c, n := range next {
			next[c], sum = sum, sum+n
		}
		for _, i := range from {
			c := byte(i.key >> (8 * k))
			to[next[c]] = i
			next[c]++
		}
		from, to = to, from
	}
	copy(items, from) // onto itself, if it ended up there
}
