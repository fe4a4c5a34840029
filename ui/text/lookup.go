package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// Term returns the word for a code of the engine. The kind is "label", "action",
// "event", "result", "role", "type", "grade", "via", "why", "organization", "reason"
// (of a revocation), "notice", "item" (of an order) or "spec" (a whole specification).
// English has no words for them: people filter by and type the codes.
func (c *Catalogue) Term(kind, code string) string {
	if c.Lang == "en" {
		return code
	}
	return c.term(kind, code)
}

// Subject returns the name that the subject of an event had then; "" if it had none.
func (c *Catalogue) Subject(e *model.Event) string {
	if journal.AboutStore(e) {
		return c.T("thing.store")
	}
	return e.Name
}

// spaceBetween returns the separator of two pieces of a sentence: a blank between a
// Chinese character and a Latin letter or digit, else "".
func spaceBetween(before, after string) string {
	l, _ := utf8.DecodeLastRuneInString(before)
	r, _ := utf8.DecodeRuneInString(after)
	latin := func(r rune) bool { return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	if unicode.Is(unicode.Han, l) && latin(r) || latin(l) && unicode.Is(unicode.Han, r) {
		return " "
	}
	return ""
}

// term returns the word for an argument of a kind.
func (c *Catalogue) term(kind, a string) string {
	first := func(prefixes ...string) string {
		for _, p := range prefixes {
			if t, ok := c.texts[p+a]; ok {
				return t
			}
		}
		return a
	}
	if strings.HasPrefix(kind, "n.") {
		return c.T(kind, a)
	}
	switch kind {
	case "action":
		return first("action.", "event.", "doing.")
	case "day": // of a time
		day, _, _ := strings.Cut(a, " ")
		return day
	case "spec": // level, type, brand and grade
		if p := strings.Fields(a); len(p) == 4 {
			return strings.Join([]string{p[0], c.term("type", p[1]), p[2], c.term("grade", p[3])}, " ")
		}
	case "label",
		"event",
		"doing",
		"role",
		"result",
		"type",
		"grade",
		"via",
		"why",
		"organization",
		"reason",
		"notice",
		"thing",
		"field",
		"item":
		return first(kind + ".")
	case "watch":
		var out []string
		for part := range strings.SplitSeq(a, ", ") {
			out = append(out, c.Lookup("watch."+part, part))
		}
		return strings.Join(out, "、")
	case "list":
		return c.orList(a, func(code string) string {
			if c.Lang == "en" {
				return verbOf(code)
			}
			if t := c.term("label", code); t != code {
				return t
			}
			return c.term("action", code)
		})
	case "or":
		return c.orList(a, func(value string) string { return value })
	case "and":
		return strings.ReplaceAll(a, ", ", c.T("list.and"))
	}
	return a
}

// orList joins a comma-separated list, with "or" before the last value.
func (c *Catalogue) orList(list string, say func(string) string) string {
	if list == "" {
		return c.T("list.nothing")
	}
	all := strings.Split(list, ", ")
	for n := range all {
		all[n] = say(all[n])
	}
	last := len(all) - 1
	if last == 0 {
		return all[0]
	}
	return strings.Join(all[:last], c.T("list.join")) + c.T("list.or") + all[last]
}

// EventActions lists the actions of events that have a name, sorted.
func (c *Catalogue) EventActions() (actions []string) {
	for _, key := range c.Keys() {
		if action, ok := strings.CutPrefix(key, "event."); ok {
			actions = append(actions, action)
		}
	}
	return actions
}
