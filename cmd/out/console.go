// Package out prints the output of verbs: lines, notes and tables in the language of
// the session, JSON for programs, and errors with their exit codes. It does not depend
// on how a store is opened or a session served.
package out

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"certquay/cmd/session"
	"certquay/model"
	"certquay/ui/text"
)

// Console prints to the user of a session and asks for confirmation. Its methods are
// safe for concurrent use once JSON and Yes are set.
type Console struct {
	*session.Session
	JSON  bool // set by --json: JSON instead of words
	CSV   bool // set by --csv, with JSON: lists as CSV instead of JSON
	Yes   bool // set by --yes: confirms what [Console.Confirm] asks
	Plain bool // set by --plain: nothing is drawn, for a screen reader
}

// Words returns the message catalogue of the session's language.
func (c *Console) Words() *text.Catalogue { return text.New(c.Lang) }

// Text returns a message in the language of the session.
func (c *Console) Text(code string, args ...any) string {
	return c.Words().Text(model.Say(code, args...))
}

// Label returns the words for a code of some kind, such as a state. In English that is
// the code itself, which is also what users type and JSON contains.
func (c *Console) Label(kind, code string) string {
	words := c.Words()
	if words.Lang == "en" {
		return code
	}
	return words.Lookup(kind+"."+code, code)
}

// Say prints a message on standard output; with JSON it prints nothing.
func (c *Console) Say(code string, args ...any) { c.Print(c.Text(code, args...)) }

// Print is [Console.Say] for a line that is already translated and escaped.
func (c *Console) Print(line string) {
	if !c.JSON {
		_, _ = fmt.Fprintln(c.Out, line)
	}
}

// Note prints a message on standard error; with JSON as an object, in English.
func (c *Console) Note(code string, args ...any) {
	t := model.Say(code, args...)
	if b, err := EncodeJSON(map[string]string{"note": English(t)}, ""); c.JSON && err == nil {
		_, _ = c.Err.Write(b)
		return
	}
	PrintErr(c.Err, c.Lang, t)
}

// PrintErr writes a message in a language as one line that begins with the name of the
// program.
func PrintErr(to io.Writer, lang string, t model.Text) {
	_, _ = fmt.Fprintln(to, "certquay: "+text.New(lang).Text(t))
}

// PrintJSON prints a value as indented JSON on standard output, or a list as CSV.
func (c *Console) PrintJSON(v any) error {
	b, err := Encode(v, c.CSV)
	if err == nil {
		_, err = c.Out.Write(b)
	}
	return err
}

// Encode returns a value as indented JSON, or a list as CSV.
func Encode(v any, asCSV bool) ([]byte, error) {
	if asCSV {
		return encodeCSV(v)
	}
	return EncodeJSON(v, "  ")
}

// Confirm asks before an action that cannot be undone. The question is already
// translated; typed is the required answer, "yes" if empty. It succeeds if Yes is set;
// without a terminal and without Yes it returns a [UsageError].
func (c *Console) Confirm(ctx context.Context, question, typed string) error {
	if c.Yes {
		return nil
	}
	if !c.Interactive {
		if !c.JSON { // what would be confirmed is known then
			_, _ = fmt.Fprintln(c.Err, question)
		}
		return Usage("usage.unconfirmed")
	}
	want := cmp.Or(typed, "yes")
	answer, err := c.Ask(ctx, question+"\n"+c.Text("verb.type", "word", want))
	switch {
	case errors.Is(err, io.EOF): // control-D, and over SSH control-C
		return Usage("usage.not-confirmed", "word", want)
	case err != nil:
		return model.Fail("verb.ask-failed", "cause", err)
	}
	if got := model.NormalizeName(answer); got != model.NormalizeName(want) && got != model.NormalizeName(text.Clean(want)) {
		return Usage("usage.not-confirmed", "word", want)
	}
	return nil
}
