// Package hosting is the tab of managed hosting. It shows whether all certificates will
// renew by themselves, what that costs in packs, and what waits for a person.
package hosting

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/ledger"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/app"
	"certquay/ui/list"
)

type page struct {
	c          *app.Context
	width      int
	list       *list.Browser[row]
	totals     totals
	totalReads app.Reads
}

// totals are the figures of the first line.
type totals struct {
	hosted, failing, tasks, spent int
	credits, reserved, issued     int
	hostingPacks                  int
	partial                       bool // not everything has been counted yet
}

var (
	_ app.Page      = (*page)(nil)
	_ app.Clickable = (*page)(nil)
)

// New makes the tab.
func New(c *app.Context) app.Page {
	p := &page{c: c}
	p.list = list.NewBrowser(
		c,
		columns(c, func() model.Sort { return p.list.Order().Sort }),
		func(r row) string { return string(r.ID) },
		list.Source[row]{
			Name:     "hosting",
			Rows:     p.rows,
			Instance: func(r row) model.ID { return r.ID },
			Sorts: []model.Sort{
				model.SortDue, model.SortName, model.SortState, model.SortReason, model.SortContact, model.SortAuto,
				model.SortRenewals, model.SortServiceMax,
			},
			Open:        p.details,
			EmptyResult: func() string { return c.T("list.none.hosted", c.KeyFor("panel", "f"), c.KeyFor("back", "esc")) },
			Language:    where.Instances,
			Marks:       true,
			EmptyList:   "hosting.none", FilterHint: "filter.hint",
		},
	)
	p.list.Table.Flag, p.list.Table.FlagKey = func(r row) bool { return r.needsPerson }, "hosting.only.person"
	return p
}

// partialRetry is how soon an incomplete answer is asked for again.
const partialRetry = 200 * time.Millisecond

type (
	retriedMsg      struct{}
	totalsLoadedMsg struct{ totals totals }
)

// Place implements app.Placer.
func (p *page) Place() app.Place { return p.list.Place() }

// Return implements app.Placer.
func (p *page) Return(to app.Place) { p.list.Return(to) }

func (p *page) SetSize(w, h int) {
	p.width = max(w, 0)
	p.list.SetSize(w, h)
}

func (p *page) Capturing() bool { return p.list.Capturing() }

// Waits implements app.Waiter.
func (p *page) Waits() bool { return p.list.Waits() }

// Scrolling implements app.Scroller.
func (p *page) Scrolling() bool { return p.list.Scrolling() }

var _ app.Stepper = (*page)(nil)

// Step implements app.Stepper.
func (p *page) Step(by int) tea.Cmd { return p.list.Step(by) }

// rows reads a window of the list. Contacts are no part of the store's rows, so they
// are read for those on the screen.
func (p *page) rows(offset, limit int) func() ([]row, int, error) {
	b, query, order := p.c.Backend, p.list.Text(), p.list.Order()
	return func() ([]row, int, error) {
		page, err := b.Page(
			model.Query{Filter: hostedFilter(query), Sort: order.Sort, Desc: order.Desc, Offset: offset, Limit: limit, Now: b.Now()},
		)
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
		waiting, err := waitingIDs(b)
		rows := make([]row, len(page.Rows))
		for n, r := range page.Rows {
			_, person := slices.BinarySearch(waiting, r.ID)
			rows[n] = row{r, names[r.ID], person}
		}
		return rows, page.Total, err
	}
}

func (p *page) loadTotals() tea.Cmd {
	c := p.c
	return c.DoInTurn(&p.totalReads, func(context.Context) tea.Msg {
		s := totals{}
		for to, query := range map[*int]string{&s.hosted: "", &s.failing: failing, &s.tasks: needsPerson, &s.spent: noRenewals} {
			n, partial, err := count(c.Backend, query)
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
			case string(ledger.PackCredit):
				s.credits, s.reserved, s.issued = b.Available, b.Reserved, b.Total
			case string(ledger.PackHosting):
				s.hostingPacks = b.Available
			}
		}
		return totalsLoadedMsg{s}
	})
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case app.FocusMsg, app.ChangedMsg:
		return tea.Batch(p.list.Load(), p.loadTotals())
	case retriedMsg:
		return p.loadTotals()
	case totalsLoadedMsg:
		was := p.totals.partial
		p.totals = m.totals
		var cmds []tea.Cmd
		if m.totals.partial { // until the search table is built
			cmds = append(cmds, tea.Tick(partialRetry, func(time.Time) tea.Msg { return retriedMsg{} }))
		}
		if was || m.totals.partial {
			cmds = append(cmds, p.list.Load())
		}
		return tea.Batch(cmds...)
	}
	return p.list.Update(msg)
}
