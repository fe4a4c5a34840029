package session

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text from outside (user names, TERM, what an SSH client says of
// itself, errors of servers) fit for a terminal and a log line: control
// characters, bytes that are no UTF-8, line breaks and marks that change the
// direction of text or take no room are shown as \x1b, \u202e and the like. At
// most limit runes of the text are kept and a cut is shown by "...".
func Escape(text string, limit int) string {
	var b strings.Builder
	for n := 0; len(text) > 0; n++ {
		if n == limit {
			b.WriteString("...")
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size <= 1, r < 0x20, r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r == '\\':
			b.WriteString(`\\`)
		case r != ' ' && !unicode.IsPrint(r):
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteRune(r)
		}
		text = text[size:]
	}
	return b.String()
}

// Legible is text from outside that is kept and shown again and again, as a
// name: what [Escape] would show as an escape is a replacement character, so
// that escaping the result does not change it but for backslashes. At most
// limit runes are kept.
func Legible(text string, limit int) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > limit {
			return -1
		}
		if r != ' ' && !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}
