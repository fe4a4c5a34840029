package where

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"certquay/model"
)

// The words of the language itself, which are searched only in quotation marks.
const (
	orWord  = "or"
	andWord = "and"
)

// MaxLength is how long a query may be, in bytes, so that no input nests deeply.
const MaxLength = 2000

// Error is a mistake in a query. At and End are where it is, in bytes; Incomplete
// reports that more text after the end of the query can mend it, as while a person types.
type Error struct {
	Query      string
	At, End    int
	Incomplete bool
	Why        model.Text
}

// Error returns the message in its stored form.
func (e *Error) Error() string { return e.AsText().String() }

// AsText returns the message with the column.
func (e *Error) AsText() model.Text {
	return model.Say("query.wrong", "column", e.Column(), "why", e.Why)
}

// Column returns where the mistake is, in characters from 1.
func (e *Error) Column() int { return utf8.RuneCountInString(e.Query[:e.At]) + 1 }

// Pointer returns two lines that show the mistake: the query, and marks below it. width
// measures a text in cells.
func (e *Error) Pointer(width func(string) int) []string {
	marks := max(width(e.Query[e.At:min(max(e.End, e.At), len(e.Query))]), 1)
	return []string{e.Query, strings.Repeat(" ", width(e.Query[:e.At])) + strings.Repeat("^", marks)}
}

