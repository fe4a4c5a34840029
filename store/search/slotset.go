package search

import "math/bits"

// blockWords is how many words a set of a block's slots takes.
const blockWords = blockSize / 64

// slotSet is a set of slots of one block, by their numbers in it.
type slotSet [blockWords]uint64

func (s *slotSet) add(n int)      { s[n/64] |= 1 << (n % 64) }
func (s *slotSet) remove(n int)   { s[n/64] &^= 1 << (n % 64) }
func (s *slotSet) has(n int) bool { return s[n/64]&(1<<(n%64)) != 0 }

// fill makes it the set of the first n slots.
func (s *slotSet) fill(n int) {
	for k := range s {
		s[k] = ^uint64(0) >> (64 - max(min(n-k*64, 64), 0)) // a shift by 64 leaves nothing
	}
}

func (s *slotSet) len() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// all visits the slots in the set. They may be removed meanwhile.
func (s *slotSet) all(yield func(n int) bool) {
	for k, word := range s {
		for ; word != 0; word &= word - 1 {
			if !yield(k*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

// unite adds the slots of the other set.
func (s *slotSet) unite(other *slotSet) {
	for n := range s {
		s[n] |= other[n]
	}
}

// intersect removes the slots that are not in the other set.
func (s *slotSet) intersect(other *slotSet) {
	for n := range s {
		s[n] &= other[n]
	}
}

// contains reports whether the other set is a subset.
func (s *slotSet) contains(other *slotSet) bool {
	for n := range s {
		if other[n]&^s[n] != 0 {
			return false
		}
	}
	return true
}

// bitmap is a set of slots of the whole table.
type bitmap []uint64

func newBitmap(blocks int) bitmap { return make(bitmap, blocks*blockWords) }

func (b bitmap) add(slot uint32)      { b[slot/64] |= 1 << (slot % 64) }
func (b bitmap) has(slot uint32) bool { return b[slot/64]&(1<<(slot%64)) != 0 }

func (b bitmap) len() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// slots lists the slots in the set.
func (b bitmap) slots() (slots []uint32) {
	for n, word := range b {
		for ; word != 0; word &= word - 1 {
			slots = append(slots, uint32(n*64+bits.TrailingZeros64(word)))
		}
	}
	return slots
}

// of returns the part of a block, given by its number.
func (b bitmap) of(block int) *slotSet { return (*slotSet)(b[block*blockWords:]) }
