// Package out is what verbs say: lines, notes and tables for people in the
// language of the session, JSON for programs, and errors with their exit codes.
// It knows nothing of how a store is opened or a session served.
package out

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"certquay/cmd/session"
	"certquay/model"
	"certquay/ui/text"
)

// Console prints to the person of a session and asks for confirmation. Its methods
// may be called by several goroutines once JSON and Yes are set.
type Console struct {
	*session.Session
	JSON bool // set by --json: JSON instead of words
	Yes  bool // set by --yes: answers what [Console.Confirm] asks
}

// Words returns the message catalogue of the session's language.
func (c *Console) Words() *text.Catalogue { return text.New(c.Lang) }

// Text returns a message in the language of the session.
func (c *Console) Text(code string, args ...any) string {
	return c.Words().Text(model.Say(code, args...))
}

// Label returns a code, such as a state, as people read it under a kind of the
// catalogue: in English the code itself, which is what people type and JSON has.
func (c *Console) Label(kind, code string) string {
	words := c.Words()
	if words.Lang == "en" {
		return code
	}
	return words.Or(kind+"."+code, code)
}

// Say prints a message on standard output; with JSON it prints nothing.
func (c *Console) Say(code string, args ...any) { c.Print(c.Text(code, args...)) }

// Print is [Console.Say] for a line that is in words already, and fit for a
// terminal.
func (c *Console) Print(line string) {
	if !c.JSON {
		_, _ = fmt.Fprintln(c.Out, line)
	}
}

// Note prints a message on standard error; with JSON an object, whose words are
// English.
func (c *Console) Note(code string, args ...any) {
	t := model.Say(code, args...)
	if b, err := EncodeJSON(map[string]string{"note": English(t)}, ""); c.JSON && err == nil {
		_, _ = c.Err.Write(b)
		return
	}
	PrintErr(c.Err, c.Lang, t)
}

// PrintErr writes a message, in a language, in one line that begins with the name of
// the program.
func PrintErr(to io.Writer, lang string, t model.Text) {
	_, _ = fmt.Fprintln(to, "certquay: "+text.New(lang).Text(t))
}

// PrintJSON prints a value as indented JSON on standard output.
func (c *Console) PrintJSON(v any) error {
	b, err := EncodeJSON(v, "  ")
	if err == nil {
		_, err = c.Out.Write(b)
	}
	return err
}

// Confirm asks before what cannot be taken back. The question is in the words of
// the session already; typed is what has to be typed, yes when it is empty. Yes
// answers; without a terminal and without Yes it returns a [UsageError].
func (c *Console) Confirm(ctx context.Context, question, typed string) error {
	if c.Yes {
		return nil
	}
	if !c.Interactive {
		return Usage("usage.unconfirmed")
	}
	want := cmp.Or(typed, "yes")
	answer, err := c.Ask(ctx, question+"\n"+c.Text("verb.type", "word", want))
	if err != nil {
		return model.Fail("verb.ask-failed", "cause", err)
	}
	if got := model.NormalizeName(answer); got != model.NormalizeName(want) && got != model.NormalizeName(text.Clean(want)) {
		return Usage("usage.not-confirmed", "word", want)
	}
	return nil
}
