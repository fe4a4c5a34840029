// Package deployments is the tab of resources, a sub-tab for each product: what
// does each endpoint really present?
package deployments

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/kit"
	"certquay/ui/page/flow"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

type page struct {
	c             *kit.Context
	width, height int
	table         widget.Table[row]
	filter        lifecycle.ResourceFilter
	products      []string
	counts        map[string]int
	all           int
	tab           int // 0 is all products
	loaded        bool
	seq           int
	typing        bool
	input         widget.Input
	active        *lifecycle.Case
}

var _ kit.Page = (*page)(nil)

// New makes the tab.
func New(c *kit.Context) kit.Page {
	p := &page{c: c, counts: map[string]int{}}
	p.table.Columns = columns(c, true)
	p.table.ID = func(r row) string { return string(r.ID) }
	return p
}

type (
	rowsLoadedMsg struct {
		seq, offset, total int
		rows               []row
	}
	productsLoadedMsg struct {
		names  []string
		counts map[string]int
		all    int
	}
	caseLoadedMsg struct {
		id    model.ID
		found *lifecycle.Case
	}
)

func (p *page) SetSize(w, h int) {
	p.width, p.height = max(w, 0), max(h, 0)
	p.table.SetSize(w, max(h-3, 2))
}

func (p *page) Capturing() bool { return p.typing }

func (p *page) load() tea.Cmd {
	p.seq++
	seq, f, c := p.seq, p.filter, p.c
	f.Offset, f.Limit, _ = p.table.Around()
	return c.Do(func(context.Context) tea.Msg {
		rs, total, err := c.Backend.Resources(f)
		if err != nil {
			return flow.Tell(c, err)
		}
		return rowsLoadedMsg{seq, f.Offset, total, rs}
	})
}

// loadProducts counts the resources of each product; a count is that of the
// sub-tab it stands on, whatever else is filtered.
func (p *page) loadProducts() tea.Cmd {
	c := p.c
	return c.Do(func(context.Context) tea.Msg {
		m := productsLoadedMsg{counts: map[string]int{}}
		for _, info := range c.Backend.Products() {
			_, n, err := c.Backend.Resources(lifecycle.ResourceFilter{Product: info.Name, Limit: 1})
			if err != nil {
				return flow.Tell(c, err)
			}
			m.names = append(m.names, info.Name)
			m.counts[info.Name] = n
			m.all += n
		}
		return m
	})
}

func (p *page) loadCase() tea.Cmd {
	r, ok := p.table.Selected()
	if !ok || r.Instance == "" {
		p.active = nil
		return nil
	}
	id, c := r.Instance, p.c
	if p.active != nil && p.active.Instance.ID != id {
		p.active = nil
	}
	return c.Do(func(context.Context) tea.Msg {
		cs, err := c.Backend.Case(c.Actor, id)
		if err != nil {
			return caseLoadedMsg{id, nil}
		}
		return caseLoadedMsg{id, cs}
	})
}

func (p *page) moved() tea.Cmd {
	var cmds []tea.Cmd
	if _, _, need := p.table.Need(); need {
		cmds = append(cmds, p.load())
	}
	if r, ok := p.table.Selected(); ok && (p.active == nil || p.active.Instance.ID != r.Instance) {
		cmds = append(cmds, p.loadCase())
	}
	return tea.Batch(cmds...)
}

func (p *page) relist() tea.Cmd {
	p.table.Reset()
	p.active = nil
	return p.load()
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case kit.FocusedMsg, kit.ChangedMsg:
		return tea.Batch(p.load(), p.loadProducts(), p.loadCase())
	case rowsLoadedMsg:
		if m.seq == p.seq {
			p.loaded = true
			p.table.SetWindow(m.offset, m.rows, m.total)
			return p.moved()
		}
	case productsLoadedMsg:
		p.products, p.counts, p.all = m.names, m.counts, m.all
	case caseLoadedMsg:
		if r, ok := p.table.Selected(); ok && r.Instance == m.id {
			p.active = m.found
		}
	case tea.KeyPressMsg:
		return p.filterKey(m)
	case tea.PasteMsg:
		if p.typing && p.input.Update(m) {
			p.filter.Text = strings.TrimSpace(p.input.Value)
			return p.relist()
		}
	case tea.MouseWheelMsg:
		by := 3
		if m.Button == tea.MouseWheelUp {
			by = -3
		}
		p.table.Scroll(by)
		return p.moved()
	case tea.MouseClickMsg:
		if m.Y == 0 {
			return p.clickTab(m.X)
		}
		if p.table.Click(m.Y - 3) {
			return p.moved()
		}
	}
	return nil
}

