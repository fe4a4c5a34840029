package model

import "strings"

// ID names a record: a ULID made from the injected clock, in upper case. IDs
// sort by the time they were made.
type ID string

// MinTail is the fewest trailing characters of an ID that a person may type
// instead of the whole.
const MinTail = 5

// Short is the tail of the ID that lists show; it can be typed back.
func (id ID) Short() string {
	if len(id) <= 8 {
		return string(id)
	}
	return string(id[len(id)-8:])
}

// HasTail says whether what a person typed, in either case, ends the ID.
func (id ID) HasTail(typed string) bool {
	return len(typed) >= MinTail && strings.HasSuffix(string(id), strings.ToUpper(typed))
}
