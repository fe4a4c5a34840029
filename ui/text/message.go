package text

import (
	"strings"

	"certquay/model"
)

// Text says a message in the words of this language. What others have said stays
// as they said it, made safe by [Clean], with who they are where the language
// says so. A message that the catalogue lacks shows its code and arguments.
//
// In a text {name} stands for an argument or a message inside this one, and
// {name:kind} says what to look the argument up as:
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
//	thing   what a record is about
//	field   a field of a form
//	reason  a reason for revoking
//	watch   problems of what is watched, joined
//	notice  the kind of a notice
//	type    a domain type
//
// Where the argument n is 1, the text of the code with ".one" is taken if there
// is one.
func (c *Catalogue) Text(t model.Text) string {
	return strings.Join(c.Lines(t), c.T("semicolon"))
}

// Page is [Catalogue.Text] as the content of a file, each line in its own.
func (c *Catalogue) Page(t model.Text) []byte {
	return []byte(strings.Join(c.Lines(t), "\n") + "\n")
}

// Lines is [Catalogue.Text], each of several messages in a line of its own.
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

func (c *Catalogue) sentence(m model.Message) string {
	if m.Code == "" {
		return c.quote(m.Quote)
	}
	to, ok := c.text(m.Code)
	if one, single := c.text(m.Code + ".one"); single && m.Args["n"] == "1" {
		to = one
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

// quote is what somebody has said, with who that is.
func (c *Catalogue) quote(q model.Quote) string {
	if q.Who == "" {
		return Clean(q.Words)
	}
	return c.Lookup("quote."+q.Who, "") + Clean(q.Words)
}

// join writes a piece of a sentence, with what stands where it meets the one
// before.
func join(b *strings.Builder, piece string) {
	b.WriteString(spaceBetween(b.String(), piece))
	b.WriteString(piece)
}
