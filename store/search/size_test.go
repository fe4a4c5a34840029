package search

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"certquay/model"
)

// allocated returns how many bytes the allocator gives for so many.
func allocated(size int) int { return cap(append([]byte(nil), make([]byte, size)...)) }

// size returns the bytes that the table takes, as the allocator counts, without
// the profiles, of which large fleets have no more than small ones.
func (t *Table) size() (bytes int) {
	for _, b := range t.blocks {
		for _, part := range []uintptr{unsafe.Sizeof(*b), unsafe.Sizeof(*b.ids), unsafe.Sizeof(*b.times), unsafe.Sizeof(*b.profile),
			unsafe.Sizeof(*b.derived), unsafe.Sizeof(*b.names.ends), unsafe.Sizeof(*b.serials.ends)} {
			bytes += allocated(int(part))
		}
		bytes += allocated(cap(b.names.all) + cap(b.serials.all))
	}
	for _, r := range t.matches {
		bytes += allocated(8*cap(r.passed)) + allocated(8*cap(r.versions))
	}
	for _, o := range t.orders {
		bytes += allocated(4 * cap(o.slots))
	}
	return bytes + allocated(4*cap(t.byID)) + allocated(8*cap(t.blocks))
}

// A row takes at most 80 bytes beside its texts, with all cached results, and still
// does after all instances were renewed, many were removed and others added.
func TestARowTakesEightyBytes(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	tab := New()
	const rows = 8 * blockSize
	texts := map[model.ID]int{}
	put := func(n int, later ...model.Version) {
		c := benchRow(n, now, later...)
		texts[c.ID] = len(c.source.names) + len(c.source.serials)
		tab.Commit([]Change{c})
	}
	check := func(when string) {
		t.Helper()
		for n := range 2 * cachedResults {
			tab.Page(model.Query{Filter: model.Filter{Text: fmt.Sprint(n)}, Sort: model.SortExpiry, Limit: 50, Now: now}, nil)
		}
		size := tab.size()
		for _, text := range texts {
			size -= text
		}
		if each := float64(size) / float64(len(texts)); each > 80 {
			t.Errorf("%s, a row takes %.2f bytes", when, each)
		} else {
			t.Logf("%s, a row takes %.2f bytes", when, each)
		}
	}
	for n := range rows {
		put(n)
	}
	tab.sortAll()
	check("at first")
	for n := range rows {
		n = n * 7919 % rows
		put(n, model.Version{Serial: fmt.Sprintf("%032x", n*104729), NotBefore: now, NotAfter: now.AddDate(0, 6, 0)})
	}
	check("renewed")
	for n := range rows / 100 {
		c := Change{ID: benchRow(n*100, now).ID}
		delete(texts, c.ID)
		tab.Commit([]Change{c})
	}
	for n := range rows/100 + blockSize {
		put(rows + n)
	}
	check("grown")
}
