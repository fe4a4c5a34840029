package search

import "strings"

// attached holds what only some rows have: labels, notes and the names of resources. A
// block of which no row has any has none, nor the columns that none of its rows needs.
type attached struct {
	labels *[blockSize]uint32 // numbers; 0 for none
	places textIndex          // names of resources, folded and terminated
	notes  map[int]string     // by slot, folded
}

// label returns the number of a slot's labels.
func (b *block) label(n int) uint32 {
	if b.attached == nil || b.attached.labels == nil {
		return 0
	}
	return b.attached.labels[n]
}

// attach sets what is attached to the row in a slot, which is the first unused one or
// one in use.
func (b *block) attach(n int, label uint32, s *rowSource) {
	if b.attached == nil {
		if label == 0 && s.note == "" && s.places == "" {
			return
		}
		b.attached = &attached{notes: map[int]string{}}
	}
	a := b.attached
	if label != 0 && a.labels == nil {
		a.labels = new([blockSize]uint32)
	}
	if a.labels != nil {
		a.labels[n] = label
	}
	if s.places != "" && a.places.ends == nil {
		a.places.ends = new([blockSize]uint32)
	}
	switch {
	case a.places.ends == nil:
	case n == b.used:
		a.places.add(n, s.places)
	default:
		a.places.replace(n, b.used, s.places)
	}
	if s.note == "" {
		delete(a.notes, n)
	} else {
		a.notes[n] = strings.Clone(s.note) // it may be part of a record, which is not kept
	}
}
