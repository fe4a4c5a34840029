package search

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"certquay/model"
)

// match is the result of a filter: the slots that pass it, as of some versions of
// the blocks.
type match struct {
	key      filterKey
	passed   bitmap
	versions []uint64 // of the blocks; 0 is before the first
	total    int
}

// filterKey identifies a filter, with the moment if its answer depends on that.
type filterKey struct {
	text string // folded
	rest string // everything else
}

// narrows reports whether whatever passes this filter passes another, whose text
// is part of this one's.
func (k filterKey) narrows(other filterKey) bool {
	return k.rest == other.rest && k.text != other.text && strings.Contains(k.text, other.text)
}

// cachedResults is how many results are cached: few dashboards turn pages at the
// same time.
const cachedResults = 4

// sortThreshold is the share of all rows, one in so many, up to which it is
// quicker to sort the rows that pass a filter than to pick them from an order.
const sortThreshold = 256

// Normalize fills in what a query leaves open: an order that the table does not
// have becomes [model.SortExpiry], and a negative offset 0.
func Normalize(q model.Query) model.Query {
	if !slices.Contains(sorts, q.Sort) { // "", mostly
		q.Sort = model.SortExpiry
	}
	q.Offset = max(q.Offset, 0)
	return q
}

// Page answers a query, which is normalized first. Rows are as [RowOf] makes them,
// and include what was committed before the call. Desc is the exact reverse.
func (t *Table) Page(q model.Query) model.Page {
	q = Normalize(q)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	slots, total, has := t.list(q)
	p := model.Page{Offset: q.Offset, Total: total, Partial: !t.ready}
	n := max(0, p.Total-q.Offset)
	if q.Limit > 0 {
		n = min(n, q.Limit)
	}
	if n == 0 {
		return p
	}
	p.Rows = make([]model.InstanceRow, 0, n)
	at, step, skip := 0, 1, q.Offset
	if q.Desc {
		at, step = len(slots)-1, -1
	}
	if p.Total == len(slots) {
		at, skip = at+step*skip, 0
	}
	for ; len(p.Rows) < n; at += step {
		if slot := slots[at]; has(slot) {
			if skip--; skip < 0 {
				p.Rows = append(p.Rows, t.row(slot))
			}
		}
	}
	return p
}

// list returns the slots of a query in its order, among others: has reports
// whether a slot passes the filter, and total is how many do. While the table is
// being built it has no orders, so the rows it has are sorted for each query.
func (t *Table) list(q model.Query) (slots []uint32, total int, has func(uint32) bool) {
	has = func(uint32) bool { return true }
	if q.Filter.Empty() {
		if t.ready {
			slots = t.ordered(q.Sort)
		} else {
			slots = slices.Clone(t.byID)
			t.sort(q.Sort, slots)
		}
		return slots, len(slots), has
	}
	m := t.match(q.Filter, q.Now)
	if t.ready && m.total > len(t.byID)/sortThreshold {
		return t.ordered(q.Sort), m.total, m.passed.has
	}
	slots = m.passed.slots()
	slices.SortFunc(slots, t.compareIDs)
	t.sort(q.Sort, slots)
	return slots, m.total, has
}

// match applies a filter to the blocks that have changed since it was last
// applied.
func (t *Table) match(f model.Filter, now time.Time) *match {
	var second int64
	if f.Within > 0 {
		second = now.Unix()
	}
	text := foldText(f.Text)
	f.Text = ""
	m, wider := t.cached(filterKey{text, fmt.Sprintf("%d %#v", second, f)})
	more := len(t.blocks) - len(m.versions)
	m.versions = append(m.versions, make([]uint64, more)...)
	m.passed = append(m.passed, make(bitmap, more*blockWords)...)
	filter := t.newMatcher(f, text, now)
	t.eachBlock(func(n int, b *block) {
		if filter.want|filter.without != 0 {
			b.derive(&t.profiles, now)
		}
		if m.versions[n] == b.version {
			return
		}
		m.versions[n] = b.version
		passed := m.passed.of(n)
		if wider != nil && n < len(wider.versions) && wider.versions[n] == b.version {
			*passed = *wider.passed.of(n)
		} else {
			filter.apply(n, b, passed)
		}
		filter.searchText(b, passed)
	})
	m.total = m.passed.len()
	return m
}

