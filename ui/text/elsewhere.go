package text

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// labels are how the keys of what an action is called begin.
var labels = []string{"act.", "action.", "undo."}

// elsewhere finds the keys of what actions are called by the text.
type elsewhere struct {
	keys    map[string][]string
	filled  []filled // those with something to be filled in
	compose sync.Once
}

type filled struct {
	key string
	is  *regexp.Regexp
}

// blank is a place to be filled in.
var blank = regexp.MustCompile(`%[sd]`)

func (e *elsewhere) build(texts map[string]string) {
	e.keys = map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		t := texts[key]
		e.keys[t] = append(e.keys[t], key)
		if named(key) && strings.Contains(t, "%") && strings.Trim(blank.ReplaceAllString(t, ""), " ") != "" {
			e.filled = append(e.filled, filled{key, regexp.MustCompile("^" + blank.ReplaceAllString(regexp.QuoteMeta(t), "(.+)") + "$")})
		}
	}
}

// Elsewhere gives what an action may be called in the other languages, by what
// it is called in this one. A name of several parts with " / " between them is
// translated part by part; what is not known stays as it is.
func (c *Catalogue) Elsewhere(label string) []string {
	c.elsewhere.compose.Do(func() { c.elsewhere.build(c.texts) })
	var all []string
	for _, lang := range Languages() {
		if lang == c.Lang {
			continue
		}
		// One word may stand for several things, each with a word of its own there.
		for _, key := range c.elsewhere.keys[label] {
			if t, ok := texts(lang)[key]; ok && t != label && !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
		parts := strings.Split(label, " / ")
		for n, p := range parts {
			parts[n] = c.in(texts(lang), p)
		}
		if other := strings.Join(parts, " / "); other != label && !slices.Contains(all, other) {
			all = append(all, other)
		}
	}
	return all
}

// in is a text of this language in another, what was filled in too.
func (c *Catalogue) in(other map[string]string, said string) string {
	if t, ok := c.exactly(other, said); ok {
		return t
	}
	for _, f := range c.elsewhere.filled {
		args := f.is.FindStringSubmatch(said)
		if args == nil {
			continue
		}
		n := 0
		return blank.ReplaceAllStringFunc(other[f.key], func(string) string {
			if n++; n >= len(args) {
				return ""
			}
			t, _ := c.exactly(other, args[n])
			return t
		})
	}
	return said
}

// exactly is a whole text of this language in another; what is none stays. Of
// several keys with one text that of an action says best what is meant.
func (c *Catalogue) exactly(other map[string]string, said string) (string, bool) {
	best, found := said, false
	for _, key := range c.elsewhere.keys[said] {
		if t, ok := other[key]; ok && (!found || named(key)) {
			best, found = t, true
		}
	}
	return best, found
}

func named(key string) bool {
	for _, l := range labels {
		if strings.HasPrefix(key, l) {
			return true
		}
	}
	return false
}
