package store

import (
	"encoding/binary"
	"time"
)

// cborReader reads deterministic CBOR (RFC 8949 section 4.2.1) item by item. Strings
// share memory with the input. After an error it returns zero values, and bad is set.
type cborReader struct {
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

// CBOR's true (RFC 8949 section 3.3). False values are left out of records.
const simpleTrue = 21

func (c *cborReader) fail() { c.rest, c.bad = "", true }

// head reads the head of an item: its major type and its argument, which is the value
// itself or the number of bytes or items that follow.
func (c *cborReader) head() (major int, n uint64) {
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

// begin reads the head of an item that must have a major type.
func (c *cborReader) begin(major int) (n uint64) {
	is, n := c.head()
	if is != major {
		c.fail()
		return 0
	}
	return n
}

// take reads n bytes.
func (c *cborReader) take(n uint64) string {
	if n > uint64(len(c.rest)) {
		c.fail()
		return ""
	}
	s := c.rest[:n]
	c.rest = c.rest[n:]
	return s
}

func (c *cborReader) text() string { return c.take(c.begin(majorText)) }

func (c *cborReader) texts() (all []string) {
	for n := c.begin(majorArray); n > 0 && !c.bad; n-- {
		all = append(all, c.text())
	}
	return all
}

func (c *cborReader) bool() bool { return c.begin(majorSimple) == simpleTrue }

func (c *cborReader) int() int {
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

func (c *cborReader) time() time.Time {
	t, err := time.Parse(time.RFC3339Nano, c.text())
	if err != nil {
		c.fail()
	}
	return t
}

// fields calls visit for the integer keys of a map. visit must read the value.
func (c *cborReader) fields(visit func(key uint64)) {
	for n := c.begin(majorMap); n > 0 && !c.bad; n-- {
		visit(c.begin(majorNatural))
	}
}

// only calls visit for one key of a map, if it is there, and skips the others.
func (c *cborReader) only(key uint64, visit func()) {
	c.fields(func(k uint64) {
		if k == key {
			visit()
		} else {
			c.skipItem()
		}
	})
}

// skipItem skips an item, including nested ones.
func (c *cborReader) skipItem() {
	switch major, n := c.head(); major {
	case majorBytes, majorText:
		c.take(n)
	case majorArray:
		for ; n > 0 && !c.bad; n-- {
			c.skipItem()
		}
	case majorMap:
		for ; n > 0 && !c.bad; n-- {
			c.skipItem()
			c.skipItem()
		}
	case majorTag:
		c.skipItem()
	}
}
