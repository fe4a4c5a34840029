package search

import (
	"math"
	"time"

	"certquay/model"
)

// weekSeconds is the width of one of [model.Counts].Weeks.
const weekSeconds = 7 * 24 * 60 * 60

// Count returns the numbers beside the filters, with the moment that derived
// values and weeks are counted at.
func (t *Table) Count(now time.Time) model.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	c := model.Counts{
		All: len(t.byID), State: map[model.State]int{}, Derived: map[model.Derived]int{}, Partial: !t.ready,
	}
	for n, p := range t.profiles.list {
		if uses := t.profiles.uses[n]; uses > 0 {
			c.State[p.row.State] += uses
		}
	}
	t.each(func(_ int, b *block) { b.derive(&t.profiles, now) })
	for _, b := range t.blocks {
		for k, d := range model.DerivedValues {
			if n := b.tally.derived[k]; n > 0 {
				c.Derived[d] += int(n)
			}
		}
		for k, n := range b.tally.weeks {
			c.Weeks[k] += int(n)
		}
	}
	return c
}

// tally counts a block's derived values. It holds from since to before until,
// in seconds since 1970: until the next moment at which one can change.
type tally struct {
	since, until int64
	at           int64 // a second between them, from which the weeks are counted
	derived      [8]uint16
	weeks        [len(model.Counts{}.Weeks)]uint16
}

// derive brings the derived values of a block, and their tally, to a moment.
// They are asked of the model (spec S1), and change at whole seconds only.
func (b *block) derive(ps *profiles, now time.Time) {
	second, t := now.Unix(), &b.tally
	if t.since > second || second >= t.until {
		b.version++
		*t = tally{since: math.MinInt64, until: math.MaxInt64}
		b.stale.fill(b.used)
	}
	if b.stale == (slots{}) {
		return
	}
	t.at = second
	var r model.Row
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
			if r.Is(d, now) {
				b.derived[n] |= 1 << k
			}
		}
		for _, at := range [...]time.Time{r.NotAfter.Add(time.Second), r.Window, r.ServiceWindow, r.ServiceEnd, r.Due} {
			t.limit(at.Unix(), second)
		}
		if expiry, ok := b.awaited(n, ps); ok {
			t.limitWeek(expiry)
		}
		b.count(n, ps, 1)
	}
	b.stale = slots{}
}

// outdate takes a slot out of the tally before it changes, so that only what has
// changed is derived anew.
func (b *block) outdate(n int, ps *profiles) {
	if b.tally.since == b.tally.until {
		return // nothing was derived so far
	}
	if b.profile[n] != 0 && !b.stale.has(n) {
		const minusOne = math.MaxUint16
		b.count(n, ps, minusOne)
	}
	b.stale.set(n)
}

// count adds what was derived of a slot to the tally so many times.
func (b *block) count(n int, ps *profiles, times uint16) {
	t := &b.tally
	for k := range t.derived {
		if b.derived[n]&(1<<k) != 0 {
			t.derived[k] += times
		}
	}
	if expiry, ok := b.awaited(n, ps); ok {
		if week := t.week(expiry); week < int64(len(t.weeks)) {
			t.weeks[week] += times
		}
	}
}

// awaited is when the row in a slot expires, if that is to come and counts.
func (b *block) awaited(n int, ps *profiles) (expiry int64, ok bool) {
	expiry, ok = b.second(n, notAfter)
	return expiry, ok && expiry >= b.tally.at && ps.list[b.profile[n]].row.State.Group() == model.GroupIssued
}

// limit notes a moment from which on things may differ.
func (t *tally) limit(at, second int64) {
	if at <= second {
		t.since = max(t.since, at)
	} else {
		t.until = min(t.until, at)
	}
}

// week is in which of the coming weeks something expires.
func (t *tally) week(expiry int64) int64 { return (expiry - t.at) / weekSeconds }

// limitWeek notes from when to when that week is the same, as far as it counts.
func (t *tally) limitWeek(expiry int64) {
	week := t.week(expiry)
	if week < int64(len(t.weeks)) {
		t.limit(expiry-(week+1)*weekSeconds+1, t.at)
	} else {
		week = int64(len(t.weeks))
	}
	t.limit(expiry-week*weekSeconds+1, t.at)
}
