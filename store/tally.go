package store

import (
	"math"
	"time"

	"certquay/model"
)

// weekSeconds is the width of one of [model.Counts].Weeks.
const weekSeconds = 7 * 24 * 60 * 60

// tally counts a block's derived values. It holds from since to before until,
// in seconds since 1970: until the next moment at which one can change.
type tally struct {
	since, until int64
	derived      [8]uint16
	weeks        [len(model.Counts{}.Weeks)]uint16
}

// derive brings the derived values of a block, and their tally, to a moment.
// They are asked of the model (spec S1), and change at whole seconds only.
func (b *block) derive(ps *profiles, now time.Time) {
	second := now.Unix()
	if b.tally.since <= second && second < b.tally.until {
		return
	}
	b.version++
	t := tally{since: math.MinInt64, until: math.MaxInt64}
	var r model.Row
	var last uint32
	for n := range b.used {
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
				t.derived[k]++
			}
		}
		for _, at := range [...]time.Time{r.NotAfter.Add(time.Second), r.Window, r.ServiceWindow, r.ServiceEnd, r.Due} {
			t.limit(at.Unix(), second)
		}
		if r.State.Group() == model.GroupIssued && !r.NotAfter.IsZero() {
			t.week(r.NotAfter.Unix(), second)
		}
	}
	b.tally = t
}

// limit notes a moment from which on things may differ.
func (t *tally) limit(at, second int64) {
	if at <= second {
		t.since = max(t.since, at)
	} else {
		t.until = min(t.until, at)
	}
}

// week counts what expires in one of the coming weeks.
func (t *tally) week(expiry, second int64) {
	if expiry < second {
		return
	}
	week := (expiry - second) / weekSeconds
	if week < int64(len(t.weeks)) {
		t.weeks[week]++
		t.limit(expiry-(week+1)*weekSeconds+1, second)
	} else {
		week = int64(len(t.weeks))
	}
	t.limit(expiry-week*weekSeconds+1, second)
}
