package kit

import (
	"context"
	"errors"
	"io/fs"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/document"
	"certquay/lifecycle/names"
	"certquay/model"
)

// Refused says what was refused and why, in the language of the session.
func (c *Context) Refused(r *lifecycle.Refusal) string {
	message, _ := c.refused(r)
	return message
}

// refused are message and way out, with command lines still in it.
func (c *Context) refused(r *lifecycle.Refusal) (message, hint string) {
	return c.Text.Text(r.AsText()), c.Text.Text(r.WayOut())
}

// Wrong is what is wrong with a value, with its example.
func (c *Context) Wrong(i *lifecycle.Invalid) string {
	if i.Field == "domains" { // as errors in names say it themselves
		return c.joined(c.Text.Say(i.Why), c.example(c.Text.Say(i.Example)))
	}
	return c.joined(c.Text.Say(i.Why), c.Text.Say(i.Example))
}

// Error is what an error says, in the language of the session as far as it is
// certquay's own.
func (c *Context) Error(err error) string {
	if c.Text.Lang == "en" { // errors say it themselves, with what wraps them
		return err.Error()
	}
	var (
		r *lifecycle.Refusal
		i *lifecycle.Invalid
		b *bundle.Error
		n *names.Error
		d *document.Error
		p *fs.PathError
	)
	switch {
	case errors.As(err, &r):
		return c.Refused(r)
	case errors.As(err, &i):
		return c.Wrong(i)
	case errors.As(err, &b):
		return c.about(b.File, c.joined(c.Text.Say(b.Why), c.Text.Say(b.Hint)))
	case errors.As(err, &n):
		return c.about(n.Name, c.joined(c.Text.Say(n.Rule), c.example(c.Text.Say(n.Hint))))
	case errors.As(err, &d):
		return c.joined(c.Text.Say(d.Why), c.Text.Say(d.Hint))
	case errors.As(err, &p):
		return c.about(p.Path, c.cause(p.Err))
	}
	return c.cause(err)
}

// causes are texts for errors that are known by what they are.
var causes = []struct {
	is  error
	key string
}{
	{fs.ErrNotExist, "error.notexist"}, {fs.ErrPermission, "error.permission"}, {fs.ErrExist, "error.exist"},
	{context.DeadlineExceeded, "error.timeout"}, {context.Canceled, "error.canceled"},
}

func (c *Context) cause(err error) string {
	for _, k := range causes {
		if errors.Is(err, k.is) {
			return c.T(k.key)
		}
	}
	return c.Text.Say(err.Error())
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
	message, hint := c.refused(r)
	return c.joined(message, hint)
}
