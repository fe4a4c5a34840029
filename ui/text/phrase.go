package text

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"certquay/model"
)

// The engine says some things in English sentences and knows no interface:
// reasons by code with arguments, the rest (tasks, what is waited for, why an
// instance is as it is) as text, some of it stored. A language translates a
// reason by its code, and a sentence by the format that the engine fills.
//
// In both, {name} or {1} stands for an argument; {name:as} says what to look it
// up as:
//
//	action  an action's code
//	label   a state or derived value
//	doing   the kind of a job, and perhaps where
//	failure what failed, and why
//	role    a role
//	spec    a specification
//	list    states or actions, as the engine joins them
//	say     another sentence
//	server  another sentence, or what a server said
//	reason  a reason for revoking
//	watch   what is wrong with what is watched
//	notice  the kind of a notice

// phrase is a compiled sentence.
type phrase struct {
	begin string // what it begins with, to rule most out at once
	holds string // the longest piece that stands in it, for the same
	re    *regexp.Regexp
	to    string
}

// verb is a verb of package fmt in a format.
var verb = regexp.MustCompile(`%(?:\.\d+)?[sdqvw]`)

// compiled makes the sentences of a language ready, once.
var compiled = sync.OnceValue(func() map[string][]phrase {
	all := map[string][]phrase{}
	for lang, formats := range phrases {
		for from, to := range formats {
			all[lang] = append(all[lang], compile(from, to))
		}
	}
	return all
})

