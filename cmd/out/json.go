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

// EncodeJSON returns a value in JSON with a line end. What cannot be seen stands in
// it as \uXXXX (RFC 8259 section 7), also where JSON would not ask for it: a
// terminal obeys some of that, and some turns round the order of the rest.
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

// OrNil is a string as JSON has it: null when it is empty.
func OrNil[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	v := string(s)
	return &v
}

// OrEmpty is a list as JSON has it: never null.
func OrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// TimeOrNil is a time as JSON has it: RFC 3339 in UTC, or null for the zero time.
func TimeOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339)
	return &s
}

// English says a message in English, as it stands in JSON and in the log whatever
// the language of the session is; "" for none.
func English(t model.Text) string { return strings.Join(text.New("en").Lines(t), "\n") }

// EnglishAll says each of several messages in English.
func EnglishAll(all []model.Text) []string {
	said := make([]string, len(all))
	for n, t := range all {
		said[n] = English(t)
	}
	return said
}
