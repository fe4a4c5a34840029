package deployments

import (
	"strconv"

	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Layers implements app.Clickable.
func (p *page) Layers() []*lipgloss.Layer {
	if p.onWatched() {
		return p.watched.list.Layers(p.tabRow())
	}
	return p.list.Layers(p.tabRow())
}

func (p *page) View() string {
	if p.width <= 0 || p.height <= 0 {
		return ""
	}
	s, c := p.c.Styles, p.c
	tabs := widget.Spread(
		widget.Cut(p.tabRow().String(), p.width-14),
		s.Paint(
			style.Key, c.KeyFor("previous-product", "[")+"/"+c.KeyFor("next-product", "]"),
		)+" "+s.Paint(style.Muted, c.T("deployments.switch"))+" ",
		p.width,
	)
	if p.onWatched() {
		return p.watched.list.View(tabs, c.T("watch.count", widget.Count(p.watched.list.Table.Total())))
	}
	return p.list.View(tabs, c.T("deployments.count", widget.Count(p.list.Table.Total())))
}

// ReadOut implements app.ScreenReader.
func (p *page) ReadOut(w, h int) app.ScreenText {
	c := p.c
	tab := widget.Row{{Text: c.T("plain.product", p.tab+1, p.tabs(), p.tabText(p.tab))}}
	if p.onWatched() {
		return p.watched.list.ReadOut(tab, c.T("watch.count", widget.Count(p.watched.list.Table.Total())), w, h)
	}
	return p.list.ReadOut(tab, c.T("deployments.count", widget.Count(p.list.Table.Total())), w, h)
}

func (p *page) tabText(tab int) string {
	n := p.all
	switch {
	case tab == p.tabs()-1:
		n = p.watches
	case tab > 0:
		n = p.counts[p.products[tab-1]]
	}
	return text.Clean(p.name(tab)) + " " + widget.Count(n)
}

// firstTab is the first sub-tab on the screen: with many products those on the left are
// dropped, so that the chosen one is visible.
func (p *page) firstTab() int {
	room, first := p.width-14, p.tab
	for room -= widget.Width(p.tabText(first)) + 3; first > 0; first-- {
		if room -= widget.Width(p.tabText(first-1)) + 3; room < 0 {
			break
		}
	}
	return first
}

// tabID begins the ID of a sub-tab's layer, before its number.
const tabID = "product "

// tabRow is the row of sub-tabs from the first visible one on. Each is clickable.
func (p *page) tabRow() widget.Row {
	row := widget.Row{{Text: " "}}
	for t := p.firstTab(); t < p.tabs(); t++ {
		paint, tone := p.c.Styles.Paint, style.Muted
		if t == p.tab {
			paint, tone = p.c.Styles.PaintSelected, style.Accent
		}
		row = append(row, widget.Part{ID: tabID + strconv.Itoa(t), Text: paint(tone, " "+p.tabText(t)+" ")}, widget.Part{Text: " "})
	}
	return row
}
