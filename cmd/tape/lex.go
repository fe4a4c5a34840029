package tape

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind int

const (
	word   kind = iota // letters, digits and . - _ / %, or one of [ ] ^ \ =
	quoted             // between ", ' or `; there are no escapes
	regex              // between slashes
	object             // between braces, over lines if need be
	at
	plus
	end // of the line
)

// token is the smallest part of a script. Glued says that no space stands
// between it and the one before.
type token struct {
	kind  kind
	text  string
	line  int
	glued bool
}

// String is the token as an error shows it.
func (t token) String() string {
	if t.kind == end {
		return "the end of the line"
	}
	return fmt.Sprintf("%q", t.text)
}

// lexer cuts a script into tokens.
type lexer struct {
	file, rest string
	line       int
	errs       []error
}

func (l *lexer) fail(what, example string) {
	l.errs = append(l.errs, &Error{File: l.file, Line: l.line, What: what, Example: example})
}

const wordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/%"

// tokens is the whole script; each line ends in an end token. What is no token
// is noted as an error, and the line goes on after it.
func (l *lexer) tokens() []token {
	var all []token
	glued := false
	add := func(k kind, text string) {
		all = append(all, token{k, text, l.line, glued})
		glued = true
	}
	for l.line = 1; l.rest != ""; {
		switch c := l.rest[0]; {
		case c == '\n':
			add(end, "")
			l.line++
			l.rest, glued = l.rest[1:], false
		case c == ' ' || c == '\t' || c == '\r':
			l.rest, glued = l.rest[1:], false
		case c == '#':
			_, after, found := strings.Cut(l.rest, "\n")
			l.rest = after
			if found {
				l.rest = "\n" + after
			}
		case c == '@':
			l.rest = l.rest[1:]
			add(at, "@")
		case c == '+':
			l.rest = l.rest[1:]
			add(plus, "+")
		case c == '"' || c == '\'' || c == '`':
			add(quoted, l.until(c, "the quote is not closed", `Type "text"`))
		case c == '/':
			add(regex, l.until(c, "the regular expression is not closed; a path that begins with a slash needs quotes", "Wait /ready/"))
		case c == '{':
			at := l.line
			text := l.object()
			all = append(all, token{object, text, at, glued})
		case strings.IndexByte(wordChars, c) >= 0:
			n := len(l.rest) - len(strings.TrimLeft(l.rest, wordChars))
			add(word, l.rest[:n])
			l.rest = l.rest[n:]
		case strings.IndexByte(`[]^\=`, c) >= 0:
			add(word, l.rest[:1])
			l.rest = l.rest[1:]
		default:
			r, n := utf8.DecodeRuneInString(l.rest)
			l.fail(fmt.Sprintf("%q must stand in quotes", r), `Type "text"`)
			l.rest, glued = l.rest[n:], true
		}
	}
	add(end, "")
	return all
}

// until is what stands before the next closing character on the line. In a
// regular expression a backslash keeps the slash after it.
func (l *lexer) until(closing byte, what, example string) string {
	for i := 1; i < len(l.rest); i++ {
		switch c := l.rest[i]; {
		case c == '\n':
			text := l.rest[1:i]
			l.fail(what, example)
			l.rest = l.rest[i:]
			return text
		case c == '\\' && closing == '/' && i+1 < len(l.rest) && l.rest[i+1] != '\n':
			i++
		case c == closing:
			text := l.rest[1:i]
			l.rest = l.rest[i+1:]
			return text
		}
	}
	l.fail(what, example)
	text := l.rest[1:]
	l.rest = ""
	return text
}

// object is a JSON object without objects in it: a theme.
func (l *lexer) object() string {
	i := strings.IndexByte(l.rest, '}')
	if i < 0 {
		l.fail("the brace is not closed", `Set Theme { "background": "#000000" }`)
		i = len(l.rest) - 1
	}
	text := l.rest[:i+1]
	l.rest = l.rest[i+1:]
	l.line += strings.Count(text, "\n")
	return text
}
