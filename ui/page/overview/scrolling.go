package overview

import (
	"strconv"
	"strings"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// linesOf returns the lines of a pane. Those of deployments are computed each time,
// since they show how long ago something was.
func (d *details) linesOf(pane int) []line {
	if pane == paneResources && d.loaded {
		return d.resourceLines()
	}
	return d.lines[pane]
}

// settle keeps the cursor of each pane among its lines and on the screen.
func (d *details) settle() {
	if d.views == nil {
		d.views = make([]widget.Scroll, panes)
	}
	for pane := range d.views {
		n, v := len(d.lines[pane]), &d.views[pane]
		d.cursor[pane] = max(min(d.cursor[pane], n-1), 0)
		_, in, room := d.paneSize(pane)
		v.Set(make([]widget.Row, n), in, room)
		v.Reveal(d.cursor[pane], d.cursor[pane]+1)
	}
}

// rest states which lines of a pane are visible and, in the focused pane, how to see
// the others; "" when all are.
func (d *details) rest(pane int) string {
	if d.views == nil {
		return ""
	}
	c, n, v := d.c, len(d.lines[pane]), &d.views[pane]
	switch _, _, room := d.paneSize(pane); {
	case n <= room || room <= 0:
		return ""
	case pane == d.pane:
		return c.T("pane.more.keys", v.Top()+room, n, c.KeyFor("down", "j"), c.KeyFor("up", "k"))
	default:
		return c.T("pane.more", v.Top()+room, n)
	}
}

// paneSize is the height of a pane, and the cells and lines inside it.
func (d *details) paneSize(pane int) (h, in, room int) {
	h = d.height - d.headLines()
	if !d.showsAllPanes() {
		return h - 1, d.width - 2, h - 1
	}
	w, top := d.width/2, d.upperHeight()
	if pane == paneResources || pane == paneHistory {
		w = d.width - w
	}
	if h -= top; pane == paneFacts || pane == paneResources {
		h = top
	}
	return h, w - 4, h - 2
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
	for i := range paneNames {
		tone, mark := style.Muted, ""
		if i == d.pane {
			tone, mark = style.Accent, "▸ "
		}
		if i > 0 {
			row = append(row, widget.Part{Text: "   "})
		}
		row = append(row, widget.Part{ID: nameID + strconv.Itoa(i), Text: d.c.Styles.Paint(tone, mark+d.paneName(i))})
	}
	return row
}

// paneView draws a pane w cells wide, with a frame when there are several.
func (d *details) paneView(pane, w int) string {
	s := d.c.Styles
	on, framed := pane == d.pane, d.showsAllPanes()
	h, in, room := d.paneSize(pane)
	ls, v := d.linesOf(pane), d.views[pane]
	drawn := make([]widget.Row, len(ls))
	for n := v.Top(); n < min(v.Top()+room, len(ls)); n++ {
		paint := s.Paint
		if on && n == d.cursor[pane] {
			paint = s.PaintSelected
		}
		text, left := "", in
		for _, sp := range ls[n].spans {
			t := widget.Cut(clean(sp.Text), left)
			left -= widget.Width(t)
			text += paint(sp.Tone, t)
		}
		if on && n == d.cursor[pane] {
			text += paint(style.Normal, widget.Space(left))
		}
		drawn[n] = widget.Row{{Text: text}}
	}
	v.Set(drawn, in, room)
	out := v.Lines()
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

// upperHeight is the height of the two upper panes.
func (d *details) upperHeight() int {
	return min((d.height-d.headLines())*11/20, max(len(d.lines[paneFacts]), len(d.lines[paneResources]))+2)
}

// showsAllPanes reports whether all panes fit on the screen.
func (d *details) showsAllPanes() bool { return d.width >= 110 && d.height >= 24 }
