package search

import (
	"bytes"
	"math/bits"
	"slices"
)

// texts are the searchable texts of a block, one after the other in the order
// of the slots, so that one pass searches all of them.
type texts struct {
	all  []byte
	ends *[blockSize]uint32 // where the text of each slot in use ends
}

// span is where the text of a slot lies.
func (t *texts) span(n int) (from, to uint32) {
	if n > 0 {
		from = t.ends[n-1]
	}
	return from, t.ends[n]
}

func (t *texts) of(n int) []byte {
	from, to := t.span(n)
	return t.all[from:to]
}

// put replaces the text of one of the first used slots. What comes after it
// moves: some hundred kilobytes.
func (t *texts) put(n, used int, s string) {
	from, to := t.span(n)
	if string(t.all[from:to]) == s {
		return
	}
	t.all = slices.Replace(t.all, int(from), int(to), []byte(s)...)
	for k := n; k < used; k++ {
		t.ends[k] += uint32(len(s)) - (to - from)
	}
}

// add appends the text of the slot after those in use.
func (t *texts) add(n int, s string) {
	t.all = append(t.all, s...)
	t.ends[n] = uint32(len(t.all))
}

// needle is a text to search for, not empty.
type needle struct {
	text string
	rare int // where it has the byte that the texts have least of
}

// in says whether it is found in the text of one slot.
func (n needle) in(text []byte) bool { return bytes.Contains(text, []byte(n.text)) }

// search marks the slots whose text has the needle. It leaps from one rare
// byte to the next, for which the processor has instructions of its own.
func (t *texts) search(what needle, found *slots) {
	n, last := 0, len(t.all)-len(what.text)
	for at := 0; at <= last; {
		hit := bytes.IndexByte(t.all[at+what.rare:], what.text[what.rare])
		if hit < 0 {
			return
		}
		if at += hit; at > last {
			return
		}
		if t.all[at] != what.text[0] || string(t.all[at:at+len(what.text)]) != what.text {
			at++
			continue
		}
		for int(t.ends[n]) <= at {
			n++
		}
		found.set(n)
		at = int(t.ends[n]) // one hit is enough
	}
}

// rarest is where a text has the byte that a sample of the texts has least of.
func (t *texts) rarest(text string) (at int) {
	var count [256]int
	for _, c := range t.all[:min(len(t.all), 4096)] {
		count[c]++
	}
	for n := range len(text) {
		if count[text[n]] <= count[text[at]] {
			at = n
		}
	}
	return at
}

// blockWords is how many words a set of a block's slots takes.
const blockWords = blockSize / 64

// slots is a set of a block's slots.
type slots [blockWords]uint64

func (b *slots) set(n int)      { b[n/64] |= 1 << (n % 64) }
func (b *slots) unset(n int)    { b[n/64] &^= 1 << (n % 64) }
func (b *slots) has(n int) bool { return b[n/64]&(1<<(n%64)) != 0 }

// fill sets the first n.
func (b *slots) fill(n int) {
	for k := range b {
		b[k] = ^uint64(0) >> (64 - max(min(n-k*64, 64), 0)) // a shift by 64 leaves nothing
	}
}

func (b *slots) len() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// all visits the slots in the set, which may be taken out meanwhile.
func (b *slots) all(yield func(n int) bool) {
	for k, word := range b {
		for ; word != 0; word &= word - 1 {
			if !yield(k*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

// keep leaves only what the others hold too.
func (b *slots) keep(others *slots) {
	for n := range b {
		b[n] &= others[n]
	}
}

// holds says whether all of the others are in the set.
func (b *slots) holds(others *slots) bool {
	for n := range b {
		if others[n]&^b[n] != 0 {
			return false
		}
	}
	return true
}
