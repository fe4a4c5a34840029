package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const (
	modePublic os.FileMode = 0o644
	modeSecret os.FileMode = 0o600
)

// say prints a line for people on standard output; with --json it is silent.
func (c *call) say(code string, args ...any) { c.print(c.text(code, args...)) }

// print is say for what is in words already, and fit for a terminal.
func (c *call) print(line string) {
	if !c.g.json {
		_, _ = fmt.Fprintln(c.Out, line)
	}
}

// note prints a line for people on standard error; with --json an object, whose
// words are English.
func (c *call) note(code string, args ...any) {
	t := model.Say(code, args...)
	if b, err := encodeJSON(map[string]string{"note": english(t)}, ""); c.g.json && err == nil {
		_, _ = c.Err.Write(b)
		return
	}
	_, _ = fmt.Fprintln(c.Err, "certquay: "+c.words().Text(t))
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

// heads are headings of a table, in the words of the session.
func (c *call) heads(codes ...string) []string {
	words := make([]string, len(codes))
	for n, code := range codes {
		words[n] = c.text("head." + code)
	}
	return words
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

// fields prints what there is to tell of one thing: names in the words of the
// session, and values. Those without a value are left out.
func (c *call) fields(rows [][2]string) {
	for _, r := range rows {
		if r[1] != "" {
			c.print(pad(r[0], 14) + " " + session.Escape(r[1], 4000))
		}
	}
}

// fact is the name of a field.
func (c *call) fact(code string, args ...any) string { return c.text("show."+code, args...) }

// show prints an instance after a verb changed it, and what was done.
func (c *call) show(id model.ID, done model.Text) error {
	i, err := c.engine().Instance(id)
	if err != nil {
		return err
	}
	if c.g.json {
		return c.printJSON(c.instance(&i))
	}
	c.say("verb.became", "done", done, "name", i.Name, "state", i.Label(c.engine().Now()))
	return nil
}

func waitFlag(f *pflag.FlagSet, noWait *bool) {
	f.BoolVar(noWait, "no-wait", false, "")
}

// await waits until the jobs of an instance are done or wait for something
// outside, and prints which. Stopping to wait does not stop the work.
func (c *call) await(ctx context.Context, id model.ID, noWait bool, done model.Text, jobs ...model.ID) error {
	if noWait {
		return c.show(id, model.Say("verb.not-waited", "done", done))
	}
	all, err := c.engine().Wait(ctx, jobs...)
	if err != nil {
		return err
	}
	for _, p := range all {
		switch {
		case p.Blocked && p.Job.WaitFor != "":
			c.note("verb.waits", "waiting", p.Job.WaitFor, "at", p.Until)
		case p.Blocked:
			return failed("failed.attempt", "job", p.Job.Kind, "attempt", p.Job.Attempt, "cause", p.Job.Error, "at", p.Until)
		case p.Job.Result != lifecycle.ResultOK:
			return failed("failed.job", "job", p.Job.Kind, "cause", p.Job.Error, "id", id.Short())
		}
	}
	return c.show(id, done)
}

// ending carries out what ends or deletes an instance, after a typed
// confirmation that says what is lost.
func (c *call) ending(
	cmd *cobra.Command, typed string, a rules.Action, do func(context.Context, model.ID) error,
) error {
	i, err := c.engine().Find(typed)
	if err != nil {
		return err
	}
	cs, err := c.engine().Case(i.ID)
	if err != nil {
		return err
	}
	if f := c.engine().Table().Check(a, cs); f == nil {
		question := c.text("verb.end", "action", a, "name", i.Name, "id", i.ID)
		if a == rules.Close {
			p, err := c.engine().Refund(i.ID)
			if err != nil {
				return err
			}
			question += "\n" + c.text("verb.paid-back", "amount", lifecycle.Money(p.Amount, p.Currency), "why", p.Why)
		}
		if err := c.confirm(cmd.Context(), question, i.Name); err != nil {
			return err
		}
	}
	if err := do(cmd.Context(), i.ID); err != nil {
		return err
	}
	if a == rules.Delete {
		if c.g.json {
			return c.printJSON(map[string]any{"id": i.ID, "deleted": true})
		}
		c.say("verb.deleted", "id", i.ID)
		return nil
	}
	return c.show(i.ID, model.Say("verb.closed"))
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
