package app

import (
	"errors"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/text"
)

// FormatRefusal is what was refused and why, in the language of the session.
func (c *Context) FormatRefusal(r *rules.Refusal) string { return c.Text.Text(r.AsText()) }

// FormatInvalid is what is wrong with a value, with an example of a right one.
func (c *Context) FormatInvalid(i *rules.Invalid) string {
	if i.Field == "domains" { // as errors in names say it themselves
		return c.Text.Text(model.Texts(i.Why, model.Say("names.example", "example", i.Example)))
	}
	return c.Text.Text(model.Texts(i.Why, i.Example))
}

// FormatError is the message of an error, in the language of the session.
func (c *Context) FormatError(err error) string {
	if i := (*rules.Invalid)(nil); errors.As(err, &i) {
		return c.FormatInvalid(i)
	}
	return c.Text.Text(model.TextOf(err))
}

// LoadFailed is the toast about an error that a page met while it was reading.
func (c *Context) LoadFailed(err error) tea.Msg {
	if errors.Is(err, model.ErrNotFound) {
		return ToastMsg{Text: c.T("gone"), Tone: style.Warn}
	}
	return ToastMsg{Text: c.T("load.failed", err), Tone: style.Bad}
}

// EventReason returns the reason and the detail of an event, in the language of the
// session.
func (c *Context) EventReason(e *model.Event) (reason, detail string) {
	return c.Text.Text(e.Reason), c.Text.Text(e.Detail)
}

// EventSummary is the reason of an event, if it has one, and its detail.
func (c *Context) EventSummary(e *model.Event) string {
	reason, detail := c.EventReason(e)
	if reason != "" && detail != "" {
		return reason + c.T("colon") + detail
	}
	return reason + detail
}

// FormatRefusalWithHint is what was refused and why, and what to do instead, as a
// command line where that is another action.
func (c *Context) FormatRefusalWithHint(r *rules.Refusal) string {
	return c.Text.Text(model.Texts(r.AsText(), text.WayOut(r, nil)))
}
