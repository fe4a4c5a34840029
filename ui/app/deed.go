package app

import (
	"strings"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/style"
)

// Deed is what an event is about, in a word or two: what was done, or what was
// tried where it was not.
func (c *Context) Deed(e *model.Event) string {
	if e.Result != "" && e.Result != lifecycle.ResultOK {
		if tried := c.Text.Or("tried."+e.Action, ""); tried != "" {
			return tried
		}
	}
	return c.Text.Or("event."+e.Action, e.Action)
}

// Became is the state that an event has led to; "" when it has led to no other,
// or when the deed says as much: what is issued has become issued.
func (c *Context) Became(e *model.Event) string {
	if e.To == "" || e.From == e.To {
		return ""
	}
	if to := c.Text.Code("label", e.To); !strings.Contains(to, c.Deed(e)) {
		return to
	}
	return ""
}

// Ended is how an event has ended, in a glyph and a word. That somebody is
// reminded of an expiry is nothing good.
func (c *Context) Ended(e *model.Event) (glyph, word string, tone style.Tone) {
	if e.Action == "expiry" && e.Result == lifecycle.ResultOK {
		st := style.Of(string(model.Expiring))
		return st.Glyph, c.Text.Code("label", string(model.Expiring)), st.Tone
	}
	st := style.Of(e.Result)
	return st.Glyph, c.Text.Or("result."+e.Result, e.Result), st.Tone
}
