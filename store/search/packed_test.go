package search

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Packed serials contain what their texts contain, wherever it begins, also where two
// serials of a slot, or of two slots, meet.
func TestPackedSerialsContainTheirDigits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 7))
	var texts [][]string
	index := textIndex{ends: new([blockSize]uint32)}
	for n := range 300 {
		var serials []string
		var packed []byte
		for range r.IntN(4) {
			s := fmt.Sprintf("%x", r.Uint64N(1<<(4*(1+r.IntN(15)))))
			if r.IntN(3) == 0 {
				s = strings.Repeat("0a", r.IntN(5)) + s
			}
			serials, packed = append(serials, s), appendPacked(packed, s)
		}
		texts = append(texts, serials)
		index.add(n, string(packed))
	}
	contained := 0
	for range 3000 {
		part := fmt.Sprintf("%04x", r.Uint32N(1<<16))
		if from := texts[r.IntN(len(texts))]; len(from) > 0 && r.IntN(4) > 0 {
			s := from[r.IntN(len(from))]
			if len(s) < 4 {
				continue
			}
			at := r.IntN(len(s) - 3)
			part = s[at : at+4+r.IntN(len(s)-at-3)]
		}
		s := index.newSerialPart(part)
		var found slotSet
		s.search(&index, &found)
		for n, serials := range texts {
			want := false
			for _, text := range serials {
				want = want || strings.Contains(text, part)
			}
			if want {
				contained++
			}
			if found.has(n) != want || s.in(index.of(n)) != want {
				t.Fatalf("%q in %q: %v and %v, want %v", part, serials, found.has(n), s.in(index.of(n)), want)
			}
		}
	}
	if contained < 1000 {
		t.Errorf("only %d were contained, so this proves little", contained)
	}
}
