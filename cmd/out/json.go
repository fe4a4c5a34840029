package out

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"certquay/model"
	"certquay/ui/text"
)

// EncodeJSON returns a value in JSON with a line end. It escapes all invisible
// characters as \uXXXX (RFC 8259 section 7), also where JSON does not require it,
// because a terminal interprets some of them and others change the direction of text.
func EncodeJSON(v any, indent string) ([]byte, error) {
	var raw, b bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	for _, r := range raw.String() {
		switch {
		case r == '\n' || r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes(), nil
}

// OrNil returns a string for JSON: nil if it is empty.
func OrNil[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	v := string(s)
	return &v
}

// OrEmpty returns a slice for JSON: never nil.
func OrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// TimeOrNil returns a time for JSON: RFC 3339 in UTC, or nil for the zero time.
func TimeOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339)
	return &s
}

// English returns a message in English, for JSON and logs; "" for none.
func English(t model.Text) string { return strings.Join(text.New("en").Lines(t), "\n") }

// EnglishAll returns several messages in English.
func EnglishAll(all []model.Text) []string {
	said := make([]string, len(all))
	for n, t := range all {
		said[n] = English(t)
	}
	return said
}
