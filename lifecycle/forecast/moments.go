package forecast

import "time"

// moment returns when something is next due for an instance; zero for never.
func (x *independent) moment() time.Time {
	next := earlier(x.tasksDue, x.dueAt)
	for n := range x.places {
		if p := &x.places[n]; p.awaitsWindow() {
			next = earlier(next, p.windowAt)
		}
	}
	return next
}

// plan puts the next moment of an instance among those of the others.
func (s *independents) plan(x *independent) {
	at := x.moment()
	if at.IsZero() || !at.Before(s.report.To) {
		x.planned = 0
	} else if ms := at.UnixMilli(); ms != x.planned {
		x.planned = ms
		s.due.push(moment{ms, x})
	}
}

// first returns the next moment that is still planned; nil for none.
func (s *independents) first() *moment {
	for len(s.due) > 0 {
		if m := &s.due[0]; !m.of.joined && m.at == m.of.planned {
			return m
		}
		s.due.pop()
	}
	return nil
}

// next returns the next moment; zero for none.
func (s *independents) next() time.Time {
	if m := s.first(); m != nil {
		return m.of.moment()
	}
	return time.Time{}
}

// moment is when something is due for an instance, in milliseconds since 1970: the order
// is that of the engine's index.
type moment struct {
	at int64
	of *independent
}

func (m moment) before(o moment) bool { return m.at < o.at || m.at == o.at && m.of.id < o.of.id }

// moments is a heap, the earliest first.
type moments []moment

func (h *moments) push(m moment) {
	a := append(*h, m)
	n := len(a) - 1
	for n > 0 && m.before(a[(n-1)/2]) {
		a[n] = a[(n-1)/2]
		n = (n - 1) / 2
	}
	a[n] = m
	*h = a
}

func (h *moments) pop() *independent {
	a := *h
	first, last := a[0], a[len(a)-1]
	a = a[:len(a)-1]
	*h = a
	n := 0
	for c := 1; c < len(a); c = 2*n + 1 {
		if c+1 < len(a) && a[c+1].before(a[c]) {
			c++
		}
		if !a[c].before(last) {
			break
		}
		a[n] = a[c]
		n = c
	}
	if len(a) > 0 {
		a[n] = last
	}
	return first.of
}
