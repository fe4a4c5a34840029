package lifecycle

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"certquay/model"
)

// ActivityFilter narrows the activity log. Events come newest first. Fields that are set
// are combined with AND; of several values one has to match.
type ActivityFilter struct {
	Instance model.ID
	Resource model.ID
	Before   uint64 // only events with a smaller number; 0 for the newest
	After    uint64 // only events with a greater number, oldest first
	Oldest   bool   // oldest first, from the beginning
	Limit    int    // of events that match; 0 for all

	Since, Until time.Time // only events from Since on and before Until; zero for any
	Actors       []string  // ignoring case
	Actions      []string
	Results      []string
}

// Matches reports whether an event passes the filter, except for its numbers.
func (f *ActivityFilter) Matches(e *model.Event) bool {
	in := func(list []string, v string) bool {
		return len(list) == 0 || slices.ContainsFunc(list, func(one string) bool { return strings.EqualFold(one, v) })
	}
	return (f.Instance == "" || f.Instance == e.Instance) && (f.Resource == "" || f.Resource == e.Resource) &&
		(f.Since.IsZero() || !e.At.Before(f.Since)) &&
		(f.Until.IsZero() || e.At.Before(f.Until)) &&
		in(f.Actors, e.Actor) &&
		in(f.Actions, e.Action) &&
		in(f.Results, e.Result)
}

// activity is [Access.Activity].
func (rd *reader) activity(f ActivityFilter) (events []model.Event, err error) {
	err = rd.store.View(func(r model.Reader) error {
		scan, err := f.scan(r)
		if err != nil {
			return err
		}
		for e, err := range model.All[model.Event](r, scan) {
			if err != nil {
				return err
			}
			if !f.Matches(&e) {
				continue
			}
			if events = append(events, e); len(events) == f.Limit {
				break
			}
		}
		return nil
	})
	return events, err
}

// scan returns the scan of the events between the numbers and times of the filter.
// Numbers begin at 1.
func (f *ActivityFilter) scan(r model.Reader) (scan model.Scan, err error) {
	first, past := f.After+1, uint64(math.MaxUint64)
	if f.Before > 0 {
		past = f.Before
	}
	if !f.Since.IsZero() {
		at, err := eventAt(r, f.Since, 1)
		if err != nil {
			return scan, err
		}
		first = max(first, at)
	}
	if !f.Until.IsZero() {
		at, err := eventAt(r, f.Until, 1)
		if err != nil {
			return scan, err
		}
		past = min(past, at)
	}
	prefix := ""
	switch {
	case f.Resource != "":
		prefix, scan.Index = string(f.Resource)+"/", "resource"
	case f.Instance != "":
		prefix, scan.Index = string(f.Instance)+"/", "instance"
	}
	scan.Prefix = prefix
	if (f.Instance == "" || f.Resource == "") && f.Since.IsZero() && f.Until.IsZero() &&
		len(f.Actors)+len(f.Actions)+len(f.Results) == 0 { // all of them match
		scan.Limit = f.Limit
	}
	scan.From, scan.To = prefix+model.EventKey(first), prefix+model.EventKey(past)
	if scan.Reverse = f.After == 0 && !f.Oldest; scan.Reverse {
		scan.From, scan.To = prefix+model.EventKey(past-1), prefix+model.EventKey(first-1)
	}
	return scan, nil
}

// eventAt returns the number of the first event, from a number on, that is not before a
// time, or else the number that the next event will get. It is found by halving, since
// events are in the order of their numbers: where the clock was set back once, it is one
// of those about that time.
func eventAt(r model.Reader, t time.Time, from uint64) (uint64, error) {
	end := from
	for e, err := range model.All[model.Event](r, model.Scan{Reverse: true, Limit: 1}) {
		if err != nil {
			return 0, err
		}
		end = max(end, e.Seq+1)
	}
	var err error
	n := sort.Search(int(end-from), func(n int) bool {
		if err != nil {
			return true
		}
		for e, failed := range model.All[model.Event](r, model.Scan{From: model.EventKey(from + uint64(n)), Limit: 1}) {
			if err = failed; err != nil {
				return true
			}
			return !e.At.Before(t)
		}
		return true
	})
	return from + uint64(n), err
}

// eventsByDay is [Access.EventsByDay].
func (rd *reader) eventsByDay(from time.Time, days int) (counts []int, err error) {
	counts = make([]int, max(days, 0))
	err = rd.store.View(func(r model.Reader) error {
		at, err := eventAt(r, from, 1)
		for n := range counts {
			if err != nil {
				return err
			}
			var next uint64
			next, err = eventAt(r, from.AddDate(0, 0, n+1), at)
			counts[n], at = int(next-at), next
		}
		return err
	})
	return counts, err
}

// spans are the units of [ParsePeriod], but for those of [time.ParseDuration].
var spans = map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour, 'y': 365 * 24 * time.Hour}

// ParsePeriod reads a time of the past as people type it: a span before now such as 7d,
// 2w, 12h or 90m and a time in RFC 3339, for which from and to are equal, or a day such
// as 2026-11-29 or a month such as 2026-11, in UTC, which last from from until before to.
func ParsePeriod(s string, now time.Time) (from, to time.Time, ok bool) {
	for layout, step := range map[string][2]int{time.DateOnly: {0, 1}, "2006-01": {1, 0}} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, t.AddDate(0, step[0], step[1]), true
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, t, true
	}
	if s == "" {
		return from, to, false
	}
	d, err := time.ParseDuration(s)
	if unit := spans[s[len(s)-1]]; unit > 0 {
		var n int
		n, err = strconv.Atoi(s[:len(s)-1])
		if n > int(maxSpan/unit) {
			return from, to, false
		}
		d = time.Duration(n) * unit
	}
	if err != nil || d < 0 || d > maxSpan {
		return from, to, false
	}
	return now.Add(-d), now.Add(-d), true
}

// maxSpan is the longest span that is read.
const maxSpan = 100 * 365 * 24 * time.Hour
