package kit

import (
	"certquay/lifecycle"
	"certquay/model"
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
