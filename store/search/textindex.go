package search

import (
	"bytes"
	"slices"
)

// textIndex holds the searchable texts of a block, one after the other in the
// order of the slots, so that one pass searches all of them.
type textIndex struct {
	all  []byte
	ends *[blockSize]uint32 // where the text of each slot in use ends
}

// span returns where the text of a slot lies.
func (t *textIndex) span(n int) (from, to uint32) {
	if n > 0 {
		from = t.ends[n-1]
	}
	return from, t.ends[n]
}

// of returns the text of a slot.
func (t *textIndex) of(n int) []byte {
	from, to := t.span(n)
	return t.all[from:to]
}

// add appends the text of the first slot that is not in use.
func (t *textIndex) add(n int, s string) {
	t.all = append(t.all, s...)
	t.ends[n] = uint32(len(t.all))
}

// replace sets the text of one of the first used slots. What comes after it
// moves: some hundred kilobytes.
func (t *textIndex) replace(n, used int, s string) {
	from, to := t.span(n)
	if string(t.all[from:to]) == s {
		return
	}
	t.all = slices.Replace(t.all, int(from), int(to), []byte(s)...)
	for k := n; k < used; k++ {
		t.ends[k] += uint32(len(s)) - (to - from)
	}
}

// pattern is a text to search for, not empty.
type pattern struct {
	text     string
	rareByte int // the place of the byte that is rarest in the searched texts
}

// newPattern makes a pattern for a text that is not empty. A sample of the
// searched texts tells which of its bytes is rarest.
func (t *textIndex) newPattern(text string) pattern {
	var count [256]int
	for _, c := range t.all[:min(len(t.all), 4096)] {
		count[c]++
	}
	at := 0
	for n := range len(text) {
		if count[text[n]] <= count[text[at]] {
			at = n
		}
	}
	return pattern{text, at}
}

// in reports whether the text of one slot contains the pattern.
func (p pattern) in(text []byte) bool { return bytes.Contains(text, []byte(p.text)) }

// search adds the slots whose text contains the pattern to a set. It leaps from
// one rare byte to the next, for which processors have instructions
// ([bytes.IndexByte]).
func (t *textIndex) search(p pattern, found *slotSet) {
	n, last := 0, len(t.all)-len(p.text)
	for at := 0; at <= last; {
		hit := bytes.IndexByte(t.all[at+p.rareByte:], p.text[p.rareByte])
		if hit < 0 {
			return
		}
		if at += hit; at > last {
			return
		}
		if t.all[at] != p.text[0] || string(t.all[at:at+len(p.text)]) != p.text {
			at++
			continue
		}
		for int(t.ends[n]) <= at {
			n++
		}
		n = t.run(p, n, at, found)
		at = int(t.ends[n]) // one hit in a slot is enough
	}
}

// run adds a slot with a hit to a set, and those behind it that have one as far before
// their end, as names below one domain do; it returns the last of them. No leap is needed
// between these.
func (t *textIndex) run(p pattern, n, at int, found *slotSet) int {
	found.add(n)
	back := int(t.ends[n]) - at
	for n+1 < blockSize {
		from, to := int(t.ends[n]), int(t.ends[n+1])
		if hit := to - back; hit < from || to > len(t.all) || string(t.all[hit:hit+len(p.text)]) != p.text {
			break
		}
		n++
		found.add(n)
	}
	return n
}
