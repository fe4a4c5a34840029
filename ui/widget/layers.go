package widget

import (
	"slices"
	"strings"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
)

// Part is a piece of a line, painted. One with an ID can be clicked on.
type Part struct {
	ID        string
	Text      string
	ReadAloud string // what a screen reader is told instead of the text
	HasCursor bool   // the cursor is here
}

// Row is a line of parts.
type Row []Part

// Rows are lines on which nothing can be clicked.
func Rows(lines ...string) []Row {
	rows := make([]Row, len(lines))
	for n, l := range lines {
		rows[n] = Row{{Text: l}}
	}
	return rows
}

// String is the line as it is drawn.
func (r Row) String() string {
	if len(r) == 1 {
		return r[0].Text
	}
	var b strings.Builder
	for _, p := range r {
		b.WriteString(p.Text)
	}
	return b.String()
}

// ReadOut is the line as it is said to a screen reader, in whose sessions texts
// have neither colours nor marks: the parts that say something, one after
// another, as say writes lists.
func (r Row) ReadOut(say translate) string {
	out := ""
	for _, p := range r {
		t := p.ReadAloud
		if t == "" {
			t = strings.Join(strings.Fields(p.Text), " ")
		}
		if t == "" {
			continue
		}
		if p.HasCursor {
			t = say("plain.selected") + say("colon") + t
		}
		switch last, _ := utf8.DecodeLastRuneInString(out); {
		case out == "":
			out = t
		case strings.ContainsRune(".,:;?!。，：；？！", last):
			out = JoinCJK(out, t)
		default:
			out += say("comma") + t
		}
	}
	return out
}

// HasCursor says whether the cursor is in the line.
func (r Row) HasCursor() bool {
	return slices.ContainsFunc(r, func(p Part) bool { return p.HasCursor })
}

// SpreadRow puts left and right at the two ends of n cells, as [Spread] does.
func SpreadRow(left, right Row, n int) Row {
	l, r := Width(left.String()), Width(right.String())
	if l+r+1 > n {
		return left
	}
	return append(append(left[:len(left):len(left)], Part{Text: Space(n - l - r)}), right...)
}

// Heights of layers: a box stands above the page, and what can be clicked on
// above that on which it stands.
const (
	boxZ  = 1
	partZ = 2
)

// Layers are the parts that can be clicked on as layers with their IDs, of a row
// that begins at a cell and has room for n. Parts with one ID that follow one
// another are one layer.
func (r Row) Layers(x, y, n int) []*lipgloss.Layer {
	var ls []*lipgloss.Layer
	for i := 0; i < len(r) && n > 0; {
		id, text := r[i].ID, r[i].Text
		for i++; i < len(r) && r[i].ID == id; i++ {
			text += r[i].Text
		}
		if id != "" && text != "" {
			ls = append(ls, lipgloss.NewLayer(Cut(text, n)).ID(id).X(x).Y(y).Z(partZ))
		}
		w := Width(text)
		x, n = x+w, n-w
	}
	return ls
}

// ClickArea is a layer of blank cells that can be clicked on, for what is drawn as a
// whole.
func ClickArea(id string, x, y, w, h int) *lipgloss.Layer {
	return lipgloss.NewLayer(Fill("", w, h)).ID(id).X(x).Y(y).Z(partZ)
}

// BoxID is the ID of what a dialog draws, where nothing in it can be clicked on.
const BoxID = "box"

// BoxLayer is a [Box] around rows as a layer, with what can be clicked on in it.
func BoxLayer(s *style.Styles, edge style.Tone, title string, rows []Row, w, h int) *lipgloss.Layer {
	w, rows = max(w, 6), rows[:min(len(rows), max(h-2, 0))]
	lines := make([]string, len(rows))
	var parts []*lipgloss.Layer
	for y, r := range rows {
		lines[y] = r.String()
		parts = append(parts, r.Layers(2, y+1, w-4)...)
	}
	return lipgloss.NewLayer(Box(s, edge, title, lines, w, h), parts...).ID(BoxID).Z(boxZ)
}

// minSideWidth is how many cells of a screen beside a box say something; fewer
// would be scraps of words.
const minSideWidth = 8

// Centre puts a layer into the middle of a screen of w cells by h lines.
func Centre(l *lipgloss.Layer, w, h int) *lipgloss.Layer {
	return l.X(max(w-l.Width(), 0) / 2).Y(max(h-l.Height(), 0) / 2)
}

// Overlay draws a layer over a screen of w cells by h lines. The screen behind
// loses its colours, so that the eye goes to the layer; where fewer than eight
// cells of it would be left at a side, they stay blank.
//
// A compositor would draw both, by way of a cell for each character of the screen.
// That takes 1.5 ms for each key in a dialog at 120 by 40, this 0.3 ms, of 0.7 in
// all (BenchmarkDialogKey). It tells what was clicked on, which is seldom.
func Overlay(s *style.Styles, screen string, l *lipgloss.Layer, w, h int) string {
	back, box := strings.Split(Fill(ansi.Strip(screen), w, h), "\n"), strings.Split(l.GetContent(), "\n")
	x, bw := l.GetX(), min(l.Width(), w)
	for y, plain := range back {
		n := y - l.GetY()
		if n < 0 || n >= len(box) {
			back[y] = s.Paint(style.Faint, plain)
			continue
		}
		left, right := "", ""
		if x >= minSideWidth {
			left = ansi.Cut(plain, 0, x)
		}
		if w-x-bw >= minSideWidth {
			right = cutFrom(plain, x+bw, w)
		}
		back[y] = s.Paint(style.Faint, Pad(left, x)) + Pad(box[n], bw) + s.Paint(style.Faint, Pad(right, w-x-bw))
	}
	return strings.Join(back, "\n")
}

// cutFrom is what stands from a cell on. Of a wide character that begins before
// it, a blank is left, so that what follows keeps its place.
func cutFrom(plain string, x, w int) string {
	s := ansi.Cut(plain, x, w)
	if Width(s) > w-x && s != "" {
		_, size := utf8.DecodeRuneInString(s)
		s = " " + s[size:]
	}
	return s
}
