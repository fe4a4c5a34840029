package store

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"certquay/model"
)

// pageKeys is how many keys of the engine a page may read.
const pageKeys = 200

// weekSeconds is the width of one of [model.Counts].Weeks.
const weekSeconds = 7 * 24 * 60 * 60

// result is a cached list of slots that pass a filter, in order.
type result struct {
	key   string
	slots []uint32
}

// kept is how many results are cached: a few screens turn pages at a time.
const kept = 8

// counted are cached counts.
type counted struct {
	version uint64
	second  int64
	model.Counts
}

// Query answers a page of the list of instances (spec S5). Texts of rows are
// cut as in the store's projection, times are whole seconds. Desc is the exact
// reverse of the order. The answer includes what was committed before the call.
func (s *Store) Query(q model.Query) (model.Page, error) {
	if q.Sort == "" {
		q.Sort = model.SortExpiry
	}
	q.Offset = max(q.Offset, 0)
	if err := s.enter(); err != nil {
		return model.Page{}, err
	}
	defer s.readers.Done()
	if index, prefix, ok := indexFor(q); ok && !s.table.isReady() {
		return s.pageFromIndex(q, index, prefix)
	}
	return s.table.page(q), nil
}

// indexFor is the index that answers a query by itself, so that the first
// screen need not wait for the table.
func indexFor(q model.Query) (index, prefix string, ok bool) {
	if q.Sort != model.SortExpiry || q.Limit <= 0 || q.Offset+q.Limit+len(model.States) > pageKeys {
		return "", "", false
	}
	if q.Filter.Empty() {
		return "expiry", "", true
	}
	if len(q.Filter.States) != 1 {
		return "", "", false
	}
	rest := q.Filter
	rest.States = nil
	return "state", string(q.Filter.States[0]) + "/", rest.Empty()
}

func (s *Store) pageFromIndex(q model.Query, index, prefix string) (model.Page, error) {
	p := model.Page{Offset: q.Offset}
	err := s.view(func(v *view) error {
		for _, state := range model.States {
			if len(q.Filter.States) > 0 && q.Filter.States[0] != state {
				continue
			}
			n, err := v.Count(model.CounterOf(state))
			if err != nil {
				return err
			}
			p.Total += n
		}
		skip := q.Offset
		for r, err := range v.Rows(model.Scan{Index: index, Prefix: prefix, Reverse: q.Desc, Limit: q.Offset + q.Limit}) {
			if err != nil {
				return err
			}
			if skip--; skip < 0 {
				p.Rows = append(p.Rows, r)
			}
		}
		return nil
	})
	return p, err
}

func (t *table) isReady() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready
}

func (t *table) page(q model.Query) model.Page {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take()
	slots := t.list(q.Filter, q.Sort, q.Now)
	p := model.Page{Offset: q.Offset, Total: len(slots), Partial: !t.ready}
	end := len(slots)
	if q.Limit > 0 {
		end = min(end, q.Offset+q.Limit)
	}
	if q.Offset < end {
		p.Rows = make([]model.Row, 0, end-q.Offset)
	}
	for n := q.Offset; n < end; n++ {
		at := n
		if q.Desc {
			at = len(slots) - 1 - n
		}
		p.Rows = append(p.Rows, t.cold[slots[at]].Row())
	}
	return p
}

// list is the slots that pass a filter, in order, from the cache if they are
// there.
func (t *table) list(f model.Filter, s model.Sort, now time.Time) []uint32 {
	if f.Empty() {
		return t.order(s)
	}
	// Derived values and windows change at whole seconds only.
	var second int64
	if len(f.Derived)+len(f.Without) > 0 || f.Within > 0 {
		second = now.Unix()
	}
	key := fmt.Sprintf("%s %d %#v", s, second, f)
	for _, r := range t.results {
		if r.key == key {
			return r.slots
		}
	}
	passed, n := t.pass(f, now)
	slots := make([]uint32, 0, n)
	for _, slot := range t.order(s) {
		if passed.has(slot) {
			slots = append(slots, slot)
		}
	}
	if len(t.results) >= kept {
		t.results = t.results[1:]
	}
	t.results = append(t.results, result{key, slots})
	return slots
}

// span is how many slots one processor looks at; a multiple of the bitmap's
// word, so that no two write to one.
const span = 1 << 16

// pass finds the slots that a filter lets through, and how many they are, on
// all processors.
func (t *table) pass(f model.Filter, now time.Time) (passed bitmap, n int) {
	m := t.matcher(f, now)
	passed = make(bitmap, len(t.hot)/64+1)
	var wg sync.WaitGroup
	var total atomic.Int64
	for from := span; from < len(t.hot); from += span {
		wg.Go(func() { total.Add(t.passSpan(&m, passed, from, min(from+span, len(t.hot)), now)) })
	}
	total.Add(t.passSpan(&m, passed, 0, min(span, len(t.hot)), now))
	wg.Wait()
	return passed, int(total.Load())
}

func (t *table) passSpan(m *matcher, passed bitmap, from, to int, now time.Time) (n int64) {
	second := now.Unix()
	for slot := from; slot < to; slot++ {
		h := &t.hot[slot]
		if !m.states[h.state] || h.notAfter > m.latest ||
			!m.origins[h.origin] || !m.brands[h.brand] || !m.wares[h.wares] {
			continue
		}
		if m.derived|m.without != 0 {
			if d := t.derived(slot, now, second); d&m.derived != m.derived || d&m.without != 0 {
				continue
			}
		}
		if m.only != nil && !m.only[t.cold[slot].ID()] {
			continue
		}
		if m.spent { // asked of few: those that passed all the rest
			if r := t.cold[slot].Row(); !spent.Matches(&r, now) {
				continue
			}
		}
		if m.text != "" && !strings.Contains(t.cold[slot].Text(), m.text) {
			continue
		}
		passed.set(uint32(slot))
		n++
	}
	return n
}

