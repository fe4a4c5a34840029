package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/text"
)

const (
	modePublic os.FileMode = 0o644
	modeSecret os.FileMode = 0o600
)

// say prints a line for people on standard output; with --json it is silent.
func (c *call) say(format string, args ...any) {
	if !c.g.json {
		_, _ = fmt.Fprintln(c.Out, sentence(format, args...))
	}
}

// note prints a line for people on standard error; with --json an object.
func (c *call) note(format string, args ...any) {
	text := sentence(format, args...)
	if b, err := encodeJSON(map[string]string{"note": text}, ""); c.g.json && err == nil {
		text = strings.TrimSuffix(string(b), "\n")
	} else {
		text = "certquay: " + text
	}
	_, _ = fmt.Fprintln(c.Err, text)
}

// sentence is our own words with what is put into them made fit for a terminal:
// line ends of the format stay, and those of its arguments do not, so that
// nobody's name makes a line of its own.
func sentence(format string, args ...any) string {
	for n, a := range args {
		switch v := a.(type) {
		case error:
			args[n] = text.New("en").Text(textOf(v)) // safe as it is
		case fmt.Stringer:
			args[n] = session.Escape(v.String(), 4000)
		default:
			if r := reflect.ValueOf(a); r.Kind() == reflect.String {
				args[n] = session.Escape(r.String(), 4000)
			}
		}
	}
	return fmt.Sprintf(format, args...)
}

func (c *call) printJSON(v any) error {
	b, err := encodeJSON(v, "  ")
	if err == nil {
		_, err = c.Out.Write(b)
	}
	return err
}

// encodeJSON is a value in JSON with a line end. What cannot be seen stands in
// it as \uXXXX (RFC 8259 section 7), also where JSON would not ask for it: a
// terminal obeys some of that, and some turns round the order of the rest.
func encodeJSON(v any, indent string) ([]byte, error) {
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

// table prints rows under a heading in columns as wide as needed.
func (c *call) table(heading []string, rows [][]string) {
	width := make([]int, len(heading))
	all := append([][]string{heading}, rows...)
	for _, row := range all {
		for n := range row {
			row[n] = session.Escape(row[n], 200)
			width[n] = max(width[n], ansi.StringWidth(row[n]))
		}
	}
	for _, row := range all {
		var b strings.Builder
		for n, cell := range row {
			b.WriteString(cell)
			if n < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[n]-ansi.StringWidth(cell)+2))
			}
		}
		_, _ = fmt.Fprintln(c.Out, strings.TrimRight(b.String(), " "))
	}
}

// show prints an instance after a verb changed it.
func (c *call) show(id model.ID, text string) error {
	i, err := c.engine().Instance(id)
	if err != nil {
		return err
	}
	if c.g.json {
		return c.printJSON(c.instance(&i))
	}
	c.say("%s: %s is %s", text, i.Name, i.Label(c.engine().Now()))
	return nil
}

func waitFlag(f *pflag.FlagSet, noWait *bool) {
	f.BoolVar(noWait, "no-wait", false, "return at once, do not wait until it is done")
}

// await waits until the jobs of an instance are done or wait for something
// outside, and prints which. Stopping to wait does not stop the work.
func (c *call) await(ctx context.Context, id model.ID, noWait bool, text string, jobs ...model.ID) error {
	if noWait {
		return c.show(id, text+", not waited for")
	}
	all, err := c.engine().Wait(ctx, jobs...)
	if err != nil {
		return err
	}
	for _, p := range all {
		switch {
		case p.Blocked && !p.Job.WaitFor.IsZero():
			c.note("waiting for %s; looked at again %s", c.words().Text(p.Job.WaitFor), stamp(p.Until))
		case p.Blocked:
			return &failedError{
				what: fmt.Sprintf("%s: attempt %d failed: %s", p.Job.Kind, p.Job.Attempt, c.words().Text(p.Job.Error)),
				hint: "it is tried again by itself at " + stamp(p.Until) + "; certquay serve keeps working on it",
			}
		case p.Job.Result != lifecycle.ResultOK:
			return &failedError{
				what: fmt.Sprintf("%s failed: %s", p.Job.Kind, c.words().Text(p.Job.Error)),
				hint: "certquay activity --id " + id.Short() + " tells more",
			}
		}
	}
	return c.show(id, text)
}

// ending carries out what ends or deletes an instance, after a typed
// confirmation that says what is lost.
func (c *call) ending(
	cmd *cobra.Command, typed string, a lifecycle.Action, done string,
	do func(context.Context, model.Actor, model.ID) error,
) error {
	if err := c.changing(a); err != nil {
		return err
	}
	i, err := c.engine().Find(typed)
	if err != nil {
		return err
	}
	cs, err := c.engine().Case(c.Actor, i.ID)
	if err != nil {
		return err
	}
	if f := c.engine().Table().Check(a, cs); f == nil {
		question := sentence("%s %s (%s); this cannot be undone.", a, i.Name, i.ID)
		if a == lifecycle.Close {
			p, err := c.engine().Refund(i.ID)
			if err != nil {
				return err
			}
			question += sentence("\nPaid back: %s (%s).", lifecycle.Money(p.Amount, p.Currency), p.Why)
		}
		if err := c.confirm(cmd.Context(), question, i.Name); err != nil {
			return err
		}
	}
	if err := do(cmd.Context(), c.Actor, i.ID); err != nil {
		return err
	}
	if a == lifecycle.Delete {
		if c.g.json {
			return c.printJSON(map[string]any{"id": i.ID, "deleted": true})
		}
		c.say("%s: %s", done, i.ID)
		return nil
	}
	return c.show(i.ID, done)
}

// engineOf is the engine, or nil while a command line is only checked.
func (c *call) engineOf() *lifecycle.Engine {
	if c.app == nil {
		return nil
	}
	return c.app.Engine
}

func joined[T ~string](words []T) string {
	s := make([]string, len(words))
	for n, w := range words {
		s[n] = string(w)
	}
	return strings.Join(s, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// timeOrNil is a time as JSON has it: RFC 3339 in UTC, or null.
func timeOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339)
	return &s
}
