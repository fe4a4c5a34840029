package model

import "strings"

// ID identifies a record: an upper-case ULID made from the injected clock. IDs sort by
// creation time.
type ID string

// MinTail is the minimum number of trailing characters by which a user may abbreviate
// an ID.
const MinTail = 5

// ShortLength is the length of the short form of an ID.
const ShortLength = 8

// Short returns the last characters of the ID, as lists show it. It is accepted as
// input.
func (id ID) Short() string { return string(id[max(len(id)-ShortLength, 0):]) }

// HasTail reports whether the typed text, in either case, is a valid abbreviation of
// the ID.
func (id ID) HasTail(typed string) bool {
	return len(typed) >= MinTail && strings.HasSuffix(string(id), strings.ToUpper(typed))
}
