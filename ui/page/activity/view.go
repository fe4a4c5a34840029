package activity

import (
	"strings"

	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Layers implements app.Clickable: the line of the filter and the days of the picture.
func (p *page) Layers() []*lipgloss.Layer {
	return append(p.dayLayers(), widget.ClickArea(app.KeyID(p.c.KeyFor("filter", "/")), 0, 0, p.width, 1))
}

func (p *page) View() string {
	if p.width <= 0 || p.height <= 0 {
		return ""
	}
	s, c := p.c.Styles, p.c
	left := " " + s.Paint(style.Key, c.KeyFor("filter", "/")) + " " + s.Paint(style.Muted, c.T("filter.hint.activity"))
	switch {
	case p.typing:
		left = " " + s.Paint(style.Accent, "/ ") + p.input.View(s, p.width/3)
	case p.input.Value() != "":
		left = " " + s.Paint(style.Accent, "/ "+widget.Cut(text.Clean(p.input.Value()), p.width/3))
	}
	if p.query.wrong != "" && !p.typing {
		left += "  " + s.Paint(style.Warn, c.Mark("▲")+c.T("activity.wrong", clean(p.query.wrong)))
	}
	right := s.Paint(
		style.Good, "●",
	) + " " + s.Paint(
		style.Muted, c.T("activity.live"),
	) + "   " + p.counted() + " "
	lines := append([]string{widget.Spread(left, right, p.width), s.Paint(style.Faint, widget.Repeat("─", p.width))}, p.picture()...)
	switch {
	case !p.loaded:
		lines = append(lines, "  "+c.Loading())
	case p.table.Total() == 0:
		lines = append(lines, "", "  "+s.Paint(style.Muted, c.T("activity.none")))
	default:
		lines = append(lines, p.table.View(s))
	}
	return widget.Fill(strings.Join(lines, "\n"), p.width, p.height)
}

// counted says how many events are listed, and whether there may be more.
func (p *page) counted() string {
	n := p.table.Total()
	if !p.complete {
		return p.c.T("activity.count", widget.Count(n)+"+")
	}
	return p.c.T("activity.count", widget.Count(n))
}

// ReadOut implements app.ScreenReader.
func (p *page) ReadOut(w, h int) app.ScreenText {
	c := p.c
	s := app.ScreenText{Lines: []string{p.counted()}}
	if p.typing || p.input.Value() != "" {
		s.Lines = append(s.Lines, c.T("plain.filter", text.Clean(p.input.Value())))
	}
	typed := len(s.Lines) - 1
	if p.query.wrong != "" && !p.typing {
		s.Lines = append(s.Lines, widget.Wrap(c.T("activity.wrong", clean(p.query.wrong)), w)...)
	}
	if said := p.daysReadOut(); said != "" {
		s.Lines = append(s.Lines, widget.Wrap(said, w)...)
	}
	switch {
	case !p.loaded:
		s.Lines = append(s.Lines, c.LoadingText())
	case p.table.Total() == 0:
		s.Lines = append(s.Lines, c.T("activity.none"))
	}
	switch s.Y = len(s.Lines); {
	case p.typing:
		s.Y = typed
		s.X = max(widget.Width(s.Lines[s.Y])-p.input.CursorOffset(), 0)
	case p.table.Total() == 0:
		s.Y--
		s.X = widget.Width(s.Lines[s.Y])
	}
	s.Lines = append(s.Lines, p.table.ReadOut(c.T, w, h-len(s.Lines))...)
	return s
}
