// Package deployments is the tab of resources, with a sub-tab for each product. It
// shows what each endpoint really presents.
package deployments

import (
	"context"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/list"
)

type page struct {
	c             *app.Context
	width, height int
	list          *list.Browser[row]
	product       string // "" for all
	products      []string
	counts        map[string]int
	all           int
	tab           int // 0 is all products, the last one the watched endpoints
	watched       *watched
	watches       int
	productReads  app.Reads
}

var (
	_ app.Page      = (*page)(nil)
	_ app.Clickable = (*page)(nil)
	_ app.Stepper   = (*page)(nil)
)

// New makes the tab.
func New(c *app.Context) app.Page {
	p := &page{c: c, counts: map[string]int{}, watched: newWatched(c)}
	p.list = list.NewBrowser(c, columns(c, true), func(r row) string { return string(r.ID) }, list.Source[row]{
		Name:      "deployments",
		Rows:      p.rows,
		Instance:  func(r row) model.ID { return r.Instance },
		Sorts:     lifecycle.ResourceSorts,
		Open:      p.open,
		Language:  where.Resources,
		Marks:     true,
		EmptyList: "deployments.none", FilterHint: "filter.hint.resources",
	})
	return p
}

type productsLoadedMsg struct {
	names  []string
	counts map[string]int
	all    int

	watches int
}

// watchedPart is the part of the page with the watched endpoints, which no product is
// called.
const watchedPart = "/watched"

// Place implements app.Placer.
func (p *page) Place() app.Place {
	if p.onWatched() {
		at := p.watched.list.Place()
		at.Part = watchedPart
		return at
	}
	at := p.list.Place()
	at.Part = p.product
	return at
}

// Return implements app.Placer.
func (p *page) Return(to app.Place) {
	if to.Part == watchedPart {
		p.tab = p.tabs() - 1
		p.watched.list.Return(to)
		return
	}
	p.product = to.Part
	p.list.SetColumns(columns(p.c, p.product == ""))
	p.list.Return(to)
}

func (p *page) SetSize(w, h int) {
	p.width, p.height = max(w, 0), max(h, 0)
	p.list.SetSize(w, h)
	p.watched.list.SetSize(w, h)
}

func (p *page) Capturing() bool { return p.list.Capturing() || p.watched.list.Capturing() }

// Waits implements app.Waiter.
func (p *page) Waits() bool { return p.list.Waits() || p.onWatched() && p.watched.list.Waits() }

// Scrolling implements app.Scroller.
func (p *page) Scrolling() bool { return p.list.Scrolling() || p.watched.list.Scrolling() }

// query is the filter of the product with the query that was typed.
func (p *page) query() lifecycle.ResourceFilter {
	return lifecycle.ResourceFilter{Product: p.product, Where: p.list.Text()}
}

func (p *page) rows(offset, limit int) func() ([]row, int, error) {
	f, b := p.query(), p.c.Backend
	f.Offset, f.Limit = offset, limit
	f.Sort, f.Desc = p.list.Order().Sort, p.list.Order().Desc
	return func() ([]row, int, error) { return b.Resources(f) }
}

// loadProducts counts the resources of each product, without any other filter.
func (p *page) loadProducts() tea.Cmd {
	c := p.c
	return c.DoInTurn(&p.productReads, func(context.Context) tea.Msg {
		m := productsLoadedMsg{counts: map[string]int{}}
		for _, info := range c.Backend.Products() {
			_, n, err := c.Backend.Resources(lifecycle.ResourceFilter{Product: info.Name, Limit: 1})
			if err != nil {
				return c.LoadFailed(err)
			}
			m.names = append(m.names, info.Name)
			m.counts[info.Name] = n
			m.all += n
		}
		ws, err := c.Backend.Watches()
		if err != nil {
			return c.LoadFailed(err)
		}
		m.watches = len(ws)
		return m
	})
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case app.FocusMsg, app.ChangedMsg:
		return tea.Batch(p.list.Load(), p.watched.list.Load(), p.loadProducts())
	case addedMsg:
		return p.watched.added(m)
	case productsLoadedMsg:
		on := p.onWatched()
		p.products, p.counts, p.all, p.watches = m.names, m.counts, m.all, m.watches
		switch n := slices.Index(p.products, p.product); {
		case on: // its index has changed with the number of products
			p.tab = p.tabs() - 1
		case p.product != "" && n < 0: // it was removed
			return p.choose(0)
		default: // one before it may have been added or removed
			p.tab = n + 1
		}
		return nil
	case app.ShowProductMsg:
		if n := slices.Index(p.products, m.Product); n >= 0 {
			return p.choose(n + 1)
		}
	case app.ShowWatchesMsg:
		return p.choose(p.tabs() - 1)
	case app.HitMsg:
		if t, err := strconv.Atoi(strings.TrimPrefix(m.ID, tabID)); err == nil {
			return p.choose(t)
		}
	}
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg, tea.MouseWheelMsg, tea.MouseClickMsg:
		if p.onWatched() {
			return p.watched.list.Update(msg)
		}
		return p.list.Update(msg)
	}
	return tea.Batch(p.list.Update(msg), p.watched.list.Update(msg))
}

func (p *page) name(tab int) string {
	switch tab {
	case 0:
		return p.c.T("deployments.all")
	case p.tabs() - 1:
		return p.c.T("deployments.watched")
	}
	return p.products[tab-1]
}

// tabs is the number of sub-tabs: all, each product, and the watched endpoints.
func (p *page) tabs() int { return len(p.products) + 2 }

func (p *page) onWatched() bool { return p.tab == p.tabs()-1 }

func (p *page) choose(tab int) tea.Cmd {
	n := p.tabs()
	p.tab = (tab + n) % n
	if p.onWatched() {
		return p.watched.list.Load()
	}
	p.product = ""
	if p.tab > 0 {
		p.product = p.products[p.tab-1]
	}
	p.list.SetColumns(columns(p.c, p.tab == 0))
	return p.list.Refilter()
}

// open shows the resource under the cursor.
func (p *page) open() tea.Cmd {
	if r, ok := p.list.Table.Selected(); ok {
		return action.ShowResource(p.c, r.ID)
	}
	return nil
}

// Step implements app.Stepper.
func (p *page) Step(by int) tea.Cmd { return p.list.Step(by) }