// cached returns the match of a filter, which is empty if the filter is new, and the
// smallest match that contains it, or nil: while a user types into a filter, each
// result is a part of the previous one.
func (t *Table) cached(k filterKey) (m, wider *match) {
	for _, other := range t.matches {
		switch {
		case other.key == k:
			m = other
		case k.narrows(other.key) && (wider == nil || other.total < wider.total):
			wider = other
		}
	}
	if m != nil {
		return m, wider
	}
	if len(t.matches) >= cachedResults {
		t.matches = slices.Delete(t.matches, 0, 1)
	}
	m = &match{key: k}
	t.matches = append(t.matches, m)
	return m, wider
}

// eachBlock visits all blocks with their numbers, on all processors.
func (t *Table) eachBlock(visit func(n int, b *block)) {
	const share = 4 // blocks are taken at a time; fewer are not worth a goroutine
	var next atomic.Int64
	work := func() {
		for {
			to := int(next.Add(share))
			for n := to - share; n < min(to, len(t.blocks)); n++ {
				visit(n, t.blocks[n])
			}
			if to >= len(t.blocks) {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(t.blocks)/share) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// matcher is a filter prepared for a table: the model has evaluated it for each
// profile.
type matcher struct {
	profiles []bool  // whether the profile passes, by number
	latest   int64   // the last second of expiry that passes, or never
	want     uint8   // derived values that must be there, as bits
	without  uint8   // and that must not
	only     bitmap  // nil for all
	textOnly bool    // the filter has nothing but a text
	name     pattern // without text if there is nothing to search for
	serial   pattern // without text if no serial can contain it
}

// newMatcher prepares a filter, whose text is given apart, folded.
func (t *Table) newMatcher(f model.Filter, text string, now time.Time) *matcher {
	m := &matcher{profiles: make([]bool, len(t.profiles.list)), latest: never, textOnly: text != "" && f.Empty()}
	if text != "" && len(t.blocks) > 0 {
		m.name = t.blocks[0].names.newPattern(text)
		if isHex(text) {
			m.serial = t.blocks[0].serials.newPattern(text)
		}
	}
	for n, d := range model.DerivedValues {
		if slices.Contains(f.Derived, d) {
			m.want |= 1 << n
		}
		if slices.Contains(f.Without, d) {
			m.without |= 1 << n
		}
	}
	if f.Only != nil {
		m.only = newBitmap(len(t.blocks))
		for _, id := range f.Only {
			if at, ok := t.find(string(id)); ok {
				m.only.add(t.byID[at])
			}
		}
	}
	f.Derived, f.Without, f.Only = nil, nil, nil
	if f.Within > 0 {
		m.latest = now.Add(f.Within).Unix()
		f.Within = 1
	}
	// A certificate that expires at this moment passes every limit, so that what
	// the model still decides by the profile is the group.
	moment := time.Unix(0, 0)
	for n := range m.profiles {
		if t.profiles.uses[n] > 0 {
			r := t.profiles.list[n].row
			r.NotAfter = moment
			m.profiles[n] = f.Matches(&r, moment)
		}
	}
	return m
}

// apply sets which slots of a block, given with its number, pass the filter
// without its text. A filter of a text alone lets free slots pass too, which have
// no text that could be found.
func (m *matcher) apply(number int, b *block, passed *slotSet) {
	*passed = slotSet{}
	if m.textOnly {
		passed.fill(b.used)
		return
	}
	if m.only != nil && *m.only.of(number) == (slotSet{}) {
		return
	}
	for n, profile := range b.profile[:b.used] {
		if m.profiles[profile] && b.derived[n]&m.want == m.want && b.derived[n]&m.without == 0 &&
			(m.latest == never || b.expiry(n) <= m.latest) {
			passed.add(n)
		}
	}
	if m.only != nil {
		passed.intersect(m.only.of(number))
	}
}

// scanThreshold is the share of a block's slots, one in so many, up to which it is
// quicker to look at each of them than to search the whole block.
const scanThreshold = 32

// searchText removes the slots of a block that do not contain the text.
func (m *matcher) searchText(b *block, passed *slotSet) {
	if m.name.text == "" {
		return
	}
	if passed.len() <= blockSize/scanThreshold {
		for n := range passed.all {
			if !m.name.in(b.names.of(n)) && (m.serial.text == "" || !m.serial.in(b.serials.of(n))) {
				passed.remove(n)
			}
		}
		return
	}
	var found slotSet
	b.names.search(m.name, &found)
	if m.serial.text != "" && !found.contains(passed) {
		b.serials.search(m.serial, &found)
	}
	passed.intersect(&found)
}
