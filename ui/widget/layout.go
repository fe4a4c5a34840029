// Package widget draws the parts of pages. All sizes are in terminal cells; no result
// is wider or higher than requested.
package widget

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Width returns the width of a text in cells, without styling.
func Width(s string) int {
	n := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c >= 0x20 && c < 0x7f:
			n++
			i++
		case c == 0x1b && i+1 < len(s) && s[i+1] == '[': // a styling sequence ends with m
			end := strings.IndexByte(s[i:], 'm')
			if end < 0 {
				return ansi.StringWidth(s)
			}
			i += end + 1
		case c < 0x80:
			return ansi.StringWidth(s)
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !isNarrowRune(r) {
				return ansi.StringWidth(s)
			}
			n++
			i += size
		}
	}
	return n
}

// isNarrowRune reports whether a rune is one cell wide and joins no other, for Latin
// letters and the signs of this interface. It saves most texts the search for grapheme
// clusters, which is most of the cost of measuring.
func isNarrowRune(r rune) bool {
	switch {
	case r >= 0xa1 && r <= 0x17f:
		return r != 0xad
	case r >= 0x2013 && r <= 0x2026, r == 0x2039, r == 0x203a:
		return true
	case r >= 0x2190 && r <= 0x2193, r >= 0x2500 && r <= 0x259f:
		return true
	}
	switch r {
	case '●', '◔', '▲', '◇', '⊗', '✕', '✗', '✓', '▸':
		return true
	}
	return false
}

// Cut shortens a text to at most n cells, with an ellipsis when it is cut.
func Cut(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if len(s) <= n || Width(s) <= n {
		return s
	}
	return ansi.Truncate(s, n, "…")
}

// Pad makes a text exactly n cells wide, cutting or filling on the right.
func Pad(s string, n int) string {
	s = Cut(s, n)
	if w := Width(s); w < n {
		return s + Space(n-w)
	}
	return s
}

// PadLeft makes a text exactly n cells wide, filling on the left.
func PadLeft(s string, n int) string {
	s = Cut(s, n)
	if w := Width(s); w < n {
		return Space(n-w) + s
	}
	return s
}

var spaces = strings.Repeat(" ", 128)

// Space returns n blanks; "" if n is negative.
func Space(n int) string {
	switch {
	case n <= 0:
		return ""
	case n <= len(spaces):
		return spaces[:n]
	}
	return strings.Repeat(" ", n)
}

// Repeat returns s n times; "" if n is negative.
func Repeat(s string, n int) string { return strings.Repeat(s, max(n, 0)) }

// Spread puts left and right at the two ends of n cells. If both do not fit, right is
// dropped, then left is cut.
func Spread(left, right string, n int) string {
	l, r := Width(left), Width(right)
	if l+r+1 > n {
		return Pad(left, n)
	}
	return left + Space(n-l-r) + right
}

// Span is a piece of text with a tone.
type Span struct {
	Tone style.Tone
	Text string
}

// Line paints and cleans spans, one after another.
func Line(s *style.Styles, spans ...Span) string {
	var b strings.Builder
	for _, p := range spans {
		b.WriteString(s.Paint(p.Tone, text.Clean(p.Text)))
	}
	return b.String()
}

// Fill makes a block exactly h lines of exactly w cells.
func Fill(block string, w, h int) string {
	if h <= 0 {
		return ""
	}
	lines := strings.Split(block, "\n")
	out := make([]string, h)
	for i := range out {
		if i < len(lines) {
			out[i] = Pad(lines[i], w)
		} else {
			out[i] = Space(w)
		}
	}
	return strings.Join(out, "\n")
}

// Beside puts blocks next to each other, each filled to its width.
func Beside(h int, widths []int, blocks ...string) string {
	parts := make([][]string, len(blocks))
	for i, b := range blocks {
		parts[i] = strings.Split(Fill(b, widths[i], h), "\n")
	}
	var out strings.Builder
	for y := range h {
		if y > 0 {
			out.WriteByte('\n')
		}
		for i := range parts {
			out.WriteString(parts[i][y])
		}
	}
	return out.String()
}

// Box draws a rounded frame with a title around lines, w cells wide in all and
// at most h lines high; lines that do not fit are left out at the end.
func Box(s *style.Styles, edge style.Tone, title string, lines []string, w, h int) string {
	w = max(w, 6)
	lines = lines[:min(len(lines), max(h-2, 0))]
	title = Cut(title, w-6)
	var b strings.Builder
	if title == "" {
		b.WriteString(s.Paint(edge, "╭"+Repeat("─", w-2)+"╮"))
	} else {
		b.WriteString(s.Paint(edge, "╭─ ") + title + s.Paint(edge, " "+Repeat("─", w-5-Width(title))+"╮"))
	}
	for _, l := range lines {
		b.WriteString("\n" + s.Paint(edge, "│") + " " + Pad(l, w-4) + " " + s.Paint(edge, "│"))
	}
	b.WriteString("\n" + s.Paint(edge, "╰"+Repeat("─", w-2)+"╯"))
	return b.String()
}

// FitItems returns the lines of items, at most room of them, from the item with number
// from on, or from a later one so that the item at is among them. An item is whole or
// left out, unless it alone is longer than the room. y is the first line of at.
func FitItems(from, at, total, room int, item func(n int) []string) (lines []string, y int) {
	if room <= 0 || at >= total {
		return nil, 0
	}
	start, used := at, len(item(at))
	for start > from {
		if used += len(item(start - 1)); used > room {
			break
		}
		start--
	}
	for n := start; n < total; n++ {
		ls := item(n)
		if n > at && len(lines)+len(ls) > room {
			break
		}
		if n == at {
			y = len(lines)
		}
		lines = append(lines, ls...)
	}
	return lines[:min(len(lines), room)], y
}
