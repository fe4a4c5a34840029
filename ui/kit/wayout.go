package kit

import (
	"regexp"
	"strings"

	"certquay/lifecycle"
)

// verb is a command line in the way out of a refusal: the verb, and what it is
// about.
var verb = regexp.MustCompile(`certquay ([a-z-]+)((?: (?:--[a-z-]+(?: [^ ;；，。-][^ ;；，。]*)?|[A-Z0-9]+|certificate|hosting|credit))*)`)

// own are the keys of actions for which the table names none.
var own = map[lifecycle.Action]string{lifecycle.UploadKey: "K"}

// Key is the key of an action by default; "" when no person does it.
func Key(r *lifecycle.Row) string {
	if r.Key != "" {
		return r.Key
	}
	return own[r.Action]
}

// WayOut is what a refusal says to do instead, by the keys of the dashboard
// where there are keys for it.
func (c *Context) WayOut(r *lifecycle.Refusal) string {
	_, h := c.refused(r)
	if r.Instance != "" {
		show := "certquay show " + r.Instance.Short()
		h = strings.ReplaceAll(h, show+" tells", c.T("wayout.tells", c.KeyFor("details", "enter")))
		h = strings.ReplaceAll(h, show, c.T("wayout.press", c.KeyFor("details", "enter")))
	}
	return c.Keys(h)
}

// Keys writes keys in place of the command lines in a text. Those that have no
// key here, such as one about another certificate, stay.
func (c *Context) Keys(hint string) string {
	return verb.ReplaceAllStringFunc(hint, func(line string) string {
		name := verb.FindStringSubmatch(line)[1]
		for _, row := range c.Table.Rows() {
			if k := c.KeyOf(row.Action); k != "" && string(row.Action) == name {
				return c.T("wayout.press", k)
			}
		}
		return line
	})
}
