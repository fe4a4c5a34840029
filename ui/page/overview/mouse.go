package overview

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/widget"
)

// IDs of what can be clicked on, beside keys: a card with its number, and of the
// details the name of a pane and its lines.
const (
	cardID = "card "
	nameID = "name "
	paneID = "pane "
)

var _ app.Clickable = (*page)(nil)

// Layers implements app.Clickable: the tasks, the filter line and the cards, or the
// panes of the details. A row of the list is found by its line instead.
func (p *page) Layers() []*lipgloss.Layer {
	switch {
	case p.details != nil:
		return p.details.layers()
	case !p.loaded || p.empty():
		return nil
	}
	band := p.summaryHeight()
	ls := p.filterRow().Layers(0, band, p.width)
	tasks := app.KeyID(p.c.KeyFor("tasks", tasksKey))
	switch {
	case len(p.tasks) == 0:
	case p.wide():
		pw, _ := p.pictureWidth()
		_, needs := p.summaryCounts(p.width - pw)
		ls = append(ls, widget.ClickArea(tasks, 0, needs, p.width-pw, wideSummary-1-needs))
	case band > 1:
		ls = append(ls, widget.ClickArea(tasks, 0, 2, p.width, 1))
	}
	if p.wide() && band > 1 { // the title of the picture of what expires
		pw, _ := p.pictureWidth()
		ls = append(ls, widget.ClickArea(app.KeyID(p.c.KeyFor("calendar", "C")), p.width-pw, 0, pw, 1))
	}
	if !p.cardsShown() {
		return ls
	}
	from, to := p.cardPage()
	for n := from; n < to; n++ {
		x, y := (n-from)%p.perLine()*(p.cardWidth()+1), (n-from)/p.perLine()*cardHeight
		ls = append(ls, widget.ClickArea(cardID+strconv.Itoa(n), x, band+1+y, p.cardWidth(), cardHeight))
	}
	return ls
}

// hit handles a click on one of the layers.
func (p *page) hit(m app.HitMsg) tea.Cmd {
	if n, err := strconv.Atoi(strings.TrimPrefix(m.ID, cardID)); err == nil && p.details == nil {
		before := p.table.Cursor()
		p.table.Select(n)
		return p.clicked(before)
	}
	if p.details != nil {
		p.details.hit(m)
	}
	return nil
}

// layers are the panes, and their names where one is shown at a time.
func (d *details) layers() []*lipgloss.Layer {
	if !d.loaded {
		return nil
	}
	head := d.headLines()
	area := func(pane, x, y, w int) *lipgloss.Layer {
		h, _, _ := d.paneSize(pane)
		return widget.ClickArea(paneID+strconv.Itoa(pane), x, y, w, h)
	}
	if !d.showsAllPanes() {
		return append(d.names().Layers(0, head, d.width), area(d.pane, 0, head+1, d.width))
	}
	lw, lower := d.width/2, head+d.upperHeight()
	return []*lipgloss.Layer{
		area(paneFacts, 0, head, lw), area(paneResources, lw, head, d.width-lw),
		area(paneVersions, 0, lower, lw), area(paneHistory, lw, lower, d.width-lw),
	}
}

// hit focuses a pane and selects the line in it.
func (d *details) hit(m app.HitMsg) {
	if pane, err := strconv.Atoi(strings.TrimPrefix(m.ID, nameID)); err == nil {
		d.pane = pane
	}
	pane, err := strconv.Atoi(strings.TrimPrefix(m.ID, paneID))
	if err != nil {
		return
	}
	d.pane = pane
	line := m.Y
	if d.showsAllPanes() { // below its frame
		line--
	}
	if n := d.views[pane].Top() + line; line >= 0 && n < len(d.lines[pane]) {
		d.cursor[pane] = n
	}
}

func (p *page) wheel(m tea.MouseWheelMsg) tea.Cmd {
	by := 3
	if m.Button == tea.MouseWheelUp {
		by = -3
	}
	if p.details != nil {
		p.details.move(by)
		return nil
	}
	if p.cardsShown() {
		p.table.Move(by / 3 * p.perLine())
	} else {
		p.table.Scroll(by)
	}
	return p.cursorMoved()
}

func (p *page) click(m tea.MouseClickMsg) tea.Cmd {
	if p.details != nil {
		return nil
	}
	y := m.Y - p.summaryHeight() - 1
	before := p.table.Cursor()
	switch {
	case y < 0:
		return nil
	case y == 0 && !p.cardsShown():
		if s := model.Sort(p.table.SortAt(m.X)); s != "" {
			return p.sort(p.order().By(s))
		}
		return nil
	}
	switch {
	case m.X >= p.listWidth():
		return p.open(p.current())
	case !p.table.Click(y):
		return nil
	}
	return p.clicked(before)
}

// clicked opens a row that was already selected before the click.
func (p *page) clicked(before int) tea.Cmd {
	if p.table.Cursor() == before {
		return p.open(p.current())
	}
	return p.cursorMoved()
}
