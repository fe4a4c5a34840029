package overview

import (
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// place is where a pane is, with its frame, below the head.
type place struct{ x, y, w, h int }

// row is one row of a pane: a line, or a part of one that is wrapped.
type row struct {
	line  int
	first bool // the first row of its line, which has the lead
	spans []widget.Span
}

// Sizes from which on all panes are shown at once, in two columns or three.
const (
	twoColumns   = 110
	threeColumns = 220
	allPanes     = 24 // lines
	roomyHeight  = 30 // lines from which on a blank one precedes the panes
)

// showsAllPanes reports whether all panes are on the screen.
func (d *details) showsAllPanes() bool {
	return !d.zoomed && d.width >= twoColumns && d.height >= allPanes
}

// columns are the panes by columns, from the left.
func (d *details) columns() [][]int {
	if d.width >= threeColumns {
		return [][]int{{paneFacts, paneVersions}, {paneResources, paneChain}, {paneHistory}}
	}
	return [][]int{{paneFacts, paneVersions}, {paneResources, paneChain, paneHistory}}
}

// arrange gives each pane its place: as high as its wrapped lines, and where those do
// not all fit, an equal share of what the shorter ones leave.
func (d *details) arrange() {
	d.places, d.explanation, d.headHeight = [panes]place{}, place{}, d.headLines()
	if !d.showsAllPanes() {
		d.places[d.pane] = place{0, 1, d.width, max(d.height-d.headHeight-1, 0)} // below the names of the panes
		d.fillRows(d.pane)
		return
	}
	var most place
	columns, x, room := d.columns(), 0, d.height-d.headHeight
	for n, column := range columns {
		w := (d.width - x) / (len(columns) - n)
		wants, left := make([]int, len(column)), room
		for k, pane := range column {
			wants[k] = d.wrappedHeight(pane, w-4) + 2
			left -= wants[k]
		}
		if k, strip := slices.Index(column, paneResources), d.strip(w-4); k >= 0 && len(strip) > 0 && len(strip) < left {
			d.lines[paneResources] = append(append(d.lines[paneResources], line{}), strip...)
			wants[k] += len(strip) + 1
		}
		y := 0
		for k, h := range shares(wants, room) {
			d.places[column[k]] = place{x, y, w, h}
			d.fillRows(column[k])
			y += h
		}
		if room-y > most.h {
			most = place{x, y, w, room - y}
		}
		x += w
	}
	d.placeExplanation(most)
}

// placeExplanation puts the explanation of the state where the most room is left, if all
// of it fits there.
func (d *details) placeExplanation(at place) {
	var rows []string
	for n, part := range d.explained {
		if n > 0 {
			rows = append(rows, "")
		}
		if part.Head != "" {
			rows = append(rows, d.c.Styles.Paint(style.Head, part.Head))
		}
		for _, l := range part.Lines {
			for _, wrapped := range widget.Wrap(clean(l), at.w-4) {
				rows = append(rows, d.c.Styles.Paint(part.Tone, wrapped))
			}
		}
	}
	if len(rows) > 0 && len(rows)+2 <= at.h {
		at.h = len(rows) + 2
		d.explanation, d.explainedRows = at, rows
	}
}

func (d *details) wrappedHeight(pane, in int) int {
	n := 0
	for k := range d.lines[pane] {
		n += len(d.lines[pane][k].wrapped(in))
	}
	return n
}

// shares divides room among those who want some of it: who wants less than an equal
// share gets that, and the others share the rest.
func shares(wants []int, room int) []int {
	got := make([]int, len(wants))
	order := make([]int, len(wants))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return wants[a] - wants[b] })
	for n, k := range order {
		got[k] = min(wants[k], room/(len(order)-n))
		room -= got[k]
	}
	return got
}

// fillRows wraps the lines of a pane while there is room: what is urgent in any case,
// the others from the top.
func (d *details) fillRows(pane int) {
	_, in, room := d.paneSize(pane)
	lines := d.lines[pane]
	all := make([][][]widget.Span, len(lines))
	left := room
	for n := range lines {
		if all[n] = lines[n].wrapped(in); lines[n].urgent {
			left -= len(all[n])
		} else {
			left--
		}
	}
	d.rows[pane] = d.rows[pane][:0]
	for n, wrapped := range all {
		if more := len(wrapped) - 1; more > 0 && !lines[n].urgent {
			if more > left {
				wrapped = [][]widget.Span{lines[n].spans} // cut where it is drawn
			} else {
				left -= more
			}
		}
		for k, spans := range wrapped {
			d.rows[pane] = append(d.rows[pane], row{n, k == 0, spans})
		}
	}
}

// settle keeps the cursor of each pane among its lines and on the screen.
func (d *details) settle() {
	if d.views == nil {
		d.views = make([]widget.Scroll, panes)
	}
	for pane := range d.views {
		d.cursor[pane] = max(min(d.cursor[pane], len(d.lines[pane])-1), 0)
		if d.places[pane].h == 0 {
			continue
		}
		v, rows := &d.views[pane], d.rows[pane]
		_, in, room := d.paneSize(pane)
		v.Set(make([]widget.Row, len(rows)), in, room)
		from := slices.IndexFunc(rows, func(r row) bool { return r.line == d.cursor[pane] })
		to := from
		for to >= 0 && to < len(rows) && rows[to].line == d.cursor[pane] {
			to++
		}
		v.Reveal(max(from, 0), max(to, 0))
	}
}

