package search

import "bytes"

// Serials are searched as packed digits: a byte with the number of digits, then two
// digits in each byte, the last one padded with zero. That is half the memory of text,
// and random bytes are leapt over sixteen times as fast as random digits.

// maxDigits is how many digits a packed serial may have; those of RFC 5280 have 40.
const maxDigits = 255

// appendPacked appends a serial of hexadecimal digits, at most maxDigits.
func appendPacked(packed []byte, digits string) []byte {
	return append(append(packed, byte(len(digits))), packDigits(digits)...)
}

func packDigits(digits string) []byte {
	packed := make([]byte, (len(digits)+1)/2)
	for n := range len(digits) {
		packed[n/2] |= digitValue(digits[n]) << (4 * (1 - n%2))
	}
	return packed
}

func digitValue(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

// digitAt returns a digit of packed digits.
func digitAt(packed []byte, n int) byte { return packed[n/2] >> (4 * (1 - n%2)) & 15 }

// serialPart is a run of digits to search in packed serials.
type serialPart struct {
	digits    []byte // their values; empty if no serial can contain them
	even, odd pattern
}

// newSerialPart prepares the search for hexadecimal digits, at least four.
func (t *textIndex) newSerialPart(digits string) serialPart {
	s := serialPart{digits: make([]byte, len(digits))}
	for n := range len(digits) {
		s.digits[n] = digitValue(digits[n])
	}
	// The whole bytes that it fills if it begins in the first or the second half of one.
	s.even = t.newPattern(string(packDigits(digits[:len(digits)&^1])))
	s.odd = t.newPattern(string(packDigits(digits[1 : 1+(len(digits)-1)&^1])))
	return s
}

// in reports whether one of the packed serials of a slot contains the digits.
func (s *serialPart) in(packed []byte) bool {
	for len(packed) > 0 {
		count := int(packed[0])
		serial := packed[1 : 1+(count+1)/2]
		packed = packed[1+len(serial):]
		for from := 0; from+len(s.digits) <= count; from++ {
			n := 0
			for n < len(s.digits) && digitAt(serial, from+n) == s.digits[n] {
				n++
			}
			if n == len(s.digits) {
				return true
			}
		}
	}
	return false
}

// halvesFit reports whether the digits that fill no whole byte stand around the bytes that
// do: one before them if the digits begin in the second half of a byte, and the last one
// behind them if it is alone in its byte. A few bytes are common, so this saves most looks
// at whole serials.
func (s *serialPart) halvesFit(all []byte, at, half, whole int) bool {
	if half == 1 && (at == 0 || all[at-1]&15 != s.digits[0]) {
		return false
	}
	if last := half + 2*whole; last < len(s.digits) {
		return at+whole < len(all) && all[at+whole]>>4 == s.digits[last]
	}
	return true
}

// search adds the slots of which a serial contains the digits to a set.
func (s *serialPart) search(t *textIndex, found *slotSet) {
	for half, p := range []pattern{s.even, s.odd} {
		n := 0
		for at := 0; at+len(p.text) <= len(t.all); at++ {
			hit := bytes.IndexByte(t.all[at+p.rareByte:len(t.all)-len(p.text)+1+p.rareByte], p.text[p.rareByte])
			if hit < 0 {
				break
			}
			if at += hit; string(t.all[at:at+len(p.text)]) != p.text || !s.halvesFit(t.all, at, half, len(p.text)) {
				continue
			}
			for int(t.ends[n]) <= at {
				n++
			}
			if s.in(t.of(n)) { // not across two serials, and all of it
				found.add(n)
				at = int(t.ends[n]) - 1
			}
		}
	}
}
