package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes foreign text (names, errors of a CA or a server, user names) safe to
// draw: control characters, and characters that reorder or hide other text, are
// replaced by visible escapes. The result is one line. Clean text is returned
// unchanged, without a copy.
func Clean(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			clean = isKnownSafe(s[i:])
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unsafeRune(r):
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// isKnownSafe reports whether text consists of ASCII, Han characters and the signs of
// this interface, as most drawn text does.
func isKnownSafe(s string) bool {
	for _, r := range s {
		switch {
		case r >= 0x20 && r < 0x7f, r >= 0x2190 && r < 0x2800, r >= 0x4e00 && r < 0xa000, r == '–', r == '…', r == '·':
		default:
			return false
		}
	}
	return true
}

// unsafeRune reports whether a rune reorders, hides or breaks the text around it:
// bidirectional controls, zero-width and format characters, line separators, tags and
// private use.
func unsafeRune(r rune) bool {
	switch {
	case r == 0x200d: // the joiner of emoji is harmless
		return false
	case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs):
		return true
	case r >= 0xfff0 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

// Lines is [Clean] for text of several lines, which line feeds separate.
func Lines(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = Clean(l)
	}
	return lines
}
