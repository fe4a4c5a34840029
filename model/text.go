package model

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Text is a message as data: a code with arguments, or the words of somebody
// else. What it says stands in the message catalogue of each language under its
// code. "" says nothing. Texts are stored and compared as they are, and become
// words only where a person reads them.
//
// The string is the stored form: words of which nobody is named as they are, so
// that a sentence from before messages were data is a [Quote], and everything
// else as a [Message] in JSON after a zero byte. Make one with [Say], [Quoted],
// [Texts] or [Message.Text] alone: equal messages are then equal strings.
type Text string

// Message is what a [Text] is made of. Args and Texts fill the placeholders in
// the words of the code, by name.
type Message struct {
	Code  string
	Args  map[string]string
	Texts map[string]Text // messages inside this one, such as a cause
	Quote Quote           // instead of a code: words that are not certquay's own
	More  []Text          // further messages that are said after this one
}

// Quote is what somebody else has said, such as a CA, a server or a library.
type Quote struct {
	Who   string `json:"w"` // "ca", "server", "receiver"; "" when it does not matter
	Words string `json:"s"`
}

// Say makes a Text from a code and pairs of a placeholder's name and its value.
// A Text or an error as a value becomes a message inside this one; times are
// written in UTC, lists joined by commas, and everything else as fmt writes it.
func Say(code string, args ...any) Text {
	m := Message{Code: code}
	for n := 0; n+1 < len(args); n += 2 {
		m.set(args[n].(string), args[n+1])
	}
	return m.Text()
}

func (m *Message) set(name string, value any) {
	switch v := value.(type) {
	case Text:
		m.with(name, v)
	case error:
		m.with(name, TextOf(v))
	case string:
		m.fill(name, v)
	case time.Time:
		m.fill(name, v.UTC().Format("2006-01-02 15:04:05Z"))
	default:
		if list := reflect.ValueOf(value); list.Kind() == reflect.Slice && list.Type().Elem().Kind() == reflect.String {
			all := make([]string, list.Len())
			for n := range all {
				all[n] = list.Index(n).String()
			}
			value = strings.Join(all, ", ")
		}
		m.fill(name, fmt.Sprint(value))
	}
}

func (m *Message) fill(name, value string) {
	if m.Args == nil {
		m.Args = map[string]string{}
	}
	m.Args[name] = value
}

func (m *Message) with(name string, value Text) {
	if m.Texts == nil {
		m.Texts = map[string]Text{}
	}
	m.Texts[name] = value
}

// Quoted makes a Text of somebody's words; of none it is the zero Text.
func Quoted(who, words string) Text {
	if words == "" {
		return ""
	}
	return Message{Quote: Quote{who, words}}.Text()
}

// Texts joins messages into one, without those that say nothing.
func Texts(all ...Text) Text {
	all = slices.DeleteFunc(slices.Clone(all), func(t Text) bool { return t == "" })
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	}
	m := all[0].Message()
	m.More = append(m.More, all[1:]...)
	return m.Text()
}

// By attributes words that are not certquay's own to who said them, unless it is
// known already; other texts stay as they are.
func (t Text) By(who string) Text {
	m := t.Message()
	if m.Code == "" && m.Quote.Who == "" && m.Quote.Words != "" {
		m.Quote.Who = who
	}
	return m.Text()
}

// Map is the text with every argument and quotation in it, and in the messages
// inside and after it, replaced by what change makes of it.
func (t Text) Map(change func(string) string) Text {
	return t.rebuilt(func(m *Message) {
		for name, value := range m.Args {
			m.Args[name] = change(value)
		}
		m.Quote.Words = change(m.Quote.Words)
	})
}

// WithArgs is the text with further arguments, for the messages inside and after
// it as well. An argument that a text has stays.
func (t Text) WithArgs(args map[string]string) Text {
	return t.rebuilt(func(m *Message) {
		for name, value := range args {
			if _, has := m.Args[name]; !has && m.Code != "" {
				m.fill(name, value)
			}
		}
	})
}

func (t Text) rebuilt(change func(*Message)) Text {
	m := t.Message()
	for name, inside := range m.Texts {
		m.Texts[name] = inside.rebuilt(change)
	}
	for n := range m.More {
		m.More[n] = m.More[n].rebuilt(change)
	}
	change(&m)
	return m.Text()
}

// String writes code and arguments, for logs; people read the words of a
// catalogue.
func (t Text) String() string {
	var b strings.Builder
	m := t.Message()
	b.WriteString(cmp.Or(m.Code, m.Quote.Words))
	for _, k := range slices.Sorted(maps.Keys(m.Args)) {
		b.WriteString(" " + k + "=" + strconv.Quote(m.Args[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(m.Texts)) {
		b.WriteString(" " + k + "=(" + m.Texts[k].String() + ")")
	}
	for _, more := range m.More {
		b.WriteString("; " + more.String())
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
		return ""
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
	return "", false
}
