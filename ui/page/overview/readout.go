package overview

import (
	"strconv"
	"strings"

	"certquay/ui/app"
	"certquay/ui/widget"
)

// ReadOut implements app.ScreenReader.
func (p *page) ReadOut(w, h int) app.ScreenText {
	c := p.c
	switch {
	case p.details != nil:
		return p.details.readOut(w, h)
	case !p.loaded:
		return app.ScreenText{Lines: []string{c.LoadingText()}}
	case p.empty():
		return c.ReadOut("", p.welcome(w), w, h)
	}
	var s app.ScreenText
	add := func(line string) { s.Lines = append(s.Lines, widget.Wrap(line, w)...) }
	add(strings.TrimSpace(c.T("band.state")) + c.T("colon") + strings.Join(p.stateParts(), c.T("comma")))
	add(strings.TrimSpace(c.T("band.now")) + c.T("colon") + strings.Join(p.derivedParts(), c.T("comma")))
	add(p.tasksRow(4 * w).ReadOut(c.T))
	if h >= 16 {
		add(p.weeks())
	}
	listed := c.T(
		"list.count", widget.Count(p.table.Total()), widget.Count(p.counts.All),
	) + c.T(
		"comma",
	) + p.c.T("plain.order."+strconv.FormatBool(p.query.Desc), c.T("order."+string(p.order().Sort)))
	if name := p.viewName(); name != "" {
		listed += c.T("comma") + c.T("view.shown", name)
	}
	if len(p.table.Marked) > 0 {
		listed += c.T("comma") + p.selectionText()
	}
	add(listed)
	if words := clean(p.search.Typed()); p.search.Typing() || words != "" {
		add(c.T("plain.filter", words))
	}
	s.Y = len(s.Lines)
	if p.search.Typing() {
		s.Y--
		s.X = max(widget.Width(s.Lines[s.Y])-p.search.CursorOffset(), 0)
	}
	if more := p.search.ReadOut(); more != "" {
		add(more)
	}
	if p.table.Total() == 0 {
		add(p.nothingFound())
		return s
	}
	s.Lines = append(s.Lines, p.table.ReadOut(c.T, w, h-len(s.Lines))...)
	return s
}

// weeks says in words what the bars of the coming weeks show.
func (p *page) weeks() string {
	var parts []string
	for n, count := range p.counts.Weeks {
		if count > 0 {
			parts = append(parts, p.c.T("plain.week", p.c.Now.AddDate(0, 0, 7*n).Format(p.c.T("date.day")), count))
		}
	}
	if len(parts) > 6 {
		parts = append(parts[:6], p.c.T("and.more", len(parts)-6))
	}
	switch {
	case p.counts.Partial:
		parts = append(parts, p.c.LoadingText())
	case len(parts) == 0:
		parts = []string{p.c.T("plain.none")}
	}
	return p.c.T("weeks.title") + p.c.T("colon") + strings.Join(parts, p.c.T("comma"))
}

// readOut is the pane with the focus, the selected line first.
func (d *details) readOut(w, h int) app.ScreenText {
	c := d.c
	if !d.loaded {
		return app.ScreenText{Lines: []string{c.LoadingText()}}
	}
	var s app.ScreenText
	add := func(line string) { s.Lines = append(s.Lines, widget.Wrap(line, w)...) }
	r := d.instance.Row()
	_, word, _ := c.Status(&r, 60)
	add(c.T("plain.status", d.instance.Name, word))
	news, _ := d.alert(&r)
	add(news)
	if v := d.instance.Current(); v != nil {
		add(
			c.T(
				"life.version", v.Number, v.NotAfter.Format("2006-01-02"), c.RelativeTime(v.NotAfter),
			) + c.T(
				"comma",
			) + c.T("life.until", d.instance.ServiceEnd.Format("2006-01-02")) + d.serviceMax(),
		)
	}
	ls := d.lines[d.pane]
	said := func(n int) string { return ls[n].readOut(c) }
	add(c.T("plain.pane", d.pane+1, int(panes), d.paneName(d.pane)))
	s.Y = len(s.Lines)
	cur := d.cursor[d.pane]
	if cur < len(ls) {
		s.Lines = append(s.Lines, widget.Wrap(c.T("plain.line", cur+1, len(ls), said(cur)), w)...)
	}
	lines, _ := widget.FitItems(
		0, cur, len(ls), h-len(s.Lines),
		func(n int) []string { return widget.Wrap(strconv.Itoa(n+1)+". "+said(n), w) },
	)
	s.Lines = append(s.Lines, lines...)
	s.Lines = s.Lines[:min(len(s.Lines), max(h, 1))]
	return s
}
