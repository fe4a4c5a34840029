package list

import (
	"strings"

	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// View draws the tab: its own first line, the filter line with the count, and the table.
func (l *Browser[R]) View(first, count string) string {
	if l.width <= 0 || l.height <= 0 {
		return ""
	}
	s, c := l.c.Styles, l.c
	lines := []string{first, l.filterLine(count), s.Paint(style.Faint, widget.Repeat("─", l.width))}
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
	head, rest := lines[:HeadLines-1], strings.Join(lines[HeadLines-1:], "\n")
	rest = l.search.Cover(rest, l.Table.Total() == 0, l.width, l.inputWidth())
	return widget.Fill(strings.Join(append(head[:len(head):len(head)], rest), "\n"), l.width, l.height)
}

// inputWidth is how many cells of the filter line a query may take.
func (l *Browser[R]) inputWidth() int { return l.width * 3 / 5 }

func (l *Browser[R]) emptyResult() string {
	if l.source.EmptyResult == nil {
		return l.c.T("list.none")
	}
	return l.source.EmptyResult()
}

// ReadOut is the tab for a screen reader: its first line, the filter, the count and the
// rows.
func (l *Browser[R]) ReadOut(first widget.Row, count string, w, h int) app.ScreenText {
	c := l.c
	lines := widget.Wrap(first.ReadOut(c.T), w)
	if l.filtered() || l.search.Typing() {
		lines = append(lines, c.T("plain.filter", text.Clean(l.search.Typed())))
	}
	at := len(lines) - 1
	if more := l.search.ReadOut(); more != "" {
		lines = append(lines, widget.Wrap(more, w)...)
	}
	switch {
	case !l.loaded:
		lines = append(lines, c.LoadingText())
	case l.Table.Total() == 0 && !l.filtered():
		lines = append(lines, widget.Wrap(c.T(l.source.EmptyList), w)...)
	case l.Table.Total() == 0:
		lines = append(lines, widget.Wrap(l.emptyResult(), w)...)
	default:
		if marked := l.markedText(); marked != "" {
			count = marked + c.T("comma") + count
		}
		lines = append(lines, count)
		if !l.search.Typing() {
			at = len(lines)
		}
		lines = append(lines, l.Table.ReadOut(c.T, w, h-len(lines))...)
	}
	s := app.ScreenText{Lines: lines, Y: max(min(at, len(lines)-1), 0)}
	if l.search.Typing() {
		s.X = max(widget.Width(lines[s.Y])-l.search.CursorOffset(), 0)
	}
	return s
}

func (l *Browser[R]) filterLine(count string) string {
	left := l.search.View(l.inputWidth(), l.source.FilterHint)
	if marked := l.markedText(); marked != "" {
		left += "   " + l.c.Styles.Paint(style.Accent, marked)
	}
	return widget.Spread(left, count+" ", l.width)
}

// Layers are the parts above the table that can be clicked on: those of the first
// line, and the filter line. A row of the table is found by its line instead.
func (l *Browser[R]) Layers(first widget.Row) []*lipgloss.Layer {
	return append(first.Layers(0, 0, l.width), widget.ClickArea(app.KeyID(l.c.KeyFor("filter", "/")), 0, HeadLines-2, l.width, 1))
}
