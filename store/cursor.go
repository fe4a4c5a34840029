package store

import (
	"encoding/binary"
	"time"
)

// cursor reads deterministic CBOR (RFC 8949, 4.2.1) from the front. Texts are
// parts of what is read. After a mistake it reads nothing but zeros.
type cursor struct {
	rest string
	bad  bool
}

// Major types (RFC 8949, 3.1).
const (
	majorNatural = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// CBOR's true (RFC 8949, 3.3); what is false is left out of records.
const simpleTrue = 21

func (c *cursor) fail() { c.rest, c.bad = "", true }

// head reads the beginning of an item: its major type and its number, which is
// the value, or says how much follows.
func (c *cursor) head() (major int, n uint64) {
	if c.rest == "" {
		c.fail()
		return majorNatural, 0
	}
	major, n = int(c.rest[0]>>5), uint64(c.rest[0]&31)
	c.rest = c.rest[1:]
	if n < 24 {
		return major, n
	}
	size := 1 << (n - 24)
	if n > 27 || size > len(c.rest) {
		c.fail()
		return majorNatural, 0
	}
	var b [8]byte
	copy(b[8-size:], c.rest[:size])
	c.rest = c.rest[size:]
	return major, binary.BigEndian.Uint64(b[:])
}

// begin reads the beginning of an item that must be of a type.
func (c *cursor) begin(major int) (n uint64) {
	is, n := c.head()
	if is != major {
		c.fail()
		return 0
	}
	return n
}

func (c *cursor) take(n uint64) string {
	if n > uint64(len(c.rest)) {
		c.fail()
		return ""
	}
	s := c.rest[:n]
	c.rest = c.rest[n:]
	return s
}

func (c *cursor) text() string { return c.take(c.begin(majorText)) }

func (c *cursor) texts() (all []string) {
	for n := c.begin(majorArray); n > 0 && !c.bad; n-- {
		all = append(all, c.text())
	}
	return all
}

func (c *cursor) bool() bool { return c.begin(majorSimple) == simpleTrue }

func (c *cursor) int() int {
	switch major, n := c.head(); major {
	case majorNatural:
		return int(n)
	case majorNegative:
		return ^int(n)
	default:
		c.fail()
		return 0
	}
}

func (c *cursor) time() time.Time {
	t, err := time.Parse(time.RFC3339Nano, c.text())
	if err != nil {
		c.fail()
	}
	return t
}

// fields visits the integer keys of a map. The visitor reads the value of each.
func (c *cursor) fields(visit func(key uint64)) {
	for n := c.begin(majorMap); n > 0 && !c.bad; n-- {
		visit(c.begin(majorNatural))
	}
}

// only is fields for one of them; the others are stepped over.
func (c *cursor) only(key uint64, visit func()) {
	c.fields(func(k uint64) {
		if k == key {
			visit()
		} else {
			c.skip()
		}
	})
}

// skip steps over an item.
func (c *cursor) skip() {
	switch major, n := c.head(); major {
	case majorBytes, majorText:
		c.take(n)
	case majorArray:
		for ; n > 0 && !c.bad; n-- {
			c.skip()
		}
	case majorMap:
		for ; n > 0 && !c.bad; n-- {
			c.skip()
			c.skip()
		}
	case majorTag:
		c.skip()
	}
}