func compile(from, to string) phrase {
	p := phrase{to: to}
	for _, piece := range verb.Split(from, -1) {
		if len(piece) > len(p.holds) {
			p.holds = piece
		}
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	rest := from
	for n := 0; ; n++ {
		at := verb.FindStringIndex(rest)
		if at == nil {
			break
		}
		if n == 0 {
			p.begin = rest[:at[0]]
		}
		b.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		b.WriteString(map[byte]string{'d': `(-?\d+)`, 'q': `"((?:[^"\\]|\\.)*)"`, 's': `(.+?)`, 'v': `(.+?)`, 'w': `(.+?)`}[rest[at[1]-1]])
		rest = rest[at[1]:]
	}
	if p.begin == "" && rest == from {
		p.begin = from
	}
	b.WriteString(regexp.QuoteMeta(rest))
	if strings.HasSuffix(rest, " ") { // something is appended to it
		b.WriteString(`(.+)`)
	}
	b.WriteString(`\z`)
	p.re = regexp.MustCompile(b.String())
	return p
}

// rules is how a sentence of the engine names the rules behind it.
var rules = regexp.MustCompile(`\A(.*) (\([A-Z]\d+(?:, [A-Z]\d+)*\))\z`)

// Say is a sentence of the engine in this language; a sentence that it does not
// know, such as one of a CA or a server, comes back as it is.
func (c *Catalogue) Say(s string) string {
	list := compiled()[c.Lang]
	if s == "" || len(list) == 0 {
		return s
	}
	if m := rules.FindStringSubmatch(s); m != nil {
		if t, ok := c.say(list, m[1]); ok {
			return t + ruled(m[2])
		}
	}
	s = strings.TrimSuffix(s, "; ")
	t, known := c.say(list, s)
	if known && !strings.Contains(t, "; ") {
		return t
	}
	if head, rest, ok := strings.Cut(s, "; "); ok { // several, joined
		h, r := c.Say(head), c.Say(rest)
		if h != head && r != rest || !known && (h != head || r != rest) {
			return h + "；" + r
		}
	}
	if known {
		return t
	}
	for at := strings.LastIndex(s, ": "); at > 0; at = strings.LastIndex(s[:at], ": ") { // a cause after what it caused
		if h, ok := c.say(list, s[:at]); ok && strings.Contains(s[:at], " ") {
			return h + "：" + c.Say(s[at+2:])
		}
	}
	if q, err := strconv.Unquote(s); err == nil { // what a library said, quoted
		if t := c.Say(q); t != q {
			return t
		}
	}
	if alternatives.MatchString(s) {
		return strings.Replace(s, " or ", or[c.Lang], 1)
	}
	return s
}

// ruled are the rules behind a sentence, as they stand after one that is
// translated.
func ruled(in string) string {
	return "（" + strings.ReplaceAll(strings.Trim(in, "()"), ", ", "、") + "）"
}

// or stands between alternatives.
var or = map[string]string{"zh": " 或 "}

// alternatives are words as the engine joins them, the last with an "or".
var alternatives = regexp.MustCompile(`\A[\w.+-]+(?:, [\w.+-]+)* or [\w.+-]+\z`)

// say takes the phrase of which most stands in the sentence, should several
// match.
func (c *Catalogue) say(list []phrase, s string) (string, bool) {
	var best *phrase
	var found []string
	for n := range list {
		p := &list[n]
		if !strings.HasPrefix(s, p.begin) || !strings.Contains(s, p.holds) || best != nil && len(p.re.String()) < len(best.re.String()) {
			continue
		}
		if m := p.re.FindStringSubmatch(s); m != nil {
			best, found = p, m
		}
	}
	if best == nil {
		return "", false
	}
	args := map[string]string{}
	for n, a := range found[1:] {
		args[string(rune('1'+n))] = a
	}
	return c.fill(best.to, args), true
}

// Code is the word for a code of the engine: as is "label", "action", "event",
// "result", "role", "type", "grade", "via", "why", "organization", "reason" for
// revoking, "notice", "item" of an order, or "spec" for a whole specification.
// English has the code itself, by which people filter and type commands.
func (c *Catalogue) Code(as, code string) string {
	if c.Lang == "en" {
		return code
	}
	return c.word(as, code)
}

// hole is the place of an argument in a translation.
var hole = regexp.MustCompile(`\{([a-z0-9]+)(?::([a-z]+))?\}`)

func (c *Catalogue) fill(to string, args map[string]string) string {
	var b strings.Builder
	end := 0
	for _, m := range hole.FindAllStringSubmatchIndex(to, -1) {
		a, ok := args[to[m[2]:m[3]]]
		if !ok {
			continue
		}
		as := ""
		if m[4] >= 0 {
			as = to[m[4]:m[5]]
		}
		a = c.word(as, a)
		for _, piece := range []string{to[end:m[0]], a} {
			b.WriteString(meet(b.String(), piece))
			b.WriteString(piece)
		}
		end = m[1]
	}
	b.WriteString(meet(b.String(), to[end:]))
	b.WriteString(to[end:])
	return b.String()
}

// meet is what stands where two pieces of a sentence meet: a blank between a
// Chinese character and a Latin letter or digit, as Chinese texts here have it.
func meet(before, after string) string {
	l, _ := utf8.DecodeLastRuneInString(before)
	r, _ := utf8.DecodeRuneInString(after)
	latin := func(r rune) bool { return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	if unicode.Is(unicode.Han, l) && latin(r) || latin(l) && unicode.Is(unicode.Han, r) {
		return " "
	}
	return ""
}

// word is an argument looked up as what it is.
func (c *Catalogue) word(as, a string) string {
	first := func(prefixes ...string) string {
		for _, p := range prefixes {
			if t, ok := c.texts[p+a]; ok {
				return t
			}
		}
		return a
	}
	switch as {
	case "action":
		a = strings.Replace(a, "host --stop", "stop-hosting", 1)
		return first("action.", "event.", "doing.")
	case "spec": // level, type, brand and grade
		if p := strings.Fields(a); len(p) == 4 {
			return strings.Join([]string{p[0], c.word("type", p[1]), p[2], c.word("grade", p[3])}, " ")
		}
	case "label", "event", "result", "type", "grade", "via", "why", "organization", "reason", "notice", "thing", "field", "item":
		return first(as + ".")
	case "watch":
		var out []string
		for part := range strings.SplitSeq(a, ", ") {
			out = append(out, c.Or("watch."+part, part))
		}
		return strings.Join(out, "、")
	case "server":
		return c.quote(model.Quote{Who: "server", Words: a})
	case "doing":
		if kind, place, ok := strings.Cut(a, " at "); ok {
			return place + " " + c.word(as, kind)
		}
		return first("doing.")
	case "role":
		return first("role.")
	case "say":
		return c.Say(a)
	case "list":
		return c.or(a, func(code string) string {
			if c.Lang == "en" {
				return verbOf(code)
			}
			if t := c.word("label", code); t != code {
				return t
			}
			return c.word("action", code)
		})
	case "or":
		return c.or(a, func(value string) string { return value })
	case "and":
		return strings.ReplaceAll(a, ", ", c.T("list.and"))
	}
	return a
}

// or says a list of values, the last after an "or".
func (c *Catalogue) or(list string, say func(string) string) string {
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

func merge(a map[string]string, more ...map[string]string) map[string]string {
	for _, m := range more {
		for k, v := range m {
			a[k] = v
		}
	}
	return a
}
