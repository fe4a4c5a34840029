package search

import (
	"encoding/binary"
	"maps"
	"slices"
)

// sectionWriter appends numbers, little-endian, and texts to a section.
type sectionWriter struct{ b []byte }

func (w *sectionWriter) number(v uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, v) }
func (w *sectionWriter) long(v uint64)   { w.b = binary.LittleEndian.AppendUint64(w.b, v) }

func (w *sectionWriter) numbers(all []uint32) {
	for _, v := range all {
		w.number(v)
	}
}

func (w *sectionWriter) text(s []byte) {
	w.number(uint32(len(s)))
	w.b = append(w.b, s...)
}

// sectionReader reads what a [sectionWriter] wrote. bad is set once the section is too
// short; from then on everything is zero.
type sectionReader struct {
	rest []byte
	bad  bool
}

func (r *sectionReader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return make([]byte, min(n, 8))
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *sectionReader) number() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *sectionReader) long() uint64   { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *sectionReader) numbers(to []uint32) {
	all := r.take(4 * len(to))
	if r.bad {
		return
	}
	for n := range to {
		to[n] = binary.LittleEndian.Uint32(all[4*n:])
	}
}

// text returns a part of the section.
func (r *sectionReader) text() []byte {
	n := r.number()
	if t := r.take(int(n)); !r.bad {
		return t
	}
	return nil
}

// save writes the slots that were ever in use. Derived values are not written: they depend
// on the time.
func (b *block) save(w *sectionWriter) {
	w.number(uint32(b.used))
	for _, id := range b.ids[:b.used] {
		w.long(id.high)
		w.long(id.low)
	}
	for n := range b.used {
		w.numbers(b.times[n][:])
	}
	w.numbers(b.profile[:b.used])
	b.names.save(w, b.used)
	b.serials.save(w, b.used)
	w.number(uint32(len(b.overflow)))
	for _, n := range slices.Sorted(maps.Keys(b.overflow)) {
		o := b.overflow[n]
		w.number(uint32(n))
		w.text([]byte(o.id))
		for _, at := range o.times {
			w.long(uint64(at))
		}
	}
	a := b.attached
	if a == nil {
		a = &attached{}
	}
	if a.labels == nil {
		w.number(0)
	} else {
		w.number(uint32(b.used))
		w.numbers(a.labels[:b.used])
	}
	a.places.save(w, b.used)
	a.notes.save(w, b.used)
}

// load reads what save wrote into a new block.
func (b *block) load(r *sectionReader) {
	used := int(r.number())
	if used > blockSize {
		r.bad = true
		return
	}
	b.used, b.version = used, 1
	for n := range used {
		b.ids[n] = shortID{r.long(), r.long()}
	}
	for n := range used {
		r.numbers(b.times[n][:])
	}
	r.numbers(b.profile[:used])
	names, serials := b.names.load(r, used), b.serials.load(r, used)
	b.layout(len(names), len(serials))
	b.names.all, b.serials.all = append(b.names.all, names...), append(b.serials.all, serials...)
	for overflows := r.number(); overflows > 0 && !r.bad; overflows-- {
		n, o := int(r.number()), overflow{id: string(r.text())}
		for k := range o.times {
			o.times[k] = int64(r.long())
		}
		b.putOverflow(n, true, o)
	}
	var a attached
	if n := int(r.number()); n == used && n > 0 {
		a.labels = new([blockSize]uint32)
		r.numbers(a.labels[:used])
	} else if n != 0 {
		r.bad = true
	}
	a.places.all = slices.Clone(a.places.load(r, used))
	a.notes.all = slices.Clone(a.notes.load(r, used))
	if a.labels != nil || a.places.ends != nil || a.notes.ends != nil {
		b.attached = &a
	}
}

// save writes the texts of the first slots.
func (t *textIndex) save(w *sectionWriter, used int) {
	if t.ends == nil {
		w.number(0)
		return
	}
	w.number(uint32(used))
	w.numbers(t.ends[:used])
	w.text(t.all)
}

// load reads where the texts of the first slots end, and returns the texts, which are a
// part of the section.
func (t *textIndex) load(r *sectionReader, used int) (all []byte) {
	n := int(r.number())
	if n == 0 {
		return nil
	}
	if n != used {
		r.bad = true
		return nil
	}
	if t.ends == nil {
		t.ends = new([blockSize]uint32)
	}
	r.numbers(t.ends[:used])
	all = r.text()
	if r.bad || !slices.IsSorted(t.ends[:used]) || int(t.ends[used-1]) != len(all) {
		r.bad = true
		return nil
	}
	return all
}
