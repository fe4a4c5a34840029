package search

import (
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"certquay/model"
)

// result is what passes a filter, as of some versions of the blocks.
type result struct {
	asked    asked
	passed   bitmap
	versions []uint64 // of the blocks; 0 is before the first
	total    int
}

// asked is a filter, and the moment if that matters, as far as answers differ:
// the text as it is searched for, and all the rest.
type asked struct{ text, rest string }

// narrows says whether whatever passes this passes another, whose text is part
// of this one's.
func (a asked) narrows(other asked) bool {
	return a.rest == other.rest && a.text != other.text && strings.Contains(a.text, other.text)
}

// kept is how many results are cached: a few screens turn pages at a time.
const kept = 4

// few is the share of all rows, one in so many, up to which it is quicker to
// sort those that pass a filter than to look for them in an order of all.
const few = 256

// Normalize fills in what a query leaves open: an order that the table does not
// have is [model.SortExpiry], and an offset is not negative.
func Normalize(q model.Query) model.Query {
	if !slices.Contains(sorts, q.Sort) { // "", mostly
		q.Sort = model.SortExpiry
	}
	q.Offset = max(q.Offset, 0)
	return q
}

// Page answers a query with what was committed before the call. It returns
// rows as [RowOf] makes them. A query that is not normal is normalized.
func (t *Table) Page(q model.Query) model.Page {
	q = Normalize(q)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	slots, total, has := t.listed(q)
	p := model.Page{Offset: q.Offset, Total: total, Partial: !t.ready}
	n := max(0, p.Total-q.Offset)
	if q.Limit > 0 {
		n = min(n, q.Limit)
	}
	if n == 0 {
		return p
	}
	p.Rows = make([]model.Row, 0, n)
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

// listed is what a query lists, in its order, among slots of which only those
// count that has tells. Without orders, while the table is being built, what was
// seen so far is sorted for each query.
func (t *Table) listed(q model.Query) (slots []uint32, total int, has func(uint32) bool) {
	has = func(uint32) bool { return true }
	if q.Filter.Empty() {
		if t.ready {
			slots = t.order(q.Sort)
		} else {
			slots = slices.Clone(t.byID)
			t.sort(q.Sort, slots)
		}
		return slots, len(slots), has
	}
	r := t.result(q.Filter, q.Now)
	if t.ready && r.total > len(t.byID)/few {
		return t.order(q.Sort), r.total, r.passed.has
	}
	slots = r.passed.all()
	slices.SortFunc(slots, t.compareIDs)
	t.sort(q.Sort, slots)
	return slots, r.total, has
}

// result is what passes a filter, from the cache as far as it is there.
func (t *Table) result(f model.Filter, now time.Time) *result {
	var second int64
	if f.Within > 0 {
		second = now.Unix()
	}
	text := foldText(f.Text)
	f.Text = ""
	r, wider := t.cached(asked{text, fmt.Sprintf("%d %#v", second, f)})
	more := len(t.blocks) - len(r.versions)
	r.versions = append(r.versions, make([]uint64, more)...)
	r.passed = append(r.passed, make(bitmap, more*blockWords)...)
	m := t.matcher(f, text, now)
	t.each(func(n int, b *block) {
		if m.derived|m.without != 0 {
			b.derive(&t.profiles, now)
		}
		if r.versions[n] == b.version {
			return
		}
		r.versions[n] = b.version
		passed := r.passed.of(n)
		if wider != nil && n < len(wider.versions) && wider.versions[n] == b.version {
			*passed = *wider.passed.of(n)
		} else {
			m.pass(n, b, passed)
		}
		m.search(b, passed)
	})
	r.total = 0
	for _, word := range r.passed {
		r.total += bits.OnesCount64(word)
	}
	return r
}

// cached is the result of what is asked, which is blank at first. What passes
// it is among what passes the wider one, which is nil if there is none: who
// types into a filter asks for a part of what was just found.
func (t *Table) cached(a asked) (r, wider *result) {
	for _, other := range t.results {
		switch {
		case other.asked == a:
			r = other
		case a.narrows(other.asked) && (wider == nil || other.total < wider.total):
			wider = other
		}
	}
	if r != nil {
		return r, wider
	}
	if len(t.results) >= kept {
		t.results = slices.Delete(t.results, 0, 1)
	}
	r = &result{asked: a}
	t.results = append(t.results, r)
	return r, wider
}

// each visits all blocks with their numbers, on all processors.
func (t *Table) each(visit func(n int, b *block)) {
	const some = 4 // blocks are worth telling another processor of
	var next atomic.Int64
	work := func() {
		for {
			to := int(next.Add(some))
			for n := to - some; n < min(to, len(t.blocks)); n++ {
				visit(n, t.blocks[n])
			}
			if to >= len(t.blocks) {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(t.blocks)/some) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// matcher is a filter, asked of the model beforehand for each profile.
type matcher struct {
	profiles []bool // by number
	latest   int64  // the last moment of expiry that passes
	derived  uint8  // bits that are wanted
	without  uint8  // bits that are not
	only     bitmap // nil for all
	all      bool   // that are in use pass, but for the text
	name     needle
	serial   needle // "" if no serial can have the text
}

// matcher prepares a filter, whose text is given apart, folded.
func (t *Table) matcher(f model.Filter, text string, now time.Time) *matcher {
	m := &matcher{profiles: make([]bool, len(t.profiles.list)), latest: never, all: f.Empty()}
	if text != "" && len(t.blocks) > 0 {
		m.name = needle{text, t.blocks[0].names.rarest(text)}
		if isHex(text) {
			m.serial = needle{text, t.blocks[0].serials.rarest(text)}
		}
	}
	for n, d := range model.DerivedValues {
		if slices.Contains(f.Derived, d) {
			m.derived |= 1 << n
		}
		if slices.Contains(f.Without, d) {
			m.without |= 1 << n
		}
	}
	if f.Only != nil {
		m.only = make(bitmap, len(t.blocks)*blockWords)
		for _, id := range f.Only {
			if at, ok := t.find(string(id)); ok {
				m.only.set(t.byID[at])
			}
		}
	}
	f.Derived, f.Without, f.Only = nil, nil, nil
	if f.Within > 0 {
		m.latest = now.Add(f.Within).Unix()
		f.Within = 1
	}
	// A certificate that expires this moment passes every window, so that what
	// is left to decide for the profile is the group.
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

// pass finds the slots of a block, given with its number, that the filter lets
// through but for the text. If all pass, free ones do too: they have no text.
func (m *matcher) pass(number int, b *block, passed *slots) {
	*passed = slots{}
	if m.all && m.name.text != "" {
		passed.fill(b.used)
		return
	}
	if m.only != nil && *m.only.of(number) == (slots{}) {
		return
	}
	for n, profile := range b.profile[:b.used] {
		if m.profiles[profile] && b.derived[n]&m.derived == m.derived && b.derived[n]&m.without == 0 &&
			(m.latest == never || b.expiry(n) <= m.latest) {
			passed.set(n)
		}
	}
	if m.only != nil {
		passed.keep(m.only.of(number))
	}
}

// single is the share of a block's slots, one in so many, up to which it is
// quicker to look at each of them than to search the whole block.
const single = 32

// search leaves only the slots of a block in which the text is found.
func (m *matcher) search(b *block, passed *slots) {
	if m.name.text == "" {
		return
	}
	if passed.len() <= blockSize/single {
		for n := range passed.all {
			if !m.name.in(b.names.of(n)) && (m.serial.text == "" || !m.serial.in(b.serials.of(n))) {
				passed.unset(n)
			}
		}
		return
	}
	var found slots
	b.names.search(m.name, &found)
	if m.serial.text != "" && !found.holds(passed) {
		b.serials.search(m.serial, &found)
	}
	passed.keep(&found)
}
