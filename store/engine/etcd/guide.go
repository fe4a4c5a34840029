package etcd

import (
	"math/big"
	"slices"
	"sync"

	"certquay/store/engine"
	"certquay/store/engine/etcd/wire"
)

// dense is about how many keys a window may hold: what etcd walks through for a page.
const dense = 1024

// guide knows ends of windows, each with fewer than about [dense] keys. It learns them as
// ranges turn out to hold more. They only make reading fast: any end would be right.
type guide struct {
	mu   sync.Mutex
	ends []string // sorted
}

func (g *guide) add(end string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n, there := slices.BinarySearch(g.ends, end); !there {
		g.ends = slices.Insert(g.ends, n, end)
	}
}

// learn adds ends behind the keys of a page that began and ended so, up to that of its
// window: where what the keys have in common ends, and the shorter ones of that. What lies
// between two of them is at most a digit's share of all.
func (g *guide) learn(first, last, end string) {
	common := 0
	for common < min(len(first), len(last)) && first[common] == last[common] {
		common++
	}
	for ; common > 0; common-- {
		if m := engine.End(last[:common]); m > last && m < end {
			g.add(m)
		}
	}
}

// remove forgets an end, if it is one: there is nothing next to it.
func (g *guide) remove(end string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n, there := slices.BinarySearch(g.ends, end); there {
		g.ends = slices.Delete(g.ends, n, n+1)
	}
}

// after returns the end of so many windows from a key on, at most to.
func (g *guide) after(from, to string, windows int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, there := slices.BinarySearch(g.ends, from)
	if there {
		n++
	}
	if n += windows - 1; n < len(g.ends) && g.ends[n] < to {
		return g.ends[n]
	}
	return to
}

// before returns the beginning of the window that ends with a key, at least from.
func (g *guide) before(from, to string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n, _ := slices.BinarySearch(g.ends, to); n > 0 && g.ends[n-1] > from {
		return g.ends[n-1]
	}
	return from
}

// ascending fetches the first keys of a range, and moves its beginning behind them.
func (s *snapshot) ascending(from, to *string, want int, keysOnly bool) ([]wire.Pair, error) {
	end := s.e.guide.after(*from, *to, 1+want/dense)
	found, err := s.read(wire.Range{Key: *from, End: end, Limit: want, KeysOnly: keysOnly})
	if err != nil {
		return nil, err
	}
	if !found.More {
		if found.Count == 0 {
			s.e.guide.remove(end)
		}
		*from = end
		return found.Pairs, nil
	}
	*from = found.Pairs[len(found.Pairs)-1].Key + "\x00"
	if found.Count > 2*(want+dense) {
		s.e.guide.learn(found.Pairs[0].Key, *from, end)
	}
	return found.Pairs, nil
}

// descending fetches the last keys of a range, and moves its end before them.
func (s *snapshot) descending(from, to *string, want int, keysOnly bool) ([]wire.Pair, error) {
	begin := s.e.guide.before(*from, *to)
	keys, err := s.count(begin, *to)
	if err == nil && keys > 2*dense {
		begin, err = s.split(begin, *to, keys)
	}
	if err != nil {
		return nil, err
	}
	if keys == 0 {
		s.e.guide.remove(begin)
		*to = begin
		return nil, nil
	}
	found, err := s.read(wire.Range{Key: begin, End: *to, Limit: want, KeysOnly: keysOnly, Descending: true})
	if err != nil {
		return nil, err
	}
	if *to = begin; found.More {
		*to = found.Pairs[len(found.Pairs)-1].Key
	}
	return found.Pairs, nil
}

func (s *snapshot) count(from, to string) (int, error) {
	found, err := s.read(wire.Range{Key: from, End: to, CountOnly: true})
	return found.Count, err
}

// split halves a range with so many keys until what is left of its end is a window. It
// returns the beginning of that, and adds the ends that it found to the guide.
func (s *snapshot) split(from, to string, keys int) (string, error) {
	for keys > dense {
		m := between(from, to)
		if m == "" {
			break
		}
		left, err := s.count(from, m)
		if err != nil {
			return from, err
		}
		switch {
		case left == keys:
			to = m
		case left > 0:
			s.e.guide.add(m)
			fallthrough
		default:
			from, keys = m, keys-left
		}
	}
	return from, nil
}

// between returns a short string in the middle between two strings, as numbers with as
// many digits in base 256 as needed, or "" if there is none.
func between(a, b string) string {
	digits := max(len(a), len(b)) + 1
	number := func(s string) *big.Int {
		return new(big.Int).SetBytes(append([]byte(s), make([]byte, digits-len(s))...))
	}
	sum := number(a)
	sum.Add(sum, number(b)).Rsh(sum, 1)
	m := string(sum.FillBytes(make([]byte, digits)))
	for n := 1; n <= digits; n++ {
		if short := m[:n]; short > a && short < b {
			return short
		}
	}
	return ""
}
