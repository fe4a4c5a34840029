package tape

import (
	"image/color"
	"slices"
	"strings"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Attr are attributes of a cell, or-ed.
type Attr uint16

// The attributes that are drawn.
const (
	Bold Attr = 1 << iota
	Faint
	Italic
	Reverse
	Conceal
	Strike
)

// Underline is the kind of line below a cell.
type Underline uint8

// The lines that are drawn.
const (
	NoLine Underline = iota
	SingleLine
	DoubleLine
	CurlyLine
	DottedLine
	DashedLine
)

// Color is the terminal's own colour (zero), one of the palette of 256, or a
// colour of 24 bits.
type Color uint32

const (
	inPalette Color = 1 << 24
	inFull    Color = 2 << 24
)

// Indexed is a colour of the palette.
func Indexed(i uint8) Color { return inPalette | Color(i) }

// RGB is a colour of 24 bits.
func RGB(r, g, b uint8) Color { return inFull | Color(r)<<16 | Color(g)<<8 | Color(b) }

// colorOf is what the emulator calls a colour.
func colorOf(c color.Color) Color {
	switch c := c.(type) {
	case nil:
		return 0
	case ansi.BasicColor:
		return Indexed(uint8(c))
	case ansi.IndexedColor:
		return Indexed(uint8(c))
	}
	r, g, b, _ := c.RGBA()
	return RGB(uint8(r>>8), uint8(g>>8), uint8(b>>8))
}

// Cell is one place of a screen. Width is 2 for wide characters, and 0 for the
// place that these cover as well.
type Cell struct {
	Text       string
	Width      uint8
	Attr       Attr
	Line       Underline
	Fg, Bg, Ul Color
}

// Frame is a screen at a time. Its rows are shared with other frames: they must
// not be changed.
type Frame struct {
	At   time.Duration // since the recording began
	Rows [][]Cell
	// Fg and Bg are what the program has made the terminal's own colours, or
	// zero.
	Fg, Bg Color
	// Cursor is where it is, when it is shown.
	X, Y   int
	Cursor bool
}

// same says whether two frames look the same, whatever their times.
func (f *Frame) same(o *Frame) bool {
	if f.Fg != o.Fg || f.Bg != o.Bg || f.Cursor != o.Cursor || f.Cursor && (f.X != o.X || f.Y != o.Y) || len(f.Rows) != len(o.Rows) {
		return false
	}
	for y := range f.Rows {
		if !sameRow(f.Rows[y], o.Rows[y]) {
			return false
		}
	}
	return true
}

func sameRow(a, b []Cell) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// Line is the text of a row without the spaces at its end.
func (f *Frame) Line(y int) string {
	var b strings.Builder
	for _, c := range f.Rows[y] {
		switch {
		case c.Width == 0:
		case c.Text == "":
			b.WriteByte(' ')
		default:
			b.WriteString(c.Text)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// Text is what a person reads: all lines, without empty ones at the end.
func (f *Frame) Text() string {
	lines := make([]string, len(f.Rows))
	for y := range f.Rows {
		lines[y] = f.Line(y)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Recording is what was seen while a tape was played. Frames are in order of
// time, each differs from the one before, and the last stays until End.
type Recording struct {
	Columns, Rows int
	Frames        []*Frame
	Shots         []Shot
	End           time.Duration
}

// Shot is a screen that Screenshot keeps.
type Shot struct {
	Path  string
	Frame *Frame
}

// add keeps a frame unless it looks like the last one, and shares its rows.
func (r *Recording) add(f *Frame) {
	if n := len(r.Frames); n > 0 {
		last := r.Frames[n-1]
		if f.same(last) {
			return
		}
		for y := range f.Rows {
			if y < len(last.Rows) && sameRow(f.Rows[y], last.Rows[y]) {
				f.Rows[y] = last.Rows[y]
			}
		}
	}
	r.Frames = append(r.Frames, f)
}

// look takes the screen of an emulator.
func look(e *vt.Emulator) *Frame {
	f := &Frame{Rows: make([][]Cell, e.Height())}
	for y := range f.Rows {
		row := make([]Cell, e.Width())
		for x := range row {
			row[x] = cellOf(e.CellAt(x, y))
		}
		f.Rows[y] = row
	}
	p := e.CursorPosition()
	f.X, f.Y = p.X, p.Y
	return f
}

var attrs = []struct {
	theirs uint8
	ours   Attr
}{{uv.AttrBold, Bold}, {uv.AttrFaint, Faint}, {uv.AttrItalic, Italic}, {uv.AttrReverse, Reverse}, {uv.AttrConceal, Conceal}, {uv.AttrStrikethrough, Strike}}

func cellOf(c *uv.Cell) Cell {
	if c == nil {
		return Cell{Text: " ", Width: 1}
	}
	out := Cell{
		Text: c.Content, Width: uint8(c.Width), Line: Underline(c.Style.Underline),
		Fg: colorOf(c.Style.Fg), Bg: colorOf(c.Style.Bg), Ul: colorOf(c.Style.UnderlineColor),
	}
	for _, a := range attrs {
		if c.Style.Attrs&a.theirs != 0 {
			out.Attr |= a.ours
		}
	}
	return out
}

// Still is the screen that a text leaves on a terminal: lines with colours as
// escape sequences, such as the goldens of an interface. The cursor is not
// shown.
func Still(text string, columns, rows int) *Frame {
	e := vt.NewEmulator(columns, rows)
	go func() { // answers to questions in the text are for nobody
		buf := make([]byte, 1<<10)
		for {
			if _, err := e.Read(buf); err != nil {
				return
			}
		}
	}()
	_, _ = e.WriteString(strings.ReplaceAll(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\r\n", "\n"), "\n", "\r\n"))
	f := look(e)
	hush(e)
	return f
}
