package names

import (
	"strconv"
	"strings"
)

// Error is a refused name or list of names. Its text says what was refused, the
// rule, and an example that would do.
type Error struct {
	Field string // "domains" or "type": where a form shows it
	Name  string // as it was typed, not escaped; "" when the list as a whole is refused
	Rule  string // a clause, no full stop
	Hint  string // an example that would do
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Name != "" {
		b.WriteString(quote(e.Name) + ": ")
	}
	b.WriteString(e.Rule)
	if e.Hint != "" {
		b.WriteString("; for example " + e.Hint)
	}
	return b.String()
}

func refuse(name, rule, hint string) *Error {
	return &Error{Field: "domains", Name: name, Rule: rule, Hint: hint}
}

// quote shows what was typed, cut and with everything escaped that does not
// print, since errors end up on terminals.
func quote(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return strconv.Quote(s)
}
