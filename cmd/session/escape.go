package session

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes untrusted text (user names, TERM, SSH client versions, errors of
// servers) safe for a terminal and a log line: control characters, invalid UTF-8, line
// breaks, and invisible or direction-changing characters are replaced by escapes such
// as \x1b and \u202e. It keeps at most limit runes and marks a cut with "...".
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

// Legible makes untrusted text safe for repeated display, as a name: it replaces what
// [Escape] would escape by U+FFFD, so that escaping the result changes only
// backslashes. It keeps at most limit runes.
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
