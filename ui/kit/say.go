package kit

import (
	"errors"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/document"
	"certquay/lifecycle/names"
	"certquay/model"
	"certquay/ui/text"
)

// Refused says what was refused and why, in the language of the session.
func (c *Context) Refused(r *lifecycle.Refusal) string { return c.Text.Text(r.AsText()) }

// Wrong is what is wrong with a value, with its example.
func (c *Context) Wrong(i *lifecycle.Invalid) string {
	example := c.Text.Text(i.Example)
	if i.Field == "domains" { // as errors in names say it themselves
		example = c.example(example)
	}
	return c.joined(c.Text.Text(i.Why), example)
}

// Error is what an error says, in the language of the session as far as it is
// certquay's own.
func (c *Context) Error(err error) string {
	var (
		i *lifecycle.Invalid
		b *bundle.Error
		n *names.Error
		d *document.Error
	)
	switch {
	case errors.As(err, &i):
		return c.Wrong(i)
	case c.Text.Lang == "en" && (errors.As(err, &b) || errors.As(err, &n) || errors.As(err, &d)):
		return err.Error()
	case errors.As(err, &b):
		return c.about(b.File, c.joined(c.Text.Say(b.Why), c.Text.Say(b.Hint)))
	case errors.As(err, &n):
		return c.about(n.Name, c.joined(c.Text.Say(n.Rule), c.example(c.Text.Say(n.Hint))))
	case errors.As(err, &d):
		return c.joined(c.Text.Say(d.Why), c.Text.Say(d.Hint))
	}
	return c.Text.Text(model.TextOf(err))
}

// Told are the reason and the detail of an event, in the language of the
// session.
func (c *Context) Told(e *model.Event) (reason, detail string) {
	return c.Text.Text(e.Reason), c.Text.Text(e.Detail)
}

// Came is what came of an event: its reason, if any, and its detail.
func (c *Context) Came(e *model.Event) string {
	reason, detail := c.Told(e)
	if reason != "" && detail != "" {
		return reason + c.T("colon") + detail
	}
	return reason + detail
}

// about puts what is concerned before what is said, unless it is all.
func (c *Context) about(what, said string) string {
	if what == "" {
		return said
	}
	return what + c.T("colon") + said
}

// example says that something is an example.
func (c *Context) example(s string) string {
	if s == "" {
		return ""
	}
	return c.T("example") + s
}

func (c *Context) joined(why, example string) string {
	if example == "" {
		return why
	}
	return why + c.T("semicolon") + example
}

// Whole is what was refused and why, and the way out as it is typed.
func (c *Context) Whole(r *lifecycle.Refusal) string {
	return c.joined(c.Refused(r), c.Text.Text(text.WayOut(r, nil)))
}
