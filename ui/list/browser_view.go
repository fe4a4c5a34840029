package list

import (
	"strings"

	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// View draws the tab: its own first line, the filter line with the other filters and
// the count, and the table.
func (l *Browser[R]) View(first string, filters []string, count string) string {
	if l.width <= 0 || l.height <= 0 {
		return ""
	}
	s, c := l.c.Styles, l.c
	lines := []string{first, l.filterLine(filters, count), s.Paint(style.Faint, widget.Repeat("─", l.width))}
	switch {
	case !l.loaded:
		lines = append(lines, "  "+c.Loading())
	case l.Table.Total() == 0 && !l.filtered():
		lines = append(lines, "")
		for _, t := range widget.Wrap(c.T(l.source.EmptyList), min(l.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, t))
		}
	case l.Table.Total() == 0:
		lines = append(lines, "")
		for _, t := range widget.Wrap(l.emptyResult(), min(l.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, t))
		}
	default:
		lines = append(lines, l.Table.View(s))
	}
	return widget.Fill(strings.Join(lines, "\n"), l.width, l.height)
}

func (l *Browser[R]) emptyResult() string {
	if l.source.EmptyResult == nil {
		return l.c.T("list.none")
	}
	return l.source.EmptyResult()
}

// ReadOut is the tab for a screen reader: its first line, the filters, the count and
// the rows.
func (l *Browser[R]) ReadOut(first widget.Row, filters []string, count string, w, h int) app.ScreenText {
	c := l.c
	lines := widget.Wrap(first.ReadOut(c.T), w)
	say := strings.Join(append(filters[:len(filters):len(filters)], text.Clean(l.Text())), ", ")
	if say = strings.Trim(say, ", "); l.filtered() || l.typing {
		lines = append(lines, c.T("plain.filter", say))
	}
	at := len(lines) - 1
	switch {
	case !l.loaded:
		lines = append(lines, c.T("loading"))
	case l.Table.Total() == 0 && !l.filtered():
		lines = append(lines, widget.Wrap(c.T(l.source.EmptyList), w)...)
	case l.Table.Total() == 0:
		lines = append(lines, widget.Wrap(l.emptyResult(), w)...)
	default:
		lines = append(lines, count)
		if !l.typing {
			at = len(lines)
		}
		lines = append(lines, l.Table.ReadOut(c.T, w, h-len(lines))...)
	}
	s := app.ScreenText{Lines: lines, Y: max(min(at, len(lines)-1), 0)}
	if l.typing {
		s.X = max(widget.Width(lines[s.Y])-l.input.CursorOffset(), 0)
	}
	return s
}

func (l *Browser[R]) filterLine(filters []string, count string) string {
	s, c := l.c.Styles, l.c
	left := " " + s.Paint(style.Key, c.KeyFor("filter", "/")) + " " + s.Paint(style.Muted, c.T(l.source.FilterHint))
	switch {
	case l.typing:
		left = " " + s.Paint(style.Accent, "/ ") + l.input.View(s, l.width/3)
	case l.Text() != "":
		left = " " + s.Paint(style.Accent, "/ "+widget.Cut(text.Clean(l.Text()), l.width/3))
	}
	for _, f := range filters {
		left += "   " + s.Paint(style.Accent, f)
	}
	return widget.Spread(left, count+" ", l.width)
}

// Layers are the parts above the table that can be clicked on: those of the first
// line, and the filter line. A row of the table is found by its line instead.
func (l *Browser[R]) Layers(first widget.Row) []*lipgloss.Layer {
	return append(first.Layers(0, 0, l.width), widget.ClickArea(app.KeyID(l.c.KeyFor("filter", "/")), 0, HeadLines-2, l.width, 1))
}
