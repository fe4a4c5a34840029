package app

import (
	"maps"
	"slices"
	"strings"

	"certquay/lifecycle/rules"
)

// Keymap holds configured keys by action ID. It is immutable.
type Keymap map[string][]string

// newDefaults are the actions whose default keys are newer than a configuration may be:
// a configured key beats them, and they then have none.
var newDefaults = []string{
	"reorder", "rekey", "zoom", "pem", "next-certificate", "previous-certificate", "day-before", "day-after", "edit", "views", "export",
	"authorities", "products", "accept", "discovery", "impact",
}

// NewDefaults lists the actions whose default keys a configured key beats.
func NewDefaults() []string { return slices.Clone(newDefaults) }

// Beats returns the action that a configuration gives a key which is the new default of
// another one; "" for none.
func (m Keymap) Beats(id, key string) string {
	if len(m) == 0 || len(m[id]) > 0 || !slices.Contains(newDefaults, id) {
		return ""
	}
	for _, other := range slices.Sorted(maps.Keys(m)) {
		if other != id && slices.Contains(m[other], key) {
			return other
		}
	}
	return ""
}

// ApplyKeymap sets the keys in force, the name and the label in the footer of each
// action, and enables those that are possible and allowed. The label belongs to the
// default key.
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
		} else if beaten := func(k string) bool { return c.Keymap.Beats(a.ID, k) != "" }; slices.ContainsFunc(a.Keys(), beaten) {
			a.SetKeys(slices.DeleteFunc(slices.Clone(a.Keys()), beaten)...)
		}
		ks := a.Keys()
		if a.SetHelp(c.KeyNames(ks...), label); len(ks) > 0 {
			a.shortKey = c.KeyName(ks[0])
		}
	}
	return as
}

// KeyFor returns the key in force of an action with a default key; where a configured
// key has beaten that, what is typed to run the action from the palette.
func (c *Context) KeyFor(id, own string) string {
	if ks := c.Keymap[id]; len(ks) > 0 {
		return ks[0]
	}
	if c.Keymap.Beats(id, own) != "" {
		return c.KeyFor("palette", ":") + " " + id
	}
	return own
}

// KeyOf returns the key in force of an action of the table; "" when no person takes it.
func (c *Context) KeyOf(a rules.Action) string {
	row := c.Table.Transition(a)
	own := DefaultKey(row)
	if own == "" {
		return ""
	}
	return c.KeyFor(ActionID(c.Table, own), own)
}

// ActionID is the common ID of the actions of the table that share a key: the name of
// the first one.
func ActionID(t *rules.TransitionTable, key string) string {
	for _, r := range t.Transitions() {
		if DefaultKey(r) == key {
			return string(r.Action)
		}
	}
	return ""
}

// namedKeys are the keys with names.
var namedKeys = strings.Fields(
	"enter esc tab space up down left right home end pgup pgdown backspace delete insert f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12",
)

// IsKey reports whether a text names a key as terminals report it: a character or a
// name, after ctrl+, alt+ or shift+ in this order. A shifted character is another
// character.
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
