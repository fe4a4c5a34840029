package app

import (
	"errors"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Refused says what was refused and why, in the language of the session.
func (c *Context) Refused(r *lifecycle.Refusal) string { return c.Text.Text(r.AsText()) }

// Wrong is what is wrong with a value, with its example.
func (c *Context) Wrong(i *lifecycle.Invalid) string {
	if i.Field == "domains" { // as errors in names say it themselves
		return c.Text.Text(model.Texts(i.Why, model.Say("names.example", "example", i.Example)))
	}
	return c.Text.Text(model.Texts(i.Why, i.Example))
}

// Error is what an error says, in the language of the session.
func (c *Context) Error(err error) string {
	if i := (*lifecycle.Invalid)(nil); errors.As(err, &i) {
		return c.Wrong(i)
	}
	return c.Text.Text(model.TextOf(err))
}

// LoadFailed is the message of an error that a page met while it was reading.
func (c *Context) LoadFailed(err error) tea.Msg {
	if errors.Is(err, model.ErrNotFound) {
		return ToldMsg{Text: c.T("gone"), Tone: style.Soon}
	}
	return ToldMsg{Text: c.T("load.failed", err), Tone: style.Bad}
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

// Whole is what was refused and why, and the way out as it is typed.
func (c *Context) Whole(r *lifecycle.Refusal) string {
	return c.Text.Text(model.Texts(r.AsText(), text.WayOut(r, nil)))
}
