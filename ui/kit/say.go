package kit

import (
	"errors"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
)

// Refused says what was refused and why, in the language of the session.
func (c *Context) Refused(r *lifecycle.Refusal) string {
	message, _ := c.refused(r)
	return message
}

// refused are message and way out, with command lines still in it.
func (c *Context) refused(r *lifecycle.Refusal) (message, hint string) {
	args := map[string]string{"action": string(r.Action), "state": string(r.State), "id": r.Instance.Short()}
	for k, v := range r.Args {
		args[k] = v
	}
	if message, hint, ok := c.Text.Reason(string(r.Reason), args); ok {
		return message, hint
	}
	return r.Message(), r.Hint()
}

// Wrong is what is wrong with a value, with its example.
func (c *Context) Wrong(i *lifecycle.Invalid) string {
	if i.Field == "domains" { // as errors in names say it themselves
		return joined(c.Text.Say(i.Why), c.example(c.Text.Say(i.Example)))
	}
	return joined(c.Text.Say(i.Why), c.Text.Say(i.Example))
}

// Error is what an error says, in the language of the session as far as it is
// certquay's own.
func (c *Context) Error(err error) string {
	var (
		r *lifecycle.Refusal
		b *bundle.Error
		n *names.Error
	)
	switch {
	case c.Text.Lang == "en": // errors say it themselves, with what wraps them
		return err.Error()
	case errors.As(err, &r):
		return c.Refused(r)
	case errors.As(err, &b):
		said := joined(c.Text.Say(b.Why), c.Text.Say(b.Hint))
		if b.File != "" {
			said = b.File + ": " + said
		}
		return said
	case errors.As(err, &n):
		said := joined(c.Text.Say(n.Rule), c.example(c.Text.Say(n.Hint)))
		if n.Name != "" {
			said = n.Name + ": " + said
		}
		return said
	}
	return c.Text.Say(err.Error())
}

// example says that something is an example.
func (c *Context) example(s string) string {
	if s == "" {
		return ""
	}
	return c.T("example") + s
}

func joined(why, example string) string {
	if example == "" {
		return why
	}
	return why + "; " + example
}

// Whole is what was refused and why, and the way out as it is typed.
func (c *Context) Whole(r *lifecycle.Refusal) string {
	message, hint := c.refused(r)
	return message + "; " + hint
}
