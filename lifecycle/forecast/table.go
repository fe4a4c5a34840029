package forecast

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/btree"

	"certquay/model"
)

// table holds the records of one kind by key and by the indexes that the engine
// scans during a simulation.
type table[T any, P interface {
	*T
	model.Record
}] struct {
	rows    map[string]*T
	indexes []*index[T]
	keep    func(*T) bool // nil for all
	trim    func(*T)      // drops what a new row need not keep; nil for nothing
	free    []*T          // unused rows to be filled again
}

// index finds the records of a table by a derived key: in the order of keys, or,
// if only whole keys are looked up, in a map.
type index[T any] struct {
	names []string
	key   func(*T) string // "" for a record not in the index
	order *btree.BTreeG[entry]
	whole map[string][]string // the ids of a key, sorted
}

// entry is one line of an ordered index.
type entry struct{ key, id string }

func lessEntry(a, b entry) bool {
	if a.key != b.key {
		return a.key < b.key
	}
	return a.id < b.id
}

// ordered returns an index for range scans.
func ordered[T any](name string, key func(*T) string) *index[T] {
	return &index[T]{names: []string{name}, key: key, order: btree.NewG(32, lessEntry)}
}

// exact returns an index for lookups of whole keys.
func exact[T any](key func(*T) string, names ...string) *index[T] {
	return &index[T]{names: names, key: key, whole: map[string][]string{}}
}

// move moves a record to its new key; "" means not in the index.
func (x *index[T]) move(id, from, to string) {
	if from == to {
		return
	}
	if x.order != nil {
		if from != "" {
			x.order.Delete(entry{from, id})
		}
		if to != "" {
			x.order.ReplaceOrInsert(entry{to, id})
		}
		return
	}
	if from != "" {
		ids := x.whole[from]
		if n, ok := slices.BinarySearch(ids, id); ok {
			ids = slices.Delete(ids, n, n+1)
		}
		if x.whole[from] = ids; len(ids) == 0 {
			delete(x.whole, from)
		}
	}
	if to != "" {
		ids := x.whole[to]
		if n, ok := slices.BinarySearch(ids, id); !ok {
			x.whole[to] = slices.Insert(ids, n, id)
		}
	}
}

// first reports whether an ordered index has a key up to this one.
func (x *index[T]) first(upTo string) bool {
	e, some := x.order.Min()
	return some && e.key <= upTo
}

// each visits the ids of a scan until visit returns false; visit must not write.
func (x *index[T]) each(s model.Scan, visit func(id string) bool) error {
	if x.order == nil {
		key := s.Prefix
		if key == "" {
			key = s.From
		}
		if key == "" || s.To != "" && s.To != key+"\x00" || s.Limit > 0 {
			return fmt.Errorf("a forecast finds %s only by a whole %s", s.Kind, s.Index)
		}
		for _, id := range x.whole[key] {
			if !visit(id) {
				break
			}
		}
		return nil
	}
	left := s.Limit
	x.order.AscendGreaterOrEqual(entry{key: max(s.From, s.Prefix)}, func(e entry) bool {
		if !inScan(s, e.key) || !visit(e.id) {
			return false
		}
		left--
		return left != 0
	})
	return nil
}

func inScan(s model.Scan, key string) bool {
	return strings.HasPrefix(key, s.Prefix) && (s.To == "" || key < s.To)
}

func newTable[T any, P interface {
	*T
	model.Record
}](indexes ...*index[T]) table[T, P] {
	return table[T, P]{rows: map[string]*T{}, indexes: indexes}
}

func (t *table[T, P]) has(key string) bool { return t.rows[key] != nil }

func (t *table[T, P]) load(key string, into model.Record) bool {
	v := t.rows[key]
	if v != nil {
		*into.(P) = *v
	}
	return v != nil
}

func (t *table[T, P]) put(r model.Record) change {
	v := r.(P)
	if t.keep != nil && !t.keep(v) {
		return t.remove(r.RecordKey())
	}
	var next *T
	if n := len(t.free); n > 0 {
		next, t.free = t.free[n-1], t.free[:n-1]
	} else {
		next = new(T)
	}
	*next = *v
	if t.trim != nil {
		t.trim(next)
	}
	return t.set(r.RecordKey(), next)
}

func (t *table[T, P]) remove(key string) change { return t.set(key, nil) }

// set replaces the row of a key, or removes it if next is nil.
func (t *table[T, P]) set(key string, next *T) change {
	before := t.rows[key]
	for _, x := range t.indexes {
		from, to := "", ""
		if before != nil {
			from = x.key(before)
		}
		if next != nil {
			to = x.key(next)
		}
		x.move(key, from, to)
	}
	if next == nil {
		delete(t.rows, key)
	} else {
		t.rows[key] = next
	}
	return change{t, key, before}
}

func (t *table[T, P]) undo(c change) { t.set(c.key, c.before.(*T)) }

// recycle keeps a replaced row to be filled again; the engine holds copies only.
func (t *table[T, P]) recycle(c change) {
	if before := c.before.(*T); before != nil {
		*before = *new(T)
		t.free = append(t.free, before)
	}
}

// without reports whether a scan of an index finds nothing, as far as that is known without
// a search.
func (t *table[T, P]) without(s model.Scan) bool {
	for _, x := range t.indexes {
		if slices.Contains(x.names, s.Index) {
			if x.order != nil {
				return x.order.Len() == 0
			}
			return s.Prefix != "" && s.Limit == 0 && x.whole[s.Prefix] == nil
		}
	}
	return false
}

// each visits the keys of a scan until visit returns false; visit must not write.
func (t *table[T, P]) each(s model.Scan, visit func(key string) bool) error {
	for _, x := range t.indexes {
		if slices.Contains(x.names, s.Index) {
			return x.each(s, visit)
		}
	}
	if s.Index != "" {
		return fmt.Errorf("a forecast keeps no %s by %q", s.Kind, s.Index)
	}
	var keys []string
	for k := range t.rows {
		if inScan(s, k) && k >= s.From {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if !visit(k) {
			break
		}
	}
	return nil
}
