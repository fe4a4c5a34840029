package search

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"certquay/model"
	"certquay/model/where"
)

// match is the result of a filter: the slots that pass it, as of some versions of
// the blocks.
type match struct {
	key      filterKey
	where    *where.Expr
	passed   bitmap
	versions []uint64 // of the blocks; 0 is before the first
	total    int
}

// filterKey identifies a filter, with the moment if its answer depends on that.
type filterKey struct {
	text  string // folded
	query string // with the contacts that it names
	rest  string // everything else
}

// keyOf returns the key of a filter and its parsed query at a time.
func keyOf(f model.Filter, w *where.Expr, now time.Time) filterKey {
	var second int64
	if f.Within > 0 || w.DependsOnTime() {
		second = now.Unix()
	}
	k := filterKey{text: foldText(f.Text), query: w.Fingerprint()}
	f.Text, f.Where = "", ""
	k.rest = fmt.Sprintf("%d %#v", second, f)
	return k
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
	if !slices.Contains(model.Sorts, q.Sort) { // "", mostly
		q.Sort = model.SortExpiry
	}
	q.Offset = max(q.Offset, 0)
	return q
}

// Page answers a query, which is normalized first. w is its parsed Filter.Where, bound
// to the contacts it names. Rows are as [RowOf] makes them,
// and include what was committed before the call. Desc is the exact reverse.
func (t *Table) Page(q model.Query, w *where.Expr) model.Page {
	q = Normalize(q)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	slots, total, has := t.list(q, w)
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
func (t *Table) list(q model.Query, w *where.Expr) (slots []uint32, total int, has func(uint32) bool) {
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
	m := t.match(q.Filter, w, q.Now)
	if t.ready && m.total > len(t.byID)/sortThreshold {
		return t.ordered(q.Sort), m.total, m.passed.has
	}
	slots = m.passed.slots()
	slices.SortFunc(slots, t.compareIDs)
	t.sort(q.Sort, slots)
	return slots, m.total, has
}

// match applies a filter, with its parsed query, to the blocks that have changed since
// it was last applied.
func (t *Table) match(f model.Filter, w *where.Expr, now time.Time) *match {
	m, wider := t.cached(keyOf(f, w, now), w)
	more := len(t.blocks) - len(m.versions)
	m.versions = append(m.versions, make([]uint64, more)...)
	m.passed = append(m.passed, make(bitmap, more*blockWords)...)
	derives := len(f.Derived)+len(f.Without) > 0 || w.NamesProperty()
	filter := t.newFilter(f, w, now)
	t.eachBlock(func(n int, b *block) {
		if derives {
			b.derive(&t.profiles, now)
		}
		if m.versions[n] == b.version {
			return
		}
		m.versions[n] = b.version
		passed := m.passed.of(n)
		switch {
		case wider != nil && n < len(wider.versions) && wider.versions[n] == b.version:
			*passed = *wider.passed.of(n)
		default:
			passed.fill(b.used)
		}
		filter.apply(b, passed)
	})
	m.total = m.passed.len()
	return m
}

// cached returns the match of a filter, which is empty if the filter is new, and the
// smallest match that contains it, or nil: while a user types into a filter, each
// result is a part of the previous one.
func (t *Table) cached(k filterKey, w *where.Expr) (m, wider *match) {
	for _, other := range t.matches {
		switch {
		case other.key == k:
			m = other
		case narrows(k, other.key) && w.Narrows(other.where) && (wider == nil || other.total < wider.total):
			wider = other
		}
	}
	if m != nil {
		return m, wider
	}
	if len(t.matches) >= cachedResults {
		t.matches = slices.Delete(t.matches, 0, 1)
	}
	m = &match{key: k, where: w}
	t.matches = append(t.matches, m)
	return m, wider
}

// narrows reports whether whatever passes a filter passes another, as far as this does
// not depend on their queries.
func narrows(k, other filterKey) bool {
	return k.rest == other.rest && where.NarrowsWord(k.text, other.text)
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

// newFilter prepares a filter and its parsed query for the table: the model evaluates it
// for each profile.
func (t *Table) newFilter(f model.Filter, w *where.Expr, now time.Time) predicate {
	var parts []predicate
	if f.Only != nil {
		parts = append(parts, t.members(f.Only))
	}
	for n, d := range model.DerivedValues {
		if slices.Contains(f.Derived, d) {
			parts = append(parts, hasDerived(n))
		}
		if slices.Contains(f.Without, d) {
			parts = append(parts, not{hasDerived(n)})
		}
	}
	if f.Within > 0 {
		parts = append(parts, between{notAfter, math.MinInt64, now.Add(f.Within).Unix() + 1})
		f.Within = 1
	}
	if text := foldText(f.Text); text != "" {
		parts = append(parts, t.word(text))
	}
	if w != nil {
		parts = append(parts, t.compile(w, now))
	}
	f.Derived, f.Without, f.Only = nil, nil, nil
	// A certificate that expires at this moment passes every limit, so that what
	// the model still decides by the profile is the group. No slot that is not in use
	// has a profile.
	moment := time.Unix(0, 0)
	return newAnd(append(parts, t.byProfile(func(p *profile) bool {
		r := p.row
		r.NotAfter = moment
		return f.Matches(&r, moment)
	}))...)
}

// scanThreshold is the share of a block's slots, one in so many, up to which it is
// quicker to look at each of them than to search the whole block.
const scanThreshold = 32
