package app

import (
	"slices"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

// keysBesideTable are the keys of actions that have none in the table.
var keysBesideTable = map[rules.Action]string{rules.UploadKey: "K"}

// DefaultKey returns the default key of an action; "" for an action that no person
// takes.
func DefaultKey(r *rules.Transition) string {
	if r.Key != "" {
		return r.Key
	}
	return keysBesideTable[r.Action]
}

// KeyHint is a key named by a hint, with its label.
type KeyHint struct{ Key, Label string }

// Hint returns what to do instead of a refused action, naming the keys of the dashboard
// where it has some.
func (c *Context) Hint(r *rules.Refusal) string {
	h, _ := c.KeyHints(r)
	return h
}

// KeyHints is [Context.Hint] with the named keys.
func (c *Context) KeyHints(r *rules.Refusal) (hint string, hints []KeyHint) {
	hint = c.Text.Text(text.WayOut(r, c.withKeys(r.Instance, &hints)))
	return hint, hints
}

// Statement returns a sentence of an explanation, naming the keys of its suggestions.
func (c *Context) Statement(s rules.Statement) string {
	return c.Text.Statement(s, c.withKeys("", new([]KeyHint)))
}

// withKeys formats suggestions by their keys and collects those in hints. A suggestion
// without a key here, such as another instance, is formatted as a command line.
func (c *Context) withKeys(id model.ID, hints *[]KeyHint) text.FormatSuggestion {
	return func(s rules.Suggestion) (inside, alone string) {
		w := c.keyHint(id, s)
		if w.Key == "" {
			line := text.Command(s)
			return line, line
		}
		*hints = append(*hints, w)
		return c.T("wayout.press", w.Key), c.T("wayout.does", w.Key, w.Label)
	}
}

func (c *Context) keyHint(id model.ID, s rules.Suggestion) KeyHint {
	if s.Action == rules.Show && id != "" && slices.Contains(s.Args, id.Short()) {
		return KeyHint{c.KeyFor("details", "enter"), c.T("act.details")}
	}
	for _, row := range c.Table.Transitions() {
		if row.Action == s.Action {
			return KeyHint{c.KeyOf(s.Action), c.Text.Lookup("action."+string(s.Action), string(s.Action))}
		}
	}
	return KeyHint{}
}
