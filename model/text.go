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

// Text is a message as data: a code with arguments, or a quotation of somebody else's
// words. The message catalogue of each language has the words for a code. "" is no
// message. Texts are stored and compared in this form, and become words only where they
// are displayed.
//
// The string is the stored form: a [Quote] without an author is stored as its words, so
// that sentences stored before messages were data read as quotes; everything else is
// stored as a zero byte followed by a [Message] in JSON. Create one only with [Say],
// [Quoted], [Texts] or [Message.Text], so that equal messages are equal strings.
type Text string

// Message is the decoded form of a [Text]. Args and Texts replace the placeholders in
// the words of the code, by name.
type Message struct {
	Code  string
	Args  map[string]string
	Texts map[string]Text // nested messages, such as a cause
	Quote Quote           // used instead of a code: words of somebody else
	More  []Text          // messages that follow this one
}

// Quote is a message of a third party, such as a CA, a server or a library.
type Quote struct {
	Who   string `json:"w"` // "ca", "server" or "receiver"; "" if it does not matter
	Words string `json:"s"`
}

// Say returns the Text of a code, with pairs of a placeholder's name and its value. A
// Text or an error becomes a nested message, times are written in UTC, slices of
// strings are joined by commas, and other values are formatted by fmt.
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

// Quoted returns a quotation of somebody's words, or "" if there are none.
func Quoted(who, words string) Text {
	if words == "" {
		return ""
	}
	return Message{Quote: Quote{who, words}}.Text()
}

// Texts joins messages into one, leaving out empty ones.
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

// By sets the author of a quotation that has none. Other texts are returned unchanged.
func (t Text) By(who string) Text {
	m := t.Message()
	if m.Code == "" && m.Quote.Who == "" && m.Quote.Words != "" {
		m.Quote.Who = who
	}
	return m.Text()
}

// Map returns the text with change applied to every argument and quotation, including
// those of nested and following messages.
func (t Text) Map(change func(string) string) Text {
	return t.rebuilt(func(m *Message) {
		for name, value := range m.Args {
			m.Args[name] = change(value)
		}
		m.Quote.Words = change(m.Quote.Words)
	})
}

// WithArgs returns the text with further arguments, also for nested and following
// messages. Existing arguments are kept.
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

// String returns code and arguments, for logs. For display, use a catalogue.
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
	Err  error // wrapped error, or nil
}

// Fail returns an [Error] whose text is that of [Say] with the same arguments. It wraps
// the errors among the arguments.
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

// Wrapping wraps further errors, for errors.Is and errors.As. The message does not
// change.
func (e *Error) Wrapping(errs ...error) *Error {
	if errs = append([]error{e.Err}, errs...); len(errs) > 1 {
		e.Err = errors.Join(errs...)
	}
	return e
}

// Error returns code and arguments, for logs.
func (e *Error) Error() string { return e.Text.String() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// AsText returns the message.
func (e *Error) AsText() Text { return e.Text }

// Messenger is an error whose message is available as a Text.
type Messenger interface {
	error
	AsText() Text
}

// TextOf returns the message of an error: that of the first [Messenger] in its tree, or
// the message for the first error of the standard library that is recognized by type or
// value. If an error wraps several, their messages are joined. Any other error becomes
// a [Quote] of its own message. The text of nil is "".
func TextOf(err error) Text {
	if err == nil {
		return ""
	}
	if t, ok := known(err); ok {
		return t
	}
	return Quoted("", err.Error())
}

// known is [TextOf] for errors that contain a message; ok is false for others.
func known(err error) (t Text, ok bool) {
	if m, is := err.(Messenger); is { //nolint:errorlint // the tree is walked here, outermost error first
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