// Parse reads a query. A blank one is nil. A mistake is an [*Error].
func (l *Language) Parse(query string) (*Expr, error) {
	p := parser{Language: l, query: query}
	if len(query) > MaxLength {
		return nil, p.wrong(MaxLength, len(query), model.Say("query.long", "max", MaxLength))
	}
	if p.skip(); p.at == len(query) {
		return nil, nil
	}
	e, err := p.any()
	if err == nil && p.at < len(query) { // what ends no operand but a bracket
		err = p.wrong(p.at, p.at+1, model.Say("query.not-open"))
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// parser reads a query from left to right. Its functions stop behind what they read
// and the blanks that follow.
type parser struct {
	*Language
	query string
	at    int
}

// wrong is a mistake that nothing mends which may be typed at the end of the query.
func (p *parser) wrong(at, end int, why model.Text) error {
	return &Error{Query: p.query, At: at, End: end, Why: why}
}

// unfinished is a mistake that more text mends, if what was read last ends the query.
func (p *parser) unfinished(at, end int, why model.Text) error {
	return &Error{p.query, at, end, p.at == len(p.query), why}
}

func (p *parser) skip() {
	p.at = len(p.query) - len(strings.TrimLeftFunc(p.query[p.at:], unicode.IsSpace))
}

// keyword reads a word of the language itself.
func (p *parser) keyword(word string) bool {
	rest := p.query[p.at:]
	n := strings.IndexFunc(rest, endsWord)
	if n < 0 {
		n = len(rest)
	}
	if !strings.EqualFold(rest[:n], word) {
		return false
	}
	p.at += n
	p.skip()
	return true
}

func (p *parser) next() byte {
	if p.at < len(p.query) {
		return p.query[p.at]
	}
	return 0
}

// any reads alternatives.
func (p *parser) any() (*Expr, error) {
	first, err := p.all()
	if err != nil {
		return nil, err
	}
	e := &Expr{Kind: Or}
	for e.add(first); p.keyword(orWord); {
		next, err := p.all()
		if err != nil {
			return nil, err
		}
		e.add(next)
	}
	return e.single(), nil
}

// all reads what must hold together.
func (p *parser) all() (*Expr, error) {
	e := &Expr{Kind: And}
	for {
		part, err := p.part()
		if err != nil {
			return nil, err
		}
		e.add(part)
		if p.keyword(andWord) {
			continue
		}
		at := p.at
		if p.at == len(p.query) || p.next() == ')' || p.keyword(orWord) {
			p.at = at
			return e.single(), nil
		}
	}
}

// single returns the only part of a node that has one.
func (e *Expr) single() *Expr {
	if len(e.Parts) == 1 {
		return e.Parts[0]
	}
	return e
}

func (p *parser) part() (*Expr, error) {
	start := p.at
	switch p.next() {
	case 0, ')':
		if p.at < len(p.query) && p.query[p.at] == 0 {
			break // a zero byte is a character of a word
		}
		return nil, p.unfinished(p.at, p.at, model.Say("query.nothing"))
	case '!':
		p.at++
		p.skip()
		e, err := p.part()
		if err != nil {
			return nil, err
		}
		return &Expr{Kind: Not, Parts: []*Expr{e}}, nil
	case '(':
		p.at++
		p.skip()
		e, err := p.any()
		if err != nil {
			return nil, err
		}
		if p.next() != ')' {
			return nil, &Error{p.query, start, start + 1, true, model.Say("query.not-closed")}
		}
		p.at++
		p.skip()
		return e, nil
	}
	if p.keyword(orWord) || p.keyword(andWord) { // at the end it may become a longer word
		return nil, p.unfinished(start, start, model.Say("query.nothing"))
	}
	return p.term()
}

// term reads a word, or a field with its value.
func (p *parser) term() (*Expr, error) {
	start := p.at
	field, by, length := cutField(p.query[p.at:])
	if by == "" {
		word, err := p.value()
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(word) == "" {
			return nil, p.wrong(start, p.at, model.Say("query.empty"))
		}
		p.skip()
		return &Expr{Term: Term{By: Equal, Value: word}}, nil
	}
	t := Term{Field: Field(strings.ToLower(field)), By: by}
	if !slices.Contains(p.fields, t.Field) {
		return nil, p.wrong(start, start+len(field), model.Say("query.field", "word", field, "fields", p.fields))
	}
	p.at += length
	if by != Equal && !t.Field.isTime() {
		return nil, p.wrong(start+len(field), p.at, model.Say("query.colon", "field", t.Field))
	}
	from := p.at
	value, err := p.value()
	if err != nil {
		return nil, err
	}
	t.Value = value
	if why := p.check(&t); why != "" {
		if p.mayBecome(&t, p.query[from:p.at]) {
			return nil, p.unfinished(from, p.at, why)
		}
		return nil, p.wrong(from, p.at, why)
	}
	p.skip()
	return &Expr{Term: t}, nil
}

// check completes a term by what its value means, or returns why that is none.
func (p *parser) check(t *Term) model.Text {
	values := p.values[t.Field]
	switch {
	case t.Field.isTime():
		if t.Value == "" {
			return model.Say("query.no-time", "field", t.Field)
		}
		return t.setTime()
	case strings.TrimSpace(t.Value) == "" && values != nil:
		return model.Say("query.no-word", "field", t.Field, "words", values)
	case strings.TrimSpace(t.Value) == "":
		return model.Say("query.no-value", "field", t.Field)
	case values != nil:
		t.Value = model.NormalizeName(t.Value)
		if !slices.Contains(values, t.Value) {
			return model.Say("query.value", "field", t.Field, "value", t.Value, "words", values)
		}
	}
	return ""
}

// mayBecome reports whether a value that was typed so far begins one that the field takes.
func (l *Language) mayBecome(t *Term, typed string) bool {
	switch values := l.values[t.Field]; {
	case strings.HasPrefix(typed, `"`): // it is closed
		return false
	case t.Field.isTime():
		return t.mayBecomeTime()
	case values != nil:
		return slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, t.Value) })
	}
	return true
}

// value reads text up to a blank or bracket, or in quotation marks.
func (p *parser) value() (string, error) {
	rest := p.query[p.at:]
	if !strings.HasPrefix(rest, `"`) {
		n := strings.IndexFunc(rest, endsWord)
		if n < 0 {
			n = len(rest)
		}
		p.at += n
		return rest[:n], nil
	}
	var b strings.Builder
	for n := 1; n < len(rest); n++ {
		switch rest[n] {
		case '"':
			p.at += n + 1
			return b.String(), nil
		case '\\':
			if n++; n == len(rest) {
				continue
			}
		}
		b.WriteByte(rest[n])
	}
	return "", &Error{p.query, p.at, p.at + 1, true, model.Say("query.unquoted")}
}

// endsWord reports whether a character does not belong to a word.
func endsWord(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == ')' || r == '"' }

// cutField cuts what may be a field, which is letters only, and its comparison off a
// text. by is "" if there is none; length is that of both.
func cutField(s string) (field string, by Comparison, length int) {
	n := 0
	for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z') {
		n++
	}
	for _, c := range []Comparison{Equal, BeforeOrWith, AfterOrWith, Before, After} {
		if n > 0 && strings.HasPrefix(s[n:], string(c)) {
			return s[:n], c, n + len(c)
		}
	}
	return "", "", 0
}
