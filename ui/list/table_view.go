package list

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// View draws the head and the visible rows.
func (t *Table[T]) View(s *style.Styles) string {
	if t.width <= 0 || t.height <= 0 {
		return ""
	}
	var b strings.Builder
	b.Grow((t.height + 1) * (t.width + 60))
	b.WriteString("  ")
	used := 2
	for i, f := range t.fitted {
		c := &t.Columns[f.index]
		gap := 2
		if i == len(t.fitted)-1 {
			gap = 0
		}
		b.WriteString(s.Paint(style.Head, align(t.headOf(c, f.width), f.width, c.Right)))
		b.WriteString(widget.Space(gap))
		used += f.width + gap
	}
	b.WriteString(widget.Space(t.width - used))
	var kept drawnRows
	if t.CellsDependOn != nil && t.drawn.styles == s && t.drawn.on == t.CellsDependOn() {
		kept = t.drawn
	}
	for y := range t.VisibleRows() {
		b.WriteByte('\n')
		t.drawRow(&b, s, t.top+y, kept)
	}
	return b.String()
}

// headOf is the title of a column, with an arrow if the list is sorted by it: in a narrow
// column the end of the title makes room for that.
func (t *Table[T]) headOf(c *Column[T], width int) string {
	if c.Sort == "" || c.Sort != t.SortedBy {
		return c.Title
	}
	return ansi.Truncate(c.Title, max(width-2, 1), "") + " " + Arrow(t.Desc)
}

// Arrow shows whether an order is ascending or descending.
func Arrow(desc bool) string {
	if desc {
		return "↓"
	}
	return "↑"
}

// SortAt is the order that a click on cell x of the head asks for; "" for none.
func (t *Table[T]) SortAt(x int) string {
	at := 2
	for _, f := range t.fitted {
		if x >= at && x < at+f.width {
			return t.Columns[f.index].Sort
		}
		at += f.width + 2
	}
	return ""
}

func align(s string, w int, right bool) string {
	if right {
		return widget.PadLeft(s, w)
	}
	return widget.Pad(s, w)
}

func (t *Table[T]) flagged(r T) bool { return t.Flag != nil && t.Flag(r) }

func (t *Table[T]) drawRow(b *strings.Builder, s *style.Styles, n int, kept drawnRows) {
	if n >= t.total {
		b.WriteString(widget.Space(t.width))
		return
	}
	r, ok := t.rowAt(n)
	if !ok { // on its way
		b.WriteString(s.Paint(style.Faint, widget.Pad("  ·", t.width)))
		return
	}
	paint := s.Paint
	if n == t.cursor && !t.Blurred {
		paint = s.PaintSelected
	}
	lead, tone := "  ", style.Normal
	switch marked := t.Marked[t.ID(r)]; {
	case marked: // the cursor's row has a background too
		lead, tone = "✓ ", style.Accent
	case t.flagged(r):
		lead, tone = "▲ ", style.Warn
	case n == t.cursor && t.Blurred:
		lead, tone = "▏ ", style.Muted
	case n == t.cursor:
		lead, tone = "▌ ", style.Accent
	}
	b.WriteString(paint(tone, lead))
	cells := ""
	if n != t.cursor || t.Blurred {
		cells = kept.of(n)
	}
	if cells == "" {
		t.drawCells(b, r, paint)
	}
	b.WriteString(cells)
}

// drawCells draws a row without its lead.
func (t *Table[T]) drawCells(b *strings.Builder, r T, paint func(style.Tone, string) string) {
	used, before := 2, style.Normal
	for i, f := range t.fitted {
		c, gap := &t.Columns[f.index], 2
		if i == len(t.fitted)-1 {
			gap = 0
		}
		// The gap, and a cell with nothing in it, have the tone of the cell before: one more
		// change of style in a row is ten bytes over SSH each time the cursor comes and goes.
		cell := c.Cell(r, f.scale)
		said := widget.Cut(text.Clean(cell.Text), f.width)
		if said == "" {
			cell.Tone = before
		}
		left, right := 0, f.width-widget.Width(said)
		if c.Right {
			left, right = right, 0
		}
		if len(cell.Then) > 0 {
			b.WriteString(paint(cell.Tone, said))
			for _, part := range cell.Then {
				more := widget.Cut(text.Clean(part.Text), right)
				b.WriteString(paint(part.Tone, more))
				right -= widget.Width(more)
			}
			said = ""
		}
		b.WriteString(paint(cell.Tone, widget.Space(left)+said+widget.Space(right+gap)))
		before = cell.Tone
		used += f.width + gap
	}
	b.WriteString(paint(style.Normal, widget.Space(t.width-used)))
}

// drawnRows are the cells of the visible rows as they were drawn last without the cursor.
type drawnRows struct {
	rows   []drawnRow // the row with number n is at n modulo its length
	styles *style.Styles
	on     any // what CellsDependOn returned then
}

type drawnRow struct {
	number int
	cells  string
}

// of returns the cells of the row with a number; "" if they are not kept.
func (d *drawnRows) of(n int) string {
	if len(d.rows) == 0 || d.rows[n%len(d.rows)].number != n {
		return ""
	}
	return d.rows[n%len(d.rows)].cells
}

// Keep draws the visible rows that are to be drawn, except that with the cursor, since View
// keeps nothing.
func (t *Table[T]) Keep(s *style.Styles) {
	visible := t.VisibleRows()
	if t.CellsDependOn == nil || visible == 0 {
		return
	}
	if on := t.CellsDependOn(); len(t.drawn.rows) != visible || t.drawn.styles != s || t.drawn.on != on {
		t.drawn = drawnRows{make([]drawnRow, visible), s, on}
	}
	for n := t.top; n < t.top+visible; n++ {
		r, held := t.rowAt(n)
		if !held || n == t.cursor && !t.Blurred || t.drawn.of(n) != "" {
			continue
		}
		var b strings.Builder
		b.Grow(2 * t.width)
		t.drawCells(&b, r, s.Paint)
		t.drawn.rows[n%visible] = drawnRow{n, b.String()}
	}
}
