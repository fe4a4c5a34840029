package kit

import (
	"regexp"
	"strings"

	"certquay/lifecycle"
)

// verb is a command line in the way out of a refusal: the verb, and what it is
// about.
var verb = regexp.MustCompile(`certquay ([a-z-]+)((?: (?:--[a-z-]+(?: [^ ;；，。、：（）-][^ ;；，。、：（）]*)?|[A-Z0-9]+|certificate|hosting|credit))*)`)

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
	_, h := c.refused(r)
	if r.Instance != "" {
		show, key := "certquay show "+r.Instance.Short(), c.KeyFor("details", "enter")
		if strings.Contains(h, show) {
			ways = append(ways, Way{key, c.T("act.details")})
		}
		h = strings.ReplaceAll(h, show+" tells", c.T("wayout.tells", key))
		h = strings.ReplaceAll(h, show, c.T("wayout.press", key))
	}
	h, more := c.keyed(h)
	if ways = append(ways, more...); len(ways) == 1 && h == c.T("wayout.press", ways[0].Key) { // the key alone says nothing
		h = c.T("wayout.does", ways[0].Key, ways[0].Label)
	}
	return h, ways
}

// Keys writes keys in place of the command lines in a text. Those that have no
// key here, such as one about another certificate, stay.
func (c *Context) Keys(hint string) string {
	h, _ := c.keyed(hint)
	return h
}

func (c *Context) keyed(hint string) (said string, ways []Way) {
	said = verb.ReplaceAllStringFunc(hint, func(line string) string {
		name := lifecycle.Action(verb.FindStringSubmatch(line)[1])
		for _, row := range c.Table.Rows() {
			k := c.KeyOf(row.Action)
			if k == "" || row.Action != name {
				continue
			}
			if name == lifecycle.Host && strings.Contains(line, " --stop") {
				name = lifecycle.StopHosting
			}
			ways = append(ways, Way{k, c.Text.Or("action."+string(name), string(name))})
			return c.T("wayout.press", k)
		}
		return line
	})
	return said, ways
}
