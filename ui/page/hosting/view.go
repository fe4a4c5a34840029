package hosting

import (
	"charm.land/lipgloss/v2"

	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Layers implements app.Clickable.
func (p *page) Layers() []*lipgloss.Layer { return p.list.Layers(p.totals.row(p.c)) }

func (p *page) View() string {
	return p.list.View(p.totalsLine(), p.count())
}

// ReadOut implements app.ScreenReader.
func (p *page) ReadOut(w, h int) app.ScreenText {
	return p.list.ReadOut(append(p.totals.row(p.c), widget.Part{Text: p.left()}), p.count(), w, h)
}

// count is the number of listed certificates in words.
func (p *page) count() string {
	n := p.c.T("hosting.count", widget.Count(p.list.Table.Total()))
	if p.totals.partial {
		n += " " + p.c.T("list.partial")
	}
	return n
}

// totalsLine summarizes whether all renew, what fails, what has tasks for a person,
// what has no renewals left, and the units left in packs.
func (p *page) totalsLine() string {
	s, c := p.c.Styles, p.c
	left, right := p.totals.row(c).String(), p.left()
	if packs := "   " + c.T("hosting.packs", p.totals.hostingPacks); p.width >= 100 &&
		widget.Width(left)+widget.Width(right+packs)+2 <= p.width {
		right += packs
	}
	if help := c.T("hosting.help", text.Clean(c.Support)) + "   "; c.Support != "" &&
		widget.Width(left)+widget.Width(help+right)+2 <= p.width {
		right = help + right
	}
	return widget.Spread(left, s.Paint(style.Muted, right)+" ", p.width)
}

// left is the number of credits left in packs, in words.
func (p *page) left() string {
	return p.c.T("hosting.credits", p.totals.credits, p.totals.issued, p.totals.reserved)
}

// row is the left side of the first line. A click on its tasks presses their key.
func (n *totals) row(c *app.Context) widget.Row {
	s := c.Styles
	row := widget.Row{{Text: " " + s.Paint(style.Strong, widget.Count(n.hosted)) + " " + c.T("label.hosted")}}
	add := func(tone style.Tone, text string) {
		row = append(row, widget.Part{Text: "   " + s.Paint(tone, text)})
	}
	if n.hosted > 0 && n.failing+n.tasks+n.spent == 0 {
		add(style.Good, c.Mark("●")+c.T("hosting.fine"))
	}
	if n.failing > 0 {
		add(style.Bad, c.Mark("✕")+c.T("hosting.failing", n.failing))
	}
	if n.tasks > 0 {
		key := c.KeyFor("tasks", action.TasksKey)
		row = append(row, widget.Part{Text: "   "}, widget.Part{
			ID:   app.KeyID(key),
			Text: s.Paint(style.Warn, c.Mark("▲")+c.T("hosting.tasks", n.tasks)) + "  " + s.Paint(style.Key, key),
		})
	}
	if n.spent > 0 {
		add(style.Muted, c.T("hosting.spent", n.spent))
	}
	return row
}