func (p *page) filterKey(m tea.KeyPressMsg) tea.Cmd {
	switch m.String() {
	case "enter":
		p.typing = false
		return nil
	case "esc", "ctrl+c":
		p.typing = false
		p.input.Value = ""
	case "up":
		p.table.Move(-1)
		return p.moved()
	case "down":
		p.table.Move(1)
		return p.moved()
	default:
		if !p.input.Update(m) {
			return nil
		}
	}
	p.filter.Text = strings.TrimSpace(p.input.Value)
	return p.relist()
}

func (p *page) name(tab int) string {
	if tab == 0 {
		return p.c.T("deployments.all")
	}
	return p.products[tab-1]
}

func (p *page) choose(tab int) tea.Cmd {
	n := len(p.products) + 1
	p.tab = (tab + n) % n
	p.filter.Product = ""
	if p.tab > 0 {
		p.filter.Product = p.products[p.tab-1]
	}
	p.table.Columns = columns(p.c, p.tab == 0)
	p.SetSize(p.width, p.height)
	return p.relist()
}

func (p *page) tabText(tab int) string {
	n := p.all
	if tab > 0 {
		n = p.counts[p.products[tab-1]]
	}
	return text.Clean(p.name(tab)) + " " + widget.Count(n)
}

// firstTab is the first sub-tab that is drawn: with many products those on the
// left give way, so that the chosen one is always on the screen.
func (p *page) firstTab() int {
	room, first := p.width-14, p.tab
	for room -= widget.Width(p.tabText(first)) + 3; first > 0; first-- {
		if room -= widget.Width(p.tabText(first-1)) + 3; room < 0 {
			break
		}
	}
	return first
}

func (p *page) clickTab(x int) tea.Cmd {
	at := 1
	for t := p.firstTab(); t < len(p.products)+1; t++ {
		w := widget.Width(p.tabText(t)) + 2
		if x >= at && x < at+w {
			return p.choose(t)
		}
		at += w + 1
	}
	return nil
}

func (p *page) View() string {
	if p.width <= 0 || p.height <= 0 {
		return ""
	}
	s, c := p.c.Styles, p.c
	tabs := " "
	for t := p.firstTab(); t < len(p.products)+1; t++ {
		if t == p.tab {
			tabs += s.PaintOn(style.Accent, " "+p.tabText(t)+" ") + " "
		} else {
			tabs += s.Paint(style.Muted, " "+p.tabText(t)+" ") + " "
		}
	}
	tabs = widget.Spread(widget.Cut(tabs, p.width-14), s.Paint(style.Key, "[ ]")+" "+s.Paint(style.Muted, c.T("deployments.switch"))+" ", p.width)
	lines := []string{tabs, p.filterLine(), s.Paint(style.Faint, widget.Repeat("─", p.width))}
	switch {
	case !p.loaded:
		lines = append(lines, "  "+s.Paint(style.Muted, c.T("loading")))
	case p.table.Total() == 0 && p.unfiltered():
		lines = append(lines, "")
		for _, l := range widget.Wrap(c.T("deployments.none"), min(p.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, l))
		}
	case p.table.Total() == 0:
		lines = append(lines, "", "  "+s.Paint(style.Muted, c.T("list.none")))
	default:
		lines = append(lines, p.table.View(s))
	}
	return widget.Fill(strings.Join(lines, "\n"), p.width, p.height)
}

func (p *page) unfiltered() bool {
	return p.filter.Text == "" && p.filter.State == "" && !p.filter.Hosted && !p.filter.Auto
}

func (p *page) filterLine() string {
	s, c := p.c.Styles, p.c
	left := " " + s.Paint(style.Key, "/") + " " + s.Paint(style.Muted, c.T("filter.hint.resources"))
	switch {
	case p.typing:
		left = " " + s.Paint(style.Accent, "/ ") + p.input.View(s, p.width/3)
	case p.filter.Text != "":
		left = " " + s.Paint(style.Accent, "/ "+widget.Cut(text.Clean(p.filter.Text), p.width/3))
	}
	if p.filter.State != "" {
		left += "   " + s.Paint(style.Accent, c.Text.Or("label."+string(p.filter.State), string(p.filter.State)))
	}
	if p.filter.Hosted {
		left += "   " + s.Paint(style.Accent, c.T("label.hosted"))
	}
	if p.filter.Auto {
		left += "   " + s.Paint(style.Accent, c.T("label.auto-deploy"))
	}
	return widget.Spread(left, c.T("deployments.count", widget.Count(p.table.Total()))+" ", p.width)
}
