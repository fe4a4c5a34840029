package where

import (
	"slices"
	"strings"

	"certquay/model"
)

// Completion lists what may stand at a place of a query: each word replaces the query
// from At up to the cursor.
type Completion struct {
	At    int
	Words []string
}

// spanExamples are the spans that are proposed for times.
var spanExamples = []string{"7d", "14d", "30d", "90d"}

// Complete returns what the word before the cursor may become. known returns the values
// of a field of names, such as all tags, at least those that begin as given; it may be
// nil. With nothing typed yet these are the fields.
func (l *Language) Complete(query string, cursor int, known func(f Field, begun string) []string) Completion {
	query = query[:min(max(cursor, 0), len(query))]
	at := lastWord(query)
	typed := query[at:]
	c := Completion{At: at}
	field, by, length := cutField(typed)
	if by == "" {
		c.Words = l.startingWith(typed)
		return c
	}
	f := Field(strings.ToLower(field))
	if !slices.Contains(l.fields, f) || by != Equal && !f.isTime() {
		return c
	}
	begun := model.NormalizeName(strings.TrimPrefix(typed[length:], `"`))
	values := l.values[f]
	switch {
	case f.isTime() && by != Equal:
		values = spanExamples
	case values == nil && known != nil:
		values = known(f, begun)
	}
	for _, v := range values {
		if strings.HasPrefix(model.NormalizeName(v), begun) {
			c.Words = append(c.Words, string(f)+string(by)+Quote(v))
		}
	}
	return c
}

// startingWith lists fields, and states and derived values, that start as typed.
func (l *Language) startingWith(typed string) (words []string) {
	begun := strings.ToLower(typed)
	for _, f := range l.fields {
		by := Equal
		if f.isTime() {
			by = Before
		}
		if strings.HasPrefix(string(f), begun) {
			words = append(words, string(f)+string(by))
		}
	}
	if begun == "" {
		return words
	}
	for _, v := range l.values[Property] {
		if strings.HasPrefix(v, begun) && v != begun {
			words = append(words, v)
		}
	}
	return words
}

// lastWord returns where the last word of a query begins, in bytes.
func lastWord(query string) (at int) {
	inQuotes := false
	for n := 0; n < len(query); n++ {
		switch c := query[n]; {
		case inQuotes && c == '\\':
			n++
		case c == '"':
			inQuotes = !inQuotes
		case inQuotes:
		case c == '(' || c == ')' || c == ' ' || c == '\t':
			at = n + 1
		case c == '!' && at == n:
			at = n + 1
		}
	}
	return at
}
