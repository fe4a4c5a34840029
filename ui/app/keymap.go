package app

import (
	"slices"
	"strings"

	"certquay/lifecycle/rules"
)

// Keymap gives actions, by their IDs, other keys than they have by default. It
// is never changed once made.
type Keymap map[string][]string

// ApplyKeymap gives each action the keys that are in force, its name, and its word in the footer,
// which is that of the key it has by default, and enables those that do
// something and are allowed.
func (c *Context) ApplyKeymap(as Actions) Actions {
	for n := range as {
		a := &as[n]
		a.SetEnabled(!a.Hidden && a.Disabled == nil)
		label := c.Text.Name(a.Name)
		if a.ShortLabel == "" {
			a.ShortLabel = label
			if ks := a.Keys(); len(ks) > 0 {
				a.ShortLabel = c.Text.Lookup("foot."+ks[0], label)
			}
		}
		if ks := c.Keymap[a.ID]; len(ks) > 0 && a.ID != "" {
			a.SetKeys(ks...)
		}
		ks := a.Keys()
		if a.SetHelp(c.KeyNames(ks...), label); len(ks) > 0 {
			a.shortKey = c.KeyName(ks[0])
		}
	}
	return as
}

// KeyFor is the key in force of an action, of which the default is known.
func (c *Context) KeyFor(id, own string) string {
	if ks := c.Keymap[id]; len(ks) > 0 {
		return ks[0]
	}
	return own
}

// KeyOf is the key in force of an action of the table; "" when no person does
// it.
func (c *Context) KeyOf(a rules.Action) string {
	row := c.Table.Transition(a)
	own := DefaultKey(row)
	if own == "" {
		return ""
	}
	return c.KeyFor(ActionID(c.Table, own), own)
}

// ActionID is the ID of the actions of the table that share a key: the name of
// the first of them.
func ActionID(t *rules.TransitionTable, key string) string {
	for _, r := range t.Transitions() {
		if DefaultKey(r) == key {
			return string(r.Action)
		}
	}
	return ""
}

// namedKeys are the keys that have names of their own.
var namedKeys = strings.Fields(
	"enter esc tab space up down left right home end pgup pgdown backspace delete insert f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12",
)

// IsKey says whether a text is a key as the terminal gives it: one character,
// or a name, after ctrl+, alt+ or shift+ in this order. Shift with a character
// is another character.
func IsKey(k string) bool {
	mods := ""
	for _, m := range []string{"ctrl+", "alt+", "shift+"} {
		if rest, ok := strings.CutPrefix(k, m); ok && rest != "" {
			k, mods = rest, mods+m
		}
	}
	if slices.Contains(namedKeys, k) {
		return true
	}
	r := []rune(k)
	if len(r) != 1 || r[0] <= ' ' || r[0] == 0x7f {
		return false
	}
	upper := strings.ToLower(k) != k
	return !strings.Contains(mods, "shift+") && (mods == "" || !upper)
}