var spent = model.Filter{Spent: true}

// matcher is a filter, asked of the model beforehand for each distinct state,
// origin, brand and list of products.
type matcher struct {
	states, origins, brands, wares []bool // number 0 stands for a free slot
	latest                         int64  // the last moment of expiry that passes
	derived, without               uint8
	spent                          bool
	only                           map[string]bool // nil for all
	text                           string
}

func (t *table) matcher(f model.Filter, now time.Time) matcher {
	moment := time.Unix(0, 0)
	ask := func(part model.Filter, of *interned, row func(string) model.Row) []bool {
		ok := make([]bool, max(1, len(of.texts)))
		for n := 1; n < len(ok); n++ {
			r := row(of.texts[n])
			ok[n] = part.Matches(&r, moment)
		}
		return ok
	}
	// A certificate that expires this moment passes every window, so that what
	// is left to decide for states is the group.
	within := min(f.Within, 1)
	m := matcher{
		states: ask(model.Filter{States: f.States, Group: f.Group, Within: within}, &t.states, func(s string) model.Row {
			return model.Row{State: model.State(s), NotAfter: moment}
		}),
		origins: ask(model.Filter{Uploaded: f.Uploaded}, &t.origin, func(s string) model.Row {
			return model.Row{Origin: model.Origin(s)}
		}),
		brands: ask(model.Filter{Brand: f.Brand}, &t.brands, func(s string) model.Row {
			return model.Row{Spec: model.Specification{Brand: s}}
		}),
		wares: ask(model.Filter{Product: f.Product}, &t.wares, func(s string) model.Row {
			return model.Row{Products: s}
		}),
		latest: never,
		text:   foldText(f.Text),
	}
	if f.Within > 0 {
		m.latest = now.Add(f.Within).Unix()
	}
	for n, d := range model.DerivedValues {
		if slices.Contains(f.Derived, d) {
			m.derived |= 1 << n
		}
		if slices.Contains(f.Without, d) {
			m.without |= 1 << n
		}
	}
	m.spent = f.Spent
	if f.Only != nil {
		m.only = make(map[string]bool, len(f.Only))
		for _, id := range f.Only {
			m.only[string(id)] = true
		}
	}
	return m
}

// derived are the derived values of a slot as bits. They are asked of the
// model once, and hold until the next moment at which one can change.
func (t *table) derived(slot int, now time.Time, second int64) uint8 {
	h := &t.hot[slot]
	if int64(h.since) <= second && second < int64(h.until) {
		return h.derived
	}
	r := t.cold[slot].Row()
	h.derived = 0
	for n, d := range model.DerivedValues {
		if r.Is(d, now) {
			h.derived |= 1 << n
		}
	}
	if second < 0 || second >= math.MaxUint32 {
		h.since, h.until = 0, 0
		return h.derived
	}
	since, until := int64(0), int64(math.MaxUint32)
	for _, at := range [...]time.Time{r.NotAfter.Add(time.Second), r.Window, r.ServiceWindow, r.ServiceEnd, r.Due} {
		if at := at.Unix(); at <= second {
			since = max(since, at)
		} else {
			until = min(until, at)
		}
	}
	h.since, h.until = uint32(since), uint32(until)
	return h.derived
}

// Counts are the numbers beside the filters. Weeks has the instances of group
// issued whose newest version expires in each of the coming 26 weeks, from now
// on. While the table is being built the counts by state are whole already.
func (s *Store) Counts(now time.Time) (model.Counts, error) {
	if err := s.enter(); err != nil {
		return model.Counts{}, err
	}
	defer s.readers.Done()
	c := s.table.count(now)
	if !c.Partial {
		return c, nil
	}
	c.All, c.State = 0, map[model.State]int{}
	err := s.view(func(v *view) error {
		for _, state := range model.States {
			n, err := v.Count(model.CounterOf(state))
			if err != nil {
				return err
			}
			c.State[state] = n
			c.All += n
		}
		return nil
	})
	return c, err
}

func (t *table) count(now time.Time) model.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take()
	if t.counts.State == nil || t.counts.version != t.version || t.counts.second != now.Unix() {
		t.counts = counted{t.version, now.Unix(), t.recount(now)}
	}
	c := t.counts.Counts
	c.State, c.Derived, c.Partial = maps.Clone(c.State), maps.Clone(c.Derived), !t.ready
	return c
}

func (t *table) recount(now time.Time) model.Counts {
	c := model.Counts{All: len(t.byID), State: map[model.State]int{}, Derived: map[model.Derived]int{}}
	second := now.Unix()
	states := make([]int, max(1, len(t.states.texts)))
	var derived [256]int
	issued := make([]bool, len(states))
	for n := 1; n < len(states); n++ {
		issued[n] = model.State(t.states.texts[n]).Group() == model.GroupIssued
	}
	for slot := range t.hot {
		h := &t.hot[slot]
		if h.state == 0 {
			continue
		}
		states[h.state]++
		derived[t.derived(slot, now, second)]++
		if issued[h.state] && h.notAfter >= second && h.notAfter != never {
			if week := (h.notAfter - second) / weekSeconds; week < int64(len(c.Weeks)) {
				c.Weeks[week]++
			}
		}
	}
	for n := 1; n < len(states); n++ {
		if states[n] > 0 {
			c.State[model.State(t.states.texts[n])] = states[n]
		}
	}
	for bits, count := range derived {
		for n, d := range model.DerivedValues {
			if bits&(1<<n) != 0 && count > 0 {
				c.Derived[d] += count
			}
		}
	}
	return c
}
