package widget

import (
	"slices"
	"strings"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
)

// Part is a painted piece of a line. A part with an ID is clickable.
type Part struct {
	ID        string
	Text      string
	ReadAloud string // text for a screen reader, instead of Text
	HasCursor bool   // the cursor is in this part
}

// Row is a line made of parts.
type Row []Part

// Rows returns lines without clickable parts.
func Rows(lines ...string) []Row {
	rows := make([]Row, len(lines))
	for n, l := range lines {
		rows[n] = Row{{Text: l}}
	}
	return rows
}

// String returns the line as it is drawn.
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

// ReadOut returns the line for a screen reader, whose session has neither colours nor
// marks: the texts of its parts, separated as say separates lists.
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

// HasCursor reports whether the cursor is in the line.
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

// Heights of layers: a box is above the page, and a clickable part is above what
// contains it.
const (
	boxZ  = 1
	partZ = 2
)

// Layers returns the clickable parts as layers with their IDs, for a row at position x,
// y with n cells. Adjacent parts with the same ID are one layer.
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

// ClickArea is a blank clickable layer, for what is drawn as a whole.
func ClickArea(id string, x, y, w, h int) *lipgloss.Layer {
	return lipgloss.NewLayer(Fill("", w, h)).ID(id).X(x).Y(y).Z(partZ)
}

// BoxID is the ID of a dialog's box, hit where nothing in it is clickable.
const BoxID = "box"

// BoxLayer is a [Box] around rows as a layer, with its clickable parts.
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

// minSideWidth is the fewest cells beside a box that are drawn; fewer would show
// fragments of words.
const minSideWidth = 8

// Centre moves a layer to the middle of a screen of w by h cells.
func Centre(l *lipgloss.Layer, w, h int) *lipgloss.Layer {
	return l.X(max(w-l.Width(), 0) / 2).Y(max(h-l.Height(), 0) / 2)
}

// Overlay draws a layer over a screen of w by h cells. The screen behind loses its
// colours, so that the layer stands out; a side with fewer than eight visible cells
// stays blank.
//
// A lipgloss compositor could draw both, using a cell for each character of the screen.
// It takes 1.5 ms for each key in a dialog at 120x40, this 0.3 ms of 0.7 in all
// (BenchmarkDialogKey). It is used for finding what was clicked, which is rare.
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

// cutFrom returns the text from cell x on. A wide character that lies across x is
// replaced by a blank, so that the rest keeps its place.
func cutFrom(plain string, x, w int) string {
	s := ansi.Cut(plain, x, w)
	if Width(s) > w-x && s != "" {
		_, size := utf8.DecodeRuneInString(s)
		s = " " + s[size:]
	}
	return s
}
