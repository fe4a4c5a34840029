package widget

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Wrap breaks a clean text at words into lines of at most n cells.
func Wrap(s string, n int) []string {
	if n <= 0 {
		return nil
	}
	var lines []string
	for _, l := range text.Lines(s) {
		lines = append(lines, wrapLine(l, n)...)
	}
	return lines
}

// Punctuation that must not begin a line (closing) or end one (opening) in text
// without blanks.
const (
	closing = "。，、；：！？）》」』】〉”’"
	opening = "（《「『【〈“‘"
	ascii   = ",.;:!?)]}%"

	wideMarks = closing + opening
	noStart   = closing + ascii + "…" // which stands within a shortened name as well
)

// breakable splits a line into the pieces between which it may be broken: at blanks,
// and beside wide characters such as Chinese ones. A piece after a blank begins with
// that blank.
func breakable(l string) []string {
	var out []string
	for n, word := range strings.Fields(l) {
		start, last := 0, ""
		if n > 0 {
			word = " " + word
		}
		for at := 0; at < len(word); {
			_, size := utf8.DecodeRuneInString(word[at:])
			r := word[at : at+size]
			wide := size > 2 && Width(r) == 2 || strings.Contains(wideMarks, r)
			wasWide := len(last) > 2 && Width(last) == 2 || last != "" && strings.Contains(wideMarks, last)
			if at > start && last != " " && (wide || wasWide) && !strings.Contains(noStart, r) && !strings.Contains(opening, last) {
				out, start = append(out, word[start:at]), at
			}
			last = r
			at += size
		}
		out = append(out, word[start:])
	}
	return out
}

// wrapLine breaks at blanks and between wide characters only: commands, names and
// addresses stay whole, so that they can be copied. Only a word longer than the line is
// cut. Lines after the first are indented as it is.
func wrapLine(l string, n int) []string {
	if Width(l) <= n {
		return []string{l}
	}
	var lines []string
	indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
	line, hang := indent, indent
	if strings.HasPrefix(l[len(indent):], "• ") { // indent the lines after a bullet
		hang += "  "
	}
	if Width(hang) > n/2 { // a narrow line is for the text
		hang = ""
	}
	for _, piece := range breakable(l) {
		if strings.TrimSpace(line) != "" && Width(line)+Width(piece) > n {
			lines, line = append(lines, line), hang
		}
		if strings.TrimSpace(line) == "" {
			piece = strings.TrimPrefix(piece, " ")
		}
		line += piece
		for Width(line) > n {
			head := ansi.Truncate(line, n, "")
			if head == "" {
				break
			}
			lines, line = append(lines, head), hang+line[len(head):]
		}
	}
	return append(lines, line)
}

// WrapSpans breaks spans at words into lines of at most n cells. Blanks at the end of a
// span are dropped, and those at its beginning where a line is broken.
func WrapSpans(spans []Span, n int) [][]Span {
	if n <= 0 {
		return nil
	}
	var lines [][]Span
	var line []Span
	used := 0
	end := func() { lines, line, used = append(lines, line), nil, 0 }
	put := func(t style.Tone, piece string) {
		if k := len(line) - 1; k >= 0 && line[k].Tone == t {
			line[k].Text += piece
		} else {
			line = append(line, Span{t, piece})
		}
		used += Width(piece)
	}
	for _, sp := range spans {
		clean := text.Clean(sp.Text)
		for i, piece := range breakable(clean) {
			if i == 0 { // breakable keeps no blanks before the first word
				piece = clean[:len(clean)-len(strings.TrimLeft(clean, " "))] + piece
			}
			if used > 0 && used+Width(piece) > n {
				end()
				piece = strings.TrimLeft(piece, " ")
			}
			for Width(piece) > n {
				head := ansi.Truncate(piece, n, "")
				if head == "" {
					break
				}
				put(sp.Tone, head)
				end()
				piece = piece[len(head):]
			}
			put(sp.Tone, piece)
		}
	}
	if used > 0 || len(lines) == 0 {
		end()
	}
	return lines
}

// CJKSpace returns the separator between two texts: a blank, or "" beside full-width
// punctuation, which contains its own space.
func CJKSpace(before, after string) string {
	l, _ := utf8.DecodeLastRuneInString(ansi.Strip(before))
	r, _ := utf8.DecodeRuneInString(ansi.Strip(after))
	if strings.ContainsRune("，。；：！？）、…", l) || strings.ContainsRune("（", r) {
		return ""
	}
	return " "
}

// JoinCJK joins two texts with a [CJKSpace]; more may be "".
func JoinCJK(first, more string) string {
	if more == "" {
		return first
	}
	return first + CJKSpace(first, more) + more
}
