package app

import (
	"slices"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/text"
)

// own are the keys of actions for which the table names none.
var own = map[lifecycle.Action]string{lifecycle.UploadKey: "K"}

// Key is the key of an action by default; "" when no person does it.
func Key(r *lifecycle.Row) string {
	if r.Key != "" {
		return r.Key
	}
	return own[r.Action]
}

// Way is a key that a way out names, and what it does.
type Way struct{ Key, Label string }

// WayOut is what a refusal says to do instead, by the keys of the dashboard
// where there are keys for it.
func (c *Context) WayOut(r *lifecycle.Refusal) string {
	h, _ := c.Ways(r)
	return h
}

// Ways is what a refusal says to do instead, and the keys named in it.
func (c *Context) Ways(r *lifecycle.Refusal) (hint string, ways []Way) {
	hint = c.Text.Text(text.WayOut(r, c.keys(r.Instance, &ways)))
	return hint, ways
}

// Statement is a sentence of an explanation, with the keys of what it says to do.
func (c *Context) Statement(s lifecycle.Statement) string {
	return c.Text.Statement(s, c.keys("", new([]Way)))
}

// keys says suggestions by their keys, and collects these. What has none here,
// such as to look at another instance, is said as a command line.
func (c *Context) keys(id model.ID, ways *[]Way) text.Write {
	return func(s lifecycle.Suggestion) (inside, alone string) {
		w := c.way(id, s)
		if w.Key == "" {
			line := text.Command(s)
			return line, line
		}
		*ways = append(*ways, w)
		return c.T("wayout.press", w.Key), c.T("wayout.does", w.Key, w.Label)
	}
}

func (c *Context) way(id model.ID, s lifecycle.Suggestion) Way {
	if s.Action == lifecycle.Show && id != "" && slices.Contains(s.Args, id.Short()) {
		return Way{c.KeyFor("details", "enter"), c.T("act.details")}
	}
	for _, row := range c.Table.Rows() {
		if row.Action == s.Action {
			return Way{c.KeyOf(s.Action), c.Text.Or("action."+string(s.Action), string(s.Action))}
		}
	}
	return Way{}
}
