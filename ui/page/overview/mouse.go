package overview

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/model"
	"certquay/ui/action"
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
	rows := p.summaryRows()
	for y, r := range rows {
		ls = append(ls, r.Layers(0, y, p.width)...)
	}
	if band > 1 {
		x, y, high, step := p.barsAt()
		ls = append(ls, widget.ClickArea(weeksID, x, y, len(p.counts.Weeks)*step, high))
		if from := p.tasksAt(); len(p.tasks) > 0 {
			width := p.width
			if p.wide() {
				width = x
			}
			ls = append(ls, widget.ClickArea(app.KeyID(p.c.KeyFor("tasks", action.TasksKey)), 0, from, width, band-1-from))
		}
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
	if cmd, ok := p.tileHit(m); ok {
		return cmd
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(m.ID, cardID)); err == nil && p.details == nil {
		before := p.table.Cursor()
		p.table.Select(n)
		return p.clicked(before)
	}
	if p.details != nil {
		return p.details.hit(m)
	}
	return nil
}

// layers are the panes, and their names where one is shown at a time.
func (d *details) layers() []*lipgloss.Layer {
	if !d.loaded {
		return nil
	}
	head := d.headHeight
	var ls []*lipgloss.Layer
	if !d.showsAllPanes() {
		ls = d.names().Layers(0, head, d.width)
	}
	for pane, p := range d.places {
		if p.h > 0 {
			ls = append(ls, widget.ClickArea(paneID+strconv.Itoa(pane), p.x, head+p.y, p.w, p.h))
		}
	}
	if e := d.explanation; e.h > 0 {
		ls = append(ls, widget.ClickArea(app.KeyID(d.c.KeyFor("explain", "x")), e.x, head+e.y, e.w, e.h))
	}
	return ls
}

// hit focuses a pane and selects the line in it; a second click opens the line.
func (d *details) hit(m app.HitMsg) tea.Cmd {
	if pane, err := strconv.Atoi(strings.TrimPrefix(m.ID, nameID)); err == nil {
		d.focus(pane)
	}
	pane, err := strconv.Atoi(strings.TrimPrefix(m.ID, paneID))
	if err != nil {
		return nil
	}
	was := d.pane
	d.pane = pane
	y := m.Y
	if d.showsAllPanes() { // below its frame
		y--
	}
	n := d.views[pane].Top() + y
	if y < 0 || n >= len(d.rows[pane]) {
		return nil
	}
	line := d.rows[pane][n].line
	if was == pane && d.cursor[pane] == line {
		return d.openLine()
	}
	d.cursor[pane] = line
	return nil
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
		return p.open()
	case !p.table.Click(y):
		return nil
	}
	return p.clicked(before)
}

// clicked opens a row that was already selected before the click.
func (p *page) clicked(before int) tea.Cmd {
	if p.table.Cursor() == before {
		return p.open()
	}
	return p.cursorMoved()
}
