package model

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// coded is the first byte of a stored text that is not a plain quotation.
const coded = "\x00"

// Text returns the stored form of the message.
func (m Message) Text() Text {
	if m.Code == "" && m.Quote.Who == "" && len(m.More) == 0 && !strings.HasPrefix(m.Quote.Words, coded) {
		return Text(m.Quote.Words)
	}
	return Text(m.appendJSON(append(make([]byte, 0, 128), coded...)))
}

// Message decodes the text. Text that was not made by this package decodes as a
// quotation.
func (t Text) Message() Message {
	var w struct {
		Code  string            `json:"c"`
		Args  map[string]string `json:"a"`
		Texts map[string]Text   `json:"t"`
		Quote Quote             `json:"q"`
		More  []Text            `json:"m"`
	}
	if form, ok := strings.CutPrefix(string(t), coded); ok && json.Unmarshal([]byte(form), &w) == nil {
		return Message(w)
	}
	return Message{Quote: Quote{Words: string(t)}}
}

// Code returns the code of the message, or "".
func (t Text) Code() string {
	rest, ok := strings.CutPrefix(string(t), coded+`{"c":"`)
	if code, _, closed := strings.Cut(rest, `"`); ok && closed && !strings.Contains(code, `\`) {
		return code
	}
	return t.Message().Code
}

// MarshalJSON writes the non-empty fields of the message, named by their first letters.
func (t Text) MarshalJSON() ([]byte, error) { return t.appendJSON(nil), nil }

// UnmarshalJSON is the inverse of [Text.MarshalJSON].
func (t *Text) UnmarshalJSON(b []byte) error {
	*t = Text(coded + string(b))
	*t = t.Message().Text()
	return nil
}

func (t Text) appendJSON(b []byte) []byte {
	if form, ok := strings.CutPrefix(string(t), coded); ok {
		return append(b, form...)
	}
	return t.Message().appendJSON(b)
}

// appendJSON does not use reflection: every event and most other records contain texts,
// so it runs in every durable write.
func (m Message) appendJSON(b []byte) []byte {
	b = append(b, '{')
	if m.Code != "" {
		b = appendString(append(b, `"c":`...), m.Code)
	}
	if len(m.Args) > 0 {
		b = appendObject(appendName(b, 'a'), m.Args, appendString)
	}
	if len(m.Texts) > 0 {
		b = appendObject(appendName(b, 't'), m.Texts, func(b []byte, inside Text) []byte { return inside.appendJSON(b) })
	}
	if m.Quote != (Quote{}) {
		b = append(appendName(b, 'q'), '{')
		if m.Quote.Who != "" {
			b = append(appendString(append(b, `"w":`...), m.Quote.Who), ',')
		}
		b = append(appendString(append(b, `"s":`...), m.Quote.Words), '}')
	}
	if len(m.More) > 0 {
		b = append(appendName(b, 'm'), '[')
		for n, more := range m.More {
			if n > 0 {
				b = append(b, ',')
			}
			b = more.appendJSON(b)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendName begins a field of a JSON object, with a comma if it is not the first.
func appendName(b []byte, name byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(b, '"', name, '"', ':')
}

// appendObject writes a map, sorted by key, as encoding/json does.
func appendObject[V any](b []byte, m map[string]V, value func([]byte, V) []byte) []byte {
	b = append(b, '{')
	for n, name := range slices.Sorted(maps.Keys(m)) {
		if n > 0 {
			b = append(b, ',')
		}
		b = value(append(appendString(b, name), ':'), m[name])
	}
	return append(b, '}')
}

// appendString writes a quoted string. Strings that need escaping are left to
// encoding/json.
func appendString(b []byte, s string) []byte {
	for n := range len(s) {
		if c := s[n]; c < ' ' || c >= utf8.RuneSelf || strings.IndexByte(`"\<>&`, c) >= 0 {
			quoted, _ := json.Marshal(s) // marshalling a string cannot fail
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	return append(append(b, s...), '"')
}
