package overview

import (
	"strconv"
	"strings"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// linesOf are the lines of a pane. Those of deployments say how long ago
// something was, and time passes.
func (d *details) linesOf(pane int) []line {
	if pane == paneResources && d.loaded {
		return d.places()
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
		v.Show(d.cursor[pane], d.cursor[pane]+1)
	}
}

// rest says how much of a pane is on the screen, and in the pane that is in use
// how to see the rest; "" when all of it is.
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

// paneSize is how high a pane is, and how many cells and lines there are in it.
func (d *details) paneSize(pane int) (h, in, room int) {
	h = d.height - d.headLines()
	if !d.four() {
		return h - 1, d.width - 2, h - 1
	}
	w, top := d.width/2, d.upper()
	if pane == paneResources || pane == paneHistory {
		w = d.width - w
	}
	if h -= top; pane == paneFacts || pane == paneResources {
		h = top
	}
	return h, w - 4, h - 2
}

// tabs are the names of the panes, and how to reach them.
func (d *details) tabs() string {
	s := d.c.Styles
	out := d.names().String()
	keys := d.c.T("pane.keys", d.c.KeyFor("previous-pane", "h"), d.c.KeyFor("next-pane", "l")) + " "
	if more := d.rest(d.pane); more != "" { // the footer names the others as well
		if both := more + "  " + keys; widget.Width(out)+widget.Width(both)+1 <= d.width {
			keys = both
		} else {
			keys = more + " "
		}
	}
	return widget.Spread(out, s.Paint(style.Muted, keys), d.width)
}

// names are those of the panes, each of which can be clicked on.
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

// paneView draws a pane of w cells, with a frame when there are several. Only
// the lines on the screen are painted.
func (d *details) paneView(pane, w int) string {
	s := d.c.Styles
	on, framed := pane == d.pane, d.four()
	h, in, room := d.paneSize(pane)
	ls, v := d.linesOf(pane), d.views[pane]
	drawn := make([]widget.Row, len(ls))
	for n := v.Top(); n < min(v.Top()+room, len(ls)); n++ {
		paint := s.Paint
		if on && n == d.cursor[pane] {
			paint = s.PaintOn
		}
		text, left := "", in
		for _, sp := range ls[n].spans {
			t := widget.Cut(clean(sp.Text), left)
			left -= widget.Width(t)
			text += paint(sp.Tone, t)
		}
		if on && n == d.cursor[pane] {
			text += paint(style.Plain, widget.Space(left))
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

// upper is how many lines the two upper panes have.
func (d *details) upper() int {
	return min((d.height-d.headLines())*11/20, max(len(d.lines[paneFacts]), len(d.lines[paneResources]))+2)
}

// four says whether all panes fit beside each other.
func (d *details) four() bool { return d.width >= 110 && d.height >= 24 }
