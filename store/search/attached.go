package search

// attached holds what only some rows have: labels, notes and the names of resources. A
// block of which no row has any has none, nor the columns that none of its rows needs.
type attached struct {
	labels *[blockSize]uint32 // numbers; 0 for none
	places textIndex          // names of resources, folded and terminated
	notes  textIndex          // folded and terminated
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
		b.attached = &attached{}
	}
	a := b.attached
	if label != 0 && a.labels == nil {
		a.labels = new([blockSize]uint32)
	}
	if a.labels != nil {
		a.labels[n] = label
	}
	a.places.attach(n, b.used, s.places)
	a.notes.attach(n, b.used, s.note)
}

// attach sets the text of the first unused slot or of one in use. The index takes no
// memory until a slot has a text.
func (t *textIndex) attach(n, used int, s string) {
	if t.ends == nil {
		if s == "" {
			return
		}
		t.ends = new([blockSize]uint32)
	}
	if n == used {
		t.add(n, s)
	} else {
		t.replace(n, used, s)
	}
}
