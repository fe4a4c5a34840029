// Package text holds every text of the interface in one catalogue, and the one
// helper that makes text from outside safe to draw.
package text

import (
	"fmt"
	"maps"
	"slices"
	"sort"
)

// Catalogue holds the texts of one language by key. It does not change once made
// and is safe for concurrent use.
type Catalogue struct {
	Lang      string
	texts     map[string]string
	elsewhere elsewhere
}

// languages lists what [New] can make; a further one is a map with the keys of
// english and one line here.
var languages = map[string]map[string]string{"en": english, "zh": chinese}

// Languages lists the languages there are, sorted.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }

// New gives the catalogue of a language such as "en" or "zh-CN"; English when
// there is none.
func New(lang string) *Catalogue {
	for _, l := range []string{lang, lang[:min(2, len(lang))]} {
		if t, ok := languages[l]; ok {
			return &Catalogue{Lang: l, texts: t}
		}
	}
	return &Catalogue{Lang: "en", texts: english}
}

// T is the text of a key with its arguments filled in. Arguments that are text
// are made safe by [Clean], so nothing from outside reaches the screen raw. A
// key that is missing shows as itself in angle brackets.
func (c *Catalogue) T(key string, args ...any) string {
	t, ok := c.texts[key]
	if !ok {
		if t, ok = english[key]; !ok {
			return "<" + key + ">"
		}
	}
	if len(args) == 0 {
		return t
	}
	safe := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case string:
			safe[i] = Clean(v)
		case error:
			safe[i] = Clean(v.Error())
		case fmt.Stringer:
			safe[i] = Clean(v.String())
		default:
			safe[i] = a
		}
	}
	return fmt.Sprintf(t, safe...)
}

// Has says whether the catalogue itself, not its fallback, holds a key.
func (c *Catalogue) Has(key string) bool { _, ok := c.texts[key]; return ok }

// Or is the text of a key, or the other text when there is no such key.
func (c *Catalogue) Or(key, other string) string {
	if t, ok := c.texts[key]; ok {
		return t
	}
	return Clean(other)
}

// Keys lists the keys of the catalogue, sorted.
func (c *Catalogue) Keys() []string {
	keys := make([]string, 0, len(c.texts))
	for k := range c.texts {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
