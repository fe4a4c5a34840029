package search

import (
	"math"
	"strings"
	"time"

	"certquay/model"
)

// weekSeconds is the width of one of [model.Counts].Weeks.
const weekSeconds = 7 * 24 * 60 * 60

// Count returns how many rows there are by state, and how many by derived value
// and week of expiry at a moment. It includes what was committed before the call.
func (t *Table) Count(now time.Time) model.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	c := model.Counts{
		All: len(t.byID), State: t.states(), Derived: map[model.Derived]int{}, Partial: !t.ready,
	}
	for n, l := range t.labels.list {
		for tag := range strings.SplitSeq(l.tags, "\x00") {
			if tag == "" {
				continue
			}
			if c.Tags == nil {
				c.Tags = map[string]int{}
			}
			c.Tags[tag] += t.labels.uses[n]
		}
	}
	t.eachBlock(func(_ int, b *block) { b.derive(&t.profiles, now) })
	for _, b := range t.blocks {
		for k, d := range model.DerivedValues {
			if n := b.aggregates.derived[k]; n > 0 {
				c.Derived[d] += int(n)
			}
		}
		for k, n := range b.aggregates.weeks {
			c.Weeks[k] += int(n)
		}
	}
	return c
}

// States returns how many rows there are by state, without states that have none. It
// includes what was committed before the call.
func (t *Table) States() map[model.State]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	return t.states()
}

func (t *Table) states() map[model.State]int {
	all := map[model.State]int{}
	for n, p := range t.profiles.list {
		if uses := t.profiles.uses[n]; uses > 0 {
			all[p.row.State] += uses
		}
	}
	return all
}

// aggregates counts the derived values of a block. They are valid from since to
// before until, in seconds since 1970: until is the next moment at which one of
// them can change.
type aggregates struct {
	since, until int64
	at           int64 // the second between them from which weeks are counted
	derived      [8]uint16
	weeks        [len(model.Counts{}.Weeks)]uint16
}

// derive brings the derived values of a block, and their aggregates, to a moment.
// The model computes them (spec S1); they change at whole seconds only.
func (b *block) derive(ps *profiles, now time.Time) {
	second, a := now.Unix(), &b.aggregates
	if a.since > second || second >= a.until {
		b.version++
		*a = aggregates{since: math.MinInt64, until: math.MaxInt64}
		b.stale.fill(b.used)
	}
	if b.stale == (slotSet{}) {
		return
	}
	a.at = second
	var r model.InstanceRow
	var last uint32
	for n := range b.stale.all {
		number := b.profile[n]
		if number == 0 {
			continue
		}
		if number != last {
			r, last = ps.list[number].row, number
		}
		b.fillTimes(n, &r)
		b.derived[n] = 0
		for k, d := range model.DerivedValues {
			if r.Has(d, now) {
				b.derived[n] |= 1 << k
			}
		}
		for _, at := range [...]time.Time{r.NotAfter.Add(time.Second), r.Window, r.ServiceWindow, r.ServiceEnd, r.Due} {
			a.limit(at.Unix(), second)
		}
		if expiry, ok := b.upcomingExpiry(n, ps); ok {
			a.limitWeek(expiry)
		}
		b.aggregate(n, ps, 1)
	}
	b.stale = slotSet{}
}

// invalidate takes a slot out of the aggregates before it changes, so that its
// values alone are derived again.
func (b *block) invalidate(n int, ps *profiles) {
	if b.aggregates.since == b.aggregates.until {
		return // nothing has been derived yet
	}
	if b.profile[n] != 0 && !b.stale.has(n) {
		const minusOne = math.MaxUint16
		b.aggregate(n, ps, minusOne)
	}
	b.stale.add(n)
}

// aggregate adds the derived values of a slot to the aggregates so many times.
func (b *block) aggregate(n int, ps *profiles, times uint16) {
	a := &b.aggregates
	for k := range a.derived {
		if b.derived[n]&(1<<k) != 0 {
			a.derived[k] += times
		}
	}
	if expiry, ok := b.upcomingExpiry(n, ps); ok {
		if week := a.week(expiry); week < int64(len(a.weeks)) {
			a.weeks[week] += times
		}
	}
}

// upcomingExpiry returns when the row in a slot expires; ok is false if it has
// expired or is not counted by week.
func (b *block) upcomingExpiry(n int, ps *profiles) (expiry int64, ok bool) {
	expiry, ok = b.second(n, notAfter)
	r := &ps.list[b.profile[n]].row
	return expiry, ok && expiry >= b.aggregates.at && r.State.Group() == model.GroupIssued && !r.Replaced
}

// limit ends the validity of the aggregates at a moment at which values change.
func (a *aggregates) limit(at, second int64) {
	if at <= second {
		a.since = max(a.since, at)
	} else {
		a.until = min(a.until, at)
	}
}

// week returns in which of the coming weeks something expires.
func (a *aggregates) week(expiry int64) int64 { return (expiry - a.at) / weekSeconds }

// limitWeek limits the validity to when the week of an expiry is the same, as far
// as weeks are counted.
func (a *aggregates) limitWeek(expiry int64) {
	week := a.week(expiry)
	if week < int64(len(a.weeks)) {
		a.limit(expiry-(week+1)*weekSeconds+1, a.at)
	} else {
		week = int64(len(a.weeks))
	}
	a.limit(expiry-week*weekSeconds+1, a.at)
}
