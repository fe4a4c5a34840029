package chart

import (
	"certquay/ui/style"
	"certquay/ui/widget"
)

// MatrixCell is how many there are in a row and column, and the worst status of them.
type MatrixCell struct {
	N      int
	Status style.Status
}

// MatrixHead draws the heads of the columns of a matrix that fit into w cells, each at the
// place of its cells, and how many do not.
func MatrixHead(s *style.Styles, heads []string, w int) (line string, hidden int) {
	shown := matrixColumns(heads, w)
	for _, h := range heads[:shown] {
		line += s.Paint(style.Head, widget.Pad(h, matrixWidth(h))) + " "
	}
	return line, len(heads) - shown
}

// MatrixRow draws the cells of a row: for each column glyph and number, or a dot.
func MatrixRow(s *style.Styles, heads []string, cells []MatrixCell, w int) (line string) {
	for n := range matrixColumns(heads, w) {
		text, tone := "·", style.Faint
		if c := cells[n]; c.N > 0 {
			text, tone = c.Status.Glyph+" "+widget.Count(c.N), c.Status.Tone
		}
		line += s.Paint(tone, widget.Pad(text, matrixWidth(heads[n]))) + " "
	}
	return line
}

// matrixWidth is the width of a column: that of its head, or of a number of three digits.
func matrixWidth(head string) int { return max(widget.Width(head), 5) }

func matrixColumns(heads []string, w int) (n int) {
	for _, h := range heads {
		if w -= matrixWidth(h) + 1; w < 0 {
			return n
		}
		n++
	}
	return n
}
