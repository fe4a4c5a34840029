package text

import (
	"strings"

	"certquay/model"
)

// Text formats a message in this language. Quoted words stay as they are, made safe by
// [Clean], with their author where the catalogue names it. A message without a text is
// shown as its code and arguments.
//
// In a text {name} is an argument or a nested message, and {name:kind} is an argument
// that is translated as a term of a kind:
//
//	action  an action's code
//	field   a field of a form
//	label   a state or derived value
//	doing   the kind of a job
//	role    a role
//	spec    a specification
//	item    an item of an order
//	list    states or actions, joined by "or"; in English as they are typed
//	or      values that stay as they are, joined by "or"
//	and     values that stay as they are, joined by "and"
//	thing   the subject of a record
//	reason  a reason for revoking
//	watch   problems of a watched endpoint, joined
//	notice  the kind of a notice
//	type    a domain type
//	n.X     a number of something: the text of n.X, such as "3 keys"
//
// If the argument n is 1, the text of the code with ".one" is used if this language has it.
func (c *Catalogue) Text(t model.Text) string {
	return strings.Join(c.Lines(t), c.T("semicolon"))
}

// Page is [Catalogue.Text] as the content of a text file, one message on each line.
func (c *Catalogue) Page(t model.Text) []byte {
	return []byte(strings.Join(c.Lines(t), "\n") + "\n")
}

// Lines is [Catalogue.Text] with one line for each of several messages.
func (c *Catalogue) Lines(t model.Text) []string {
	var lines []string
	m := t.Message()
	if m.Code != "" || m.Quote.Words != "" {
		lines = append(lines, strings.Split(c.sentence(m), "\n")...)
	}
	for _, more := range m.More {
		lines = append(lines, c.Lines(more)...)
	}
	return lines
}

// sentence formats one message, without those that follow it.
func (c *Catalogue) sentence(m model.Message) string {
	if m.Code == "" {
		return c.quote(m.Quote)
	}
	to, ok := c.text(m.Code)
	if m.Args["n"] == "1" {
		to = c.one(m.Code, to)
	}
	if !ok {
		m.More = nil
		return Clean(m.Text().String())
	}
	var b strings.Builder
	for to != "" {
		before, rest, open := strings.Cut(to, "{")
		placeholder, after, closed := strings.Cut(rest, "}")
		if !open || !closed {
			before, after, placeholder = to, "", ""
		}
		join(&b, before)
		if name, as, _ := strings.Cut(placeholder, ":"); placeholder != "" {
			if inside, ok := m.Texts[name]; ok {
				join(&b, c.Text(inside))
			} else {
				join(&b, c.term(as, Clean(m.Args[name])))
			}
		}
		to = after
	}
	return b.String()
}

// quote returns quoted words with their author.
func (c *Catalogue) quote(q model.Quote) string {
	if q.Who == "" {
		return Clean(q.Words)
	}
	return c.Lookup("quote."+q.Who, "") + Clean(q.Words)
}

// join appends a piece of a sentence with its separator.
func join(b *strings.Builder, piece string) {
	b.WriteString(spaceBetween(b.String(), piece))
	b.WriteString(piece)
}
