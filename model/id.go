package model

import "strings"

// ID identifies a record: an upper-case ULID made from the injected clock. IDs sort by
// creation time.
type ID string

// MinTail is the minimum number of trailing characters by which a user may abbreviate
// an ID.
const MinTail = 5

// Short returns the last 8 characters of the ID, as lists show it. It is accepted as
// input.
func (id ID) Short() string {
	if len(id) <= 8 {
		return string(id)
	}
	return string(id[len(id)-8:])
}

// HasTail reports whether the typed text, in either case, is a valid abbreviation of
// the ID.
func (id ID) HasTail(typed string) bool {
	return len(typed) >= MinTail && strings.HasSuffix(string(id), strings.ToUpper(typed))
}
