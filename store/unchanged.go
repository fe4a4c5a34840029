package store

import (
	"certquay/model"
	"certquay/store/engine"
)

// recentGroups is how many groups of writes are kept, so that a transaction can tell that
// what was read before them is still so. Between the two a caller usually signs
// something, which takes one or two groups of others.
const recentGroups = 4

// reads is what a reader has read: the storage keys and the ranges of them that it has
// asked for.
type reads struct {
	group  uint64 // the group after which it has read, or an earlier one
	keys   []string
	ranges []engine.Range
	loaded map[string]*beside // as in [tx]
}

// changedBy reports whether writes change anything that was read.
func (r *reads) changedBy(o *overlay) bool {
	for _, key := range r.keys {
		if o.get(key) != nil {
			return true
		}
	}
	for _, of := range r.ranges {
		if o.touches(of) {
			return true
		}
	}
	return false
}

// ViewNoting is View, and notes what fn reads. A function of Update can call unchanged: it
// reports whether the same reading would have the same result before what this
// transaction itself writes. It may report false although nothing has changed, if much
// was written meanwhile. What was read with the record that it replaces need then not be
// read for it again.
func (s *Store) ViewNoting(fn func(model.Reader) error) (unchanged func() bool, err error) {
	seen := &reads{group: s.groups.Load(), loaded: map[string]*beside{}}
	err = s.view(func(v *view) error {
		v.noted = seen
		return fn(v)
	})
	return func() bool { return s.stillSo(seen) }, err
}

// stillSo reports whether nothing that was read was changed by the groups since and by the
// callers before the current one. Only the committer calls it.
func (s *Store) stillSo(seen *reads) bool {
	last := s.groups.Load()
	if s.current == nil || last-seen.group > uint64(len(s.recent)) {
		return false
	}
	for n := seen.group; n < last; n++ {
		if seen.changedBy(s.recent[n%recentGroups]) {
			return false
		}
	}
	if seen.changedBy(s.current.over) {
		return false
	}
	for key, b := range seen.loaded {
		if _, known := s.current.loaded[key]; !known && s.current.own[key] == nil {
			s.current.loaded[key] = b
		}
	}
	return true
}

// noteGroup keeps the writes of a group that was committed, without their values.
func (s *Store) noteGroup(o *overlay) {
	for p := range o.all() {
		p.value, p.beside = nil, nil
	}
	s.recent[s.groups.Load()%recentGroups] = o
	s.groups.Add(1)
}
