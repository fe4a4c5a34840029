// Package hosting is the tab of managed hosting: will it all renew by itself,
// what does it cost in packs, what waits for a person?
package hosting

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

type page struct {
	c     *app.Context
	width int
	list  *list.Browser[row]
	only  only
	sums  sums
}

// sums are the figures of the first line.
type sums struct {
	hosted, failing, tasks, spent int
	credits, reserved, issued     int
	hostingPacks                  int
	partial                       bool // not everything was looked at yet
}

var (
	_ app.Page      = (*page)(nil)
	_ app.Clickable = (*page)(nil)
)

// New makes the tab.
func New(c *app.Context) app.Page {
	p := &page{c: c}
	p.list = list.NewBrowser(c, columns(c, func() model.Sort { return p.list.Order().Sort }), func(r row) string { return string(r.ID) }, list.Source[row]{
		Rows:     p.rows,
		Instance: func(r row) model.ID { return r.ID },
		Filtered: func() bool { return p.only != only{} },
		Sorts:    []model.Sort{model.SortDue, model.SortName, model.SortState},
		Open:     p.details,
		Keep:     func() func() { o := p.only; return func() { p.only = o } },
		Nothing:  func() string { return c.T("list.none.hosted", c.KeyFor("panel", "f"), c.KeyFor("back", "esc")) },
		None:     "hosting.none", Hint: "filter.hint",
	})
	p.list.Table.Flag, p.list.Table.FlagKey = func(r row) bool { return r.person }, "hosting.only.person"
	return p
}

// partialRetry is how soon everything is read again that was not whole yet.
const partialRetry = 200 * time.Millisecond

type (
	retriedMsg    struct{}
	sumsLoadedMsg struct{ sums sums }
)

func (p *page) SetSize(w, h int) {
	p.width = max(w, 0)
	p.list.SetSize(w, h)
}

func (p *page) Capturing() bool { return p.list.Capturing() }

// Waits implements app.Waiter.
func (p *page) Waits() bool { return p.list.Waits() }

// Settling implements app.Settling.
func (p *page) Settling() bool { return p.list.Settling() }

// rows reads a window of the list. Who is told of each is no part of the
// store's rows, of which there may be a million: it is read of those shown.
func (p *page) rows(offset, limit int) func() ([]row, int, error) {
	b, o, text, order := p.c.Backend, p.only, p.list.Text(), p.list.Order()
	return func() ([]row, int, error) {
		f, err := o.filter(b, text)
		if err != nil {
			return nil, 0, err
		}
		page, err := b.Page(model.Query{Filter: f, Sort: order.Sort, Desc: order.Desc, Offset: offset, Limit: limit, Now: b.Now()})
		if err != nil {
			return nil, 0, err
		}
		ids := make([]model.ID, len(page.Rows))
		for n := range page.Rows {
			ids[n] = page.Rows[n].ID
		}
		names, err := b.ContactNames(ids)
		if err != nil {
			return nil, 0, err
		}
		waiting, err := needing(b)
		rows := make([]row, len(page.Rows))
		for n, r := range page.Rows {
			_, person := slices.BinarySearch(waiting, r.ID)
			rows[n] = row{r, names[r.ID], person}
		}
		return rows, page.Total, err
	}
}

func (p *page) loadSums() tea.Cmd {
	c := p.c
	return c.Do(func(context.Context) tea.Msg {
		s := sums{}
		for to, o := range map[*int]only{&s.hosted: {}, &s.failing: {failing: true}, &s.tasks: {person: true}, &s.spent: {spent: true}} {
			n, partial, err := o.count(c.Backend, "")
			if err != nil {
				return c.LoadFailed(err)
			}
			*to, s.partial = n, s.partial || partial
		}
		balances, err := c.Backend.Balances()
		if err != nil {
			return c.LoadFailed(err)
		}
		for _, b := range balances {
			switch b.Kind {
			case string(lifecycle.PackCredit):
				s.credits, s.reserved, s.issued = b.Available, b.Reserved, b.Total
			case string(lifecycle.PackHosting):
				s.hostingPacks = b.Available
			}
		}
		return sumsLoadedMsg{s}
	})
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case app.FocusedMsg, app.ChangedMsg:
		return tea.Batch(p.list.Load(), p.loadSums())
	case retriedMsg:
		return p.loadSums()
	case sumsLoadedMsg:
		was := p.sums.partial
		p.sums = m.sums
		var cmds []tea.Cmd
		if m.sums.partial { // until the search table is built
			cmds = append(cmds, tea.Tick(partialRetry, func(time.Time) tea.Msg { return retriedMsg{} }))
		}
		if was || m.sums.partial {
			cmds = append(cmds, p.list.Load())
		}
		return tea.Batch(cmds...)
	}
	return p.list.Update(msg)
}

// Layers implements app.Clickable.
func (p *page) Layers() []*lipgloss.Layer { return p.list.Layers(p.sums.row(p.c)) }

func (p *page) View() string {
	return p.list.View(p.sumLine(), p.only.words(p.c), p.count())
}

// ReadOut implements app.ScreenReader.
func (p *page) ReadOut(w, h int) app.ScreenText {
	return p.list.ReadOut(append(p.sums.row(p.c), widget.Part{Text: p.left()}), p.only.words(p.c), p.count(), w, h)
}

// count says how many are listed.
func (p *page) count() string {
	n := p.c.T("hosting.count", widget.Count(p.list.Table.Total()))
	if p.sums.partial {
		n += " " + p.c.T("list.partial")
	}
	return n
}

// sumLine answers at a glance: whether all renew by themselves, what fails, what
// needs a person, what has no renewals left, and what is left in packs.
func (p *page) sumLine() string {
	s, c := p.c.Styles, p.c
	left, right := p.sums.row(c).String(), p.left()
	if packs := "   " + c.T("hosting.packs", p.sums.hostingPacks); p.width >= 100 && widget.Width(left)+widget.Width(right+packs)+2 <= p.width {
		right += packs
	}
	return widget.Spread(left, s.Paint(style.Muted, right)+" ", p.width)
}

// left is what is left in packs of credits.
func (p *page) left() string {
	return p.c.T("hosting.credits", p.sums.credits, p.sums.issued, p.sums.reserved)
}

// row is the left side of the first line, in which what needs a person can be
// clicked on as its key.
func (n *sums) row(c *app.Context) widget.Row {
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
		key := c.KeyFor("tasks", "!")
		row = append(row, widget.Part{Text: "   "}, widget.Part{
			ID:   app.KeyID(key),
			Text: s.Paint(style.Soon, c.Mark("▲")+c.T("hosting.tasks", n.tasks)) + "  " + s.Paint(style.Key, key),
		})
	}
	if n.spent > 0 {
		add(style.Muted, c.T("hosting.spent", n.spent))
	}
	return row
}
