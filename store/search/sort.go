package search

import (
	"cmp"
	"slices"

	"certquay/model"
)

// item is a slot while it is sorted. Its key is computed once, because doing so
// at each comparison would miss the processor's cache twice.
type item struct {
	key uint64
	at  uint32 // place in the slots to sort
}

// sort sorts slots that are in the order of their IDs. Equal ones stay so.
func (t *Table) sort(by model.Sort, slots []uint32) {
	items := make([]item, len(slots))
	for n := range items {
		items[n].at = uint32(n)
	}
	t.sortItems(by, slots, items, make([]item, len(items)), 0)
	sorted := make([]uint32, len(slots))
	for n := range items {
		sorted[n] = slots[items[n].at]
	}
	copy(slots, sorted)
}

// sortItems sorts by the keys at a depth, then those with equal keys by the
// next. scratch is as long as items at least.
func (t *Table) sortItems(by model.Sort, slots []uint32, items, scratch []item, depth int) {
	for n := range items {
		items[n].key = t.sortKey(by, slots[items[n].at], depth)
	}
	sortKeys(items, scratch)
	for from := 0; from < len(items); {
		to := from + 1
		for to < len(items) && items[to].key == items[from].key {
			to++
		}
		if to > from+1 && hasNextKey(by, items[from].key) {
			t.sortItems(by, slots, items[from:to], scratch, depth+1)
		}
		from = to
	}
}

// radixThreshold is from how many items on a radix sort is quicker than comparing.
const radixThreshold = 1024

// sortKeys sorts items by key, and those with equal keys by place. Many items are
// sorted by a radix sort, one byte of the key after the other, from the lowest:
// it is stable, and they begin in the order of their places. Bytes in which all
// keys agree, which is most of them, are skipped.
func sortKeys(items, scratch []item) {
	if len(items) < radixThreshold {
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
	from, to := items, scratch[:len(items)]
	for k := range counts {
		next := &counts[k] // becomes: where the next item with a byte goes
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
	copy(items, from) // no-op if they are there already
}
