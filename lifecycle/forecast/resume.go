package forecast

import (
	"cmp"
	"slices"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// waiter is a place whose deployment waited for a window or a credit.
type waiter struct {
	of *independent
	at *place
}

// resume deploys where a window has begun of those instances that are due, and, if fed, where
// a credit has become available, in the order of the engine: the longest waiting first, in
// parts, of which each begins before any is done, and of each certificate in waves. It
// returns the instances with something else to do.
func (s *independents) resume(due []*independent, now time.Time, fed bool) []*independent {
	var starved, opened []waiter
	if fed && len(s.starving) > 0 && s.free() > 0 {
		for x := range s.starving {
			for n := range x.places {
				if p := &x.places[n]; p.starves() {
					starved = append(starved, waiter{x, p})
				}
			}
		}
	}
	due = slices.DeleteFunc(due, func(x *independent) bool {
		if x.joined {
			return true
		}
		n := len(opened)
		for k := range x.places {
			if x.places[k].windowOpens(now) {
				opened = append(opened, waiter{x, &x.places[k]})
			}
		}
		if len(opened) == n {
			return false
		}
		if next := earlier(x.dueAt, x.tasksDue); !next.IsZero() && !next.After(now) || !s.wavesNow(len(x.places)) {
			opened = opened[:n]
			s.join(x)
		}
		return true
	})
	if len(starved)+len(opened) == 0 {
		return due
	}
	slices.SortFunc(starved, func(a, b waiter) int {
		return cmp.Or(cmp.Compare(a.at.deployedAt.UnixMilli(), b.at.deployedAt.UnixMilli()), cmp.Compare(a.at.id, b.at.id))
	})
	slices.SortFunc(opened, func(a, b waiter) int {
		return cmp.Or(cmp.Compare(a.at.windowAt.UnixMilli(), b.at.windowAt.UnixMilli()), cmp.Compare(a.at.id, b.at.id))
	})
	begun := map[*independent][]*place{}
	var order []*independent
	for _, part := range parts(append(starved, opened...)) {
		for _, w := range part {
			if _, known := begun[w.of]; !known {
				begun[w.of] = nil
				order = append(order, w.of)
			}
			if s.retry(w, now) {
				begun[w.of] = append(begun[w.of], w.at)
			}
		}
	}
	for wave, more := 0, true; more; wave++ {
		more = false
		for _, x := range order {
			some, left := s.wave(begun[x], wave)
			if len(some) > 0 {
				s.load(x)
				s.deploy(x, some, now)
			}
			more = more || left
		}
	}
	for _, x := range order {
		s.track(x)
		s.plan(x)
	}
	return due
}

// parts divides what waits as the engine does: all of a certificate in the same part.
func parts(all []waiter) [][]waiter {
	part, sizes := map[*independent]int{}, map[*independent]int{}
	for _, w := range all {
		sizes[w.of]++
	}
	size, n := 0, 0
	divided := [][]waiter{nil}
	for _, w := range all {
		if _, known := part[w.of]; known {
			continue
		}
		if size >= lifecycle.WaitingTogether {
			size, n = 0, n+1
			divided = append(divided, nil)
		}
		part[w.of] = n
		size += sizes[w.of]
	}
	for _, w := range all {
		divided[part[w.of]] = append(divided[part[w.of]], w)
	}
	return divided
}

// retry begins a deployment that waited. It reports false if there is nothing to deploy any
// more or if it waits on.
func (s *independents) retry(w waiter, now time.Time) bool {
	i := s.load(w.of)
	if w.at.version == i.Newest().Number {
		w.at.stopWaiting()
		return false
	}
	began := s.start(w.of, w.at, now)
	if began || w.at.awaitsWindow() {
		l, next := rules.LapseOf(i, now)
		i.TasksDue = next
		s.keep(w.of)
		s.look(w.of, now)
		s.follow(w.of, l, now)
	}
	return began
}

// wave returns the deployments of a certificate that are in a wave, and whether there are
// later ones.
func (s *independents) wave(all []*place, wave int) (some []*place, left bool) {
	o := model.Rollout{Total: len(all), First: s.waves.First, Batch: s.waves.Batch}
	if len(all) < 2 || o.First < 1 || o.Batch < 1 {
		o.First, o.Batch = len(all), 1
	}
	for n, p := range all {
		switch at := o.WaveOf(n); {
		case at == wave:
			some = append(some, p)
		case at > wave:
			left = true
		}
	}
	return some, left
}
