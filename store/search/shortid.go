package search

import "cmp"

// shortID is a ULID as a number of 128 bits, which takes 16 bytes, not 42.
type shortID struct{ high, low uint64 }

// crockford holds the digits of a ULID (https://github.com/ulid/spec). They rise
// in ASCII, so ULIDs sort as their numbers do.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// ulidLen is the length of a ULID in digits of 5 bits; the first digit has 3
// significant bits.
const ulidLen = 26

// crockfordDigit is the value of each digit; 0xff for other bytes.
var crockfordDigit = func() (digit [256]uint8) {
	for n := range digit {
		digit[n] = 0xff
	}
	for n := range len(crockford) {
		digit[crockford[n]] = uint8(n)
	}
	return digit
}()

// shorten returns the short form of an ID; ok is false for an ID that is not a
// ULID in its canonical form.
func shorten(id string) (s shortID, ok bool) {
	if len(id) != ulidLen || id[0] > '7' {
		return s, false
	}
	for n := range ulidLen {
		d := crockfordDigit[id[n]]
		if d == 0xff {
			return shortID{}, false
		}
		s.high, s.low = s.high<<5|s.low>>59, s.low<<5|uint64(d)
	}
	return s, true
}

func (s shortID) String() string {
	var b [ulidLen]byte
	high, low := s.high, s.low
	for n := ulidLen - 1; n >= 0; n-- {
		b[n] = crockford[low&31]
		high, low = high>>5, low>>5|high<<59
	}
	return string(b[:])
}

func (s shortID) compare(o shortID) int {
	if c := cmp.Compare(s.high, o.high); c != 0 {
		return c
	}
	return cmp.Compare(s.low, o.low)
}
