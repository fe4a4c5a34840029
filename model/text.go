package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Text is a message as data. What it says stands in the message catalogue of
// each language under Code; Args and Texts fill the placeholders there, by name.
// The zero Text says nothing. Texts are stored and compared as they are, and
// become words only where a person reads them.
type Text struct {
	Code  string            `json:"c,omitzero"`
	Args  map[string]string `json:"a,omitempty"`
	Texts map[string]Text   `json:"t,omitempty"` // messages inside this one, such as a cause
	Quote Quote             `json:"q,omitzero"`  // instead of a code: words that are not certquay's own
	More  []Text            `json:"m,omitempty"` // further messages that are said after this one
}

// Quote is what somebody else has said, such as a CA, a server or a library.
type Quote struct {
	Who   string `json:"w,omitzero"` // "ca", "server", "receiver"; "" when it does not matter
	Words string `json:"s"`
}

// Say makes a Text from a code and pairs of a placeholder's name and its value.
// A Text or an error as a value becomes a message inside this one; times are
// written in UTC, lists joined by commas, and everything else as fmt writes it.
func Say(code string, args ...any) Text {
	t := Text{Code: code}
	for n := 0; n+1 < len(args); n += 2 {
		t.set(args[n].(string), args[n+1])
	}
	return t
}

func (t *Text) set(name string, value any) {
	switch v := value.(type) {
	case Text:
		t.with(name, v)
	case error:
		t.with(name, TextOf(v))
	case time.Time:
		t.fill(name, v.UTC().Format("2006-01-02 15:04:05Z"))
	default:
		if list := reflect.ValueOf(value); list.Kind() == reflect.Slice && list.Type().Elem().Kind() == reflect.String {
			all := make([]string, list.Len())
			for n := range all {
				all[n] = list.Index(n).String()
			}
			value = strings.Join(all, ", ")
		}
		t.fill(name, fmt.Sprint(value))
	}
}

func (t *Text) fill(name, value string) {
	if t.Args == nil {
		t.Args = map[string]string{}
	}
	t.Args[name] = value
}

func (t *Text) with(name string, value Text) {
	if t.Texts == nil {
		t.Texts = map[string]Text{}
	}
	t.Texts[name] = value
}

// Quoted makes a Text of somebody's words; of none it is the zero Text.
func Quoted(who, words string) Text {
	if words == "" {
		return Text{}
	}
	return Text{Quote: Quote{who, words}}
}

// Texts joins messages into one, without those that say nothing.
func Texts(all ...Text) Text {
	all = slices.DeleteFunc(slices.Clone(all), Text.IsZero)
	if len(all) == 0 {
		return Text{}
	}
	t := all[0]
	if len(all) > 1 {
		t.More = append(slices.Clone(t.More), all[1:]...)
	}
	return t
}

// IsZero reports whether the text says nothing.
func (t Text) IsZero() bool { return t.Code == "" && t.Quote.Words == "" && len(t.More) == 0 }

// Equal reports whether two texts say the same.
func (t Text) Equal(o Text) bool {
	return t.Code == o.Code && t.Quote == o.Quote && maps.Equal(t.Args, o.Args) &&
		maps.EqualFunc(t.Texts, o.Texts, Text.Equal) && slices.EqualFunc(t.More, o.More, Text.Equal)
}

// String writes code and arguments, for logs; people read the words of a
// catalogue.
func (t Text) String() string {
	var b strings.Builder
	b.WriteString(cmp.Or(t.Code, t.Quote.Words))
	for _, k := range slices.Sorted(maps.Keys(t.Args)) {
		b.WriteString(" " + k + "=" + strconv.Quote(t.Args[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(t.Texts)) {
		b.WriteString(" " + k + "=(" + t.Texts[k].String() + ")")
	}
	for _, m := range t.More {
		b.WriteString("; " + m.String())
	}
	return b.String()
}

// Error is an error whose message is a Text.
type Error struct {
	Text Text
	Err  error // what errors.Is and errors.As find; nil for none
}

// Fail makes an [Error] with the text that [Say] makes of the same arguments.
// It wraps the errors among them.
func Fail(code string, args ...any) *Error {
	e := &Error{Text: Say(code, args...)}
	var causes []error
	for n := 1; n < len(args); n += 2 {
		if err, ok := args[n].(error); ok {
			causes = append(causes, err)
		}
	}
	return e.Wrapping(causes...)
}

// Wrapping makes errors.Is and errors.As find these errors as well; the message
// stays as it is.
func (e *Error) Wrapping(errs ...error) *Error {
	if errs = append([]error{e.Err}, errs...); len(errs) > 1 {
		e.Err = errors.Join(errs...)
	}
	return e
}

// Error writes code and arguments, for logs.
func (e *Error) Error() string { return e.Text.String() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsText is the message.
func (e *Error) AsText() Text { return e.Text }

// Messenger is an error that has its message as a Text.
type Messenger interface {
	error
	AsText() Text
}

// TextOf is the message of an error: that of the first [Messenger] in its tree
// or, by a code, of the first error of the standard library that is known by its
// type or value; of an error that wraps several, the messages of all. An error
// that has neither is a [Quote] in its own words. The text of nil is the zero
// Text.
func TextOf(err error) Text {
	if err == nil {
		return Text{}
	}
	if t, ok := known(err); ok {
		return t
	}
	return Quoted("", err.Error())
}

// known is [TextOf] for a tree with a message in it; ok is false for others.
func known(err error) (t Text, ok bool) {
	if m, is := err.(Messenger); is { //nolint:errorlint // the tree is walked here, from the outside in
		return m.AsText(), true
	}
	if t, ok = standard(err); ok {
		return t, true
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return known(inner)
		}
	case interface{ Unwrap() []error }:
		var all []Text
		for _, inner := range e.Unwrap() {
			if inner != nil {
				_, has := known(inner)
				ok, all = ok || has, append(all, TextOf(inner))
			}
		}
		return Texts(all...), ok
	}
	return Text{}, false
}

// coded begins the stored form of a text that is more than words.
const coded = "\x00"

// plain is a Text without its methods.
type plain Text

// MarshalJSON writes the fields that are not empty, by their first letters.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(plain(t)) }

// UnmarshalJSON reads what [Text.MarshalJSON] writes.
func (t *Text) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*plain)(t)) }

// MarshalText writes the stored form: words of which nobody is named as they
// are, and everything else as JSON after a zero byte.
func (t Text) MarshalText() ([]byte, error) {
	if t.Code == "" && t.Quote.Who == "" && len(t.More) == 0 && !strings.HasPrefix(t.Quote.Words, coded) {
		return []byte(t.Quote.Words), nil
	}
	b, err := t.MarshalJSON()
	return append([]byte(coded), b...), err
}

// UnmarshalText reads what [Text.MarshalText] writes. A sentence from before
// messages were data is read as a [Quote].
func (t *Text) UnmarshalText(b []byte) error {
	*t = Text{}
	if rest, ok := bytes.CutPrefix(b, []byte(coded)); ok {
		return t.UnmarshalJSON(rest)
	}
	t.Quote.Words = string(b)
	return nil
}
