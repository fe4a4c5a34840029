package app

import (
	"strings"

	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/ui/style"
)

// EventTitle names what was done in a word or two, or what was tried if it failed.
func (c *Context) EventTitle(e *model.Event) string {
	if e.Result != "" && e.Result != journal.ResultOK {
		if tried := c.Text.Lookup("tried."+e.Action, ""); tried != "" {
			return tried
		}
	}
	return c.Text.Lookup("event."+e.Action, e.Action)
}

// EventState returns the state that an event has led to. It is "" when the state has
// not changed, or when the title names it, as "issued" does.
func (c *Context) EventState(e *model.Event) string {
	if e.To == "" || e.From == e.To {
		return ""
	}
	if to := c.Text.Term("label", e.To); !strings.Contains(to, c.EventTitle(e)) {
		return to
	}
	return ""
}

// EventOutcome is the result of an event as glyph, word and tone. A notice of expiry
// that was sent is drawn as a warning: what it is about is no success.
func (c *Context) EventOutcome(e *model.Event) (glyph, word string, tone style.Tone) {
	if e.Action == "expiry" && e.Result == journal.ResultOK {
		st := style.StatusOf(string(model.Expiring))
		return st.Glyph, c.Text.Term("label", string(model.Expiring)), st.Tone
	}
	st := style.StatusOf(e.Result)
	return st.Glyph, c.Text.Lookup("result."+e.Result, e.Result), st.Tone
}
