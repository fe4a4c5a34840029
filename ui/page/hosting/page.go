// Package hosting is the tab of managed hosting: will it all renew by itself,
// what does it cost in packs, what waits for a person?
package hosting

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
	table         widget.Table[model.Row]
	query         model.Query
	sums          sums
	loaded        bool
	seq           int
	typing        bool
	input         widget.Input
	active        *lifecycle.Case
}

// sums are the figures of the first line.
type sums struct {
	hosted, failing, tasks    int
	credits, reserved, issued int
	hostingPacks              int
}

var _ kit.Page = (*page)(nil)

// New makes the tab.
func New(c *kit.Context) kit.Page {
	p := &page{c: c, query: model.Query{Filter: model.Filter{Derived: []model.Derived{model.Hosted}}}}
	p.table.Columns = columns(c)
	p.table.ID = func(r model.Row) string { return string(r.ID) }
	return p
}

type (
	rowsLoadedMsg struct {
		seq  int
		page model.Page
	}
	sumsLoadedMsg struct{ sums sums }
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
	seq, q, c := p.seq, p.query, p.c
	q.Offset, q.Limit, _ = p.table.Around()
	return c.Do(func(context.Context) tea.Msg {
		q.Now = c.Backend.Now()
		got, err := c.Backend.Page(q)
		if err != nil {
			return flow.Tell(c, err)
		}
		return rowsLoadedMsg{seq, got}
	})
}

func (p *page) loadSums() tea.Cmd {
	c := p.c
	return c.Do(func(context.Context) tea.Msg {
		s := sums{}
		n, err := c.Backend.Counts()
		if err != nil {
			return flow.Tell(c, err)
		}
		s.hosted = n.Derived[model.Hosted]
		failing, err := c.Backend.Page(model.Query{Filter: model.Filter{Derived: []model.Derived{model.Hosted, model.Failing}}, Limit: 1, Now: c.Backend.Now()})
		if err != nil {
			return flow.Tell(c, err)
		}
		s.failing = failing.Total
		tasks, err := c.Backend.Tasks(0)
		if err != nil {
			return flow.Tell(c, err)
		}
		for _, t := range tasks {
			if t.Kind == model.TaskProve || t.Kind == model.TaskInstall {
				s.tasks++
			}
		}
		balances, err := c.Backend.Balances()
		if err != nil {
			return flow.Tell(c, err)
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

func (p *page) loadCase() tea.Cmd {
	r, ok := p.table.Selected()
	if !ok {
		p.active = nil
		return nil
	}
	id, c := r.ID, p.c
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
	if r, ok := p.table.Selected(); ok && (p.active == nil || p.active.Instance.ID != r.ID) {
		cmds = append(cmds, p.loadCase())
	}
	return tea.Batch(cmds...)
}

func (p *page) relist() tea.Cmd {
	p.query.Filter.Text = strings.TrimSpace(p.input.Value)
	p.table.Reset()
	p.active = nil
	return p.load()
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case kit.FocusedMsg, kit.ChangedMsg:
		return tea.Batch(p.load(), p.loadSums(), p.loadCase())
	case rowsLoadedMsg:
		if m.seq == p.seq {
			p.loaded = true
			p.table.SetWindow(m.page.Offset, m.page.Rows, m.page.Total)
			return p.moved()
		}
	case sumsLoadedMsg:
		p.sums = m.sums
	case caseLoadedMsg:
		if r, ok := p.table.Selected(); ok && r.ID == m.id {
			p.active = m.found
		}
	case tea.KeyPressMsg:
		return p.filterKey(m)
	case tea.PasteMsg:
		if p.typing && p.input.Update(m) {
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
	default:
		if !p.input.Update(m) {
			return nil
		}
	}
	return p.relist()
}

func (p *page) View() string {
	if p.width <= 0 || p.height <= 0 {
		return ""
	}
	s, c := p.c.Styles, p.c
	lines := []string{p.sumLine(), p.filterLine(), s.Paint(style.Faint, widget.Repeat("─", p.width))}
	switch {
	case !p.loaded:
		lines = append(lines, "  "+s.Paint(style.Muted, c.T("loading")))
	case p.table.Total() == 0 && p.query.Filter.Text == "":
		lines = append(lines, "")
		for _, l := range widget.Wrap(c.T("hosting.none"), min(p.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, l))
		}
	case p.table.Total() == 0:
		lines = append(lines, "", "  "+s.Paint(style.Muted, c.T("list.none")))
	default:
		lines = append(lines, p.table.View(s))
	}
	return widget.Fill(strings.Join(lines, "\n"), p.width, p.height)
}

// sumLine answers at a glance: how many renew by themselves, what fails, what
// needs a person, and what is left in packs.
func (p *page) sumLine() string {
	s, c := p.c.Styles, p.c
	left := " " + s.Paint(style.Strong, widget.Count(p.sums.hosted)) + " " + c.T("label.hosted")
	if p.sums.failing > 0 {
		left += "   " + s.Paint(style.Bad, "✕ "+c.T("hosting.failing", p.sums.failing))
	} else if p.sums.hosted > 0 {
		left += "   " + s.Paint(style.Good, "● "+c.T("hosting.fine"))
	}
	if p.sums.tasks > 0 {
		left += "   " + s.Paint(style.Soon, "▲ "+c.T("hosting.tasks", p.sums.tasks))
	}
	right := c.T("hosting.credits", p.sums.credits, p.sums.issued, p.sums.reserved)
	if p.width >= 100 {
		right += "   " + c.T("hosting.packs", p.sums.hostingPacks)
	}
	return widget.Spread(left, s.Paint(style.Muted, right)+" ", p.width)
}

func (p *page) filterLine() string {
	s, c := p.c.Styles, p.c
	left := " " + s.Paint(style.Key, "/") + " " + s.Paint(style.Muted, c.T("filter.hint"))
	switch {
	case p.typing:
		left = " " + s.Paint(style.Accent, "/ ") + p.input.View(s, p.width/3)
	case p.query.Filter.Text != "":
		left = " " + s.Paint(style.Accent, "/ "+widget.Cut(text.Clean(p.query.Filter.Text), p.width/3))
	}
	return widget.Spread(left, c.T("hosting.count", widget.Count(p.table.Total()))+" ", p.width)
}