// rest states which rows of a pane are visible and, in the focused pane, how to see
// the others; "" when all are.
func (d *details) rest(pane int) string {
	if d.views == nil {
		return ""
	}
	c, n, v := d.c, len(d.rows[pane]), &d.views[pane]
	switch _, _, room := d.paneSize(pane); {
	case n <= room || room <= 0:
		return ""
	case pane == d.pane:
		return c.T("pane.more.keys", v.Top()+room, n, c.KeyFor("down", "j"), c.KeyFor("up", "k"))
	default:
		return c.T("pane.more", v.Top()+room, n)
	}
}

// paneSize is the height of a pane, and the cells and rows inside it.
func (d *details) paneSize(pane int) (h, in, room int) {
	p := d.places[pane]
	if !d.showsAllPanes() { // without a frame
		return p.h, p.w - 2, p.h
	}
	return p.h, p.w - 4, max(p.h-2, 0)
}

// tabs are the names of the panes and the keys to reach them.
func (d *details) tabs() string {
	s := d.c.Styles
	out := d.names().String()
	keys := d.c.T("pane.keys", d.c.KeyFor("previous-pane", "h"), d.c.KeyFor("next-pane", "l")) + " "
	if more := d.rest(d.pane); more != "" { // the footer has the other keys too
		if both := more + "  " + keys; widget.Width(out)+widget.Width(both)+1 <= d.width {
			keys = both
		} else {
			keys = more + " "
		}
	}
	return widget.Spread(out, s.Paint(style.Muted, keys), d.width)
}

// names are the names of the panes. Each is clickable.
func (d *details) names() widget.Row {
	row := widget.Row{{Text: " "}}
	gap := "   "
	if d.width < 100 {
		gap = "  "
	}
	for i := range paneNames {
		tone, mark := style.Muted, ""
		if i == d.pane {
			tone, mark = style.Accent, "▸ "
		}
		if i > 0 {
			row = append(row, widget.Part{Text: gap})
		}
		row = append(row, widget.Part{ID: nameID + strconv.Itoa(i), Text: d.c.Styles.Paint(tone, mark+d.paneName(i))})
	}
	return row
}

// drawRow draws a row of a pane, in cells.
func (d *details) drawRow(pane int, r row, in int, selected bool) string {
	s, l := d.c.Styles, &d.lines[pane][r.line]
	paint := s.Paint
	if selected {
		paint = s.PaintSelected
	}
	if l.drawn != "" {
		if !selected {
			return l.drawn
		}
		return paint(style.Normal, widget.Pad(ansi.Strip(l.drawn), in))
	}
	var b strings.Builder
	left, aside := in, ""
	lead := l.lead
	if !r.first {
		lead = []widget.Span{{Text: widget.Space(spansWidth(l.lead))}}
	} else if !l.seen.IsZero() {
		ago := widget.Ago(d.c.T, l.seen, d.c.Now)
		aside = d.c.T("resource.ago", ago)
		if long := d.c.T("resource.seen", ago); spansWidth(l.lead)+spansWidth(l.spans)+widget.Width(long)+2 <= in {
			aside = long
		}
		left -= widget.Width(aside) + 2
	}
	for _, spans := range [][]widget.Span{lead, r.spans} {
		for _, sp := range spans {
			t := widget.Cut(clean(sp.Text), left)
			left -= widget.Width(t)
			b.WriteString(paint(sp.Tone, t))
		}
	}
	if aside != "" {
		b.WriteString(paint(style.Normal, widget.Space(left+2)) + paint(style.Muted, aside))
	} else if selected {
		b.WriteString(paint(style.Normal, widget.Space(left)))
	}
	return b.String()
}

// paneView draws a pane, with a frame when there are several.
func (d *details) paneView(pane int) string {
	s := d.c.Styles
	on, framed := pane == d.pane, d.showsAllPanes()
	h, in, room := d.paneSize(pane)
	w, v, rows := d.places[pane].w, d.views[pane], d.rows[pane]
	out := make([]string, 0, room)
	for n := v.Top(); n < min(v.Top()+room, len(rows)); n++ {
		out = append(out, d.drawRow(pane, rows[n], in, on && rows[n].line == d.cursor[pane]))
	}
	if !framed {
		return widget.Fill(" "+strings.Join(out, "\n "), w, h)
	}
	edge, head := style.Faint, style.Head
	if on {
		edge, head = style.Accent, style.Accent
	}
	title := d.paneName(pane)
	if rest := d.rest(pane); rest != "" {
		title = widget.JoinCJK(title, rest)
	}
	for len(out) < room {
		out = append(out, "")
	}
	return widget.Box(s, edge, s.Paint(head, title), out, w, h)
}
