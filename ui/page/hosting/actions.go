package hosting

import (
	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kit"
	"certquay/ui/page/flow"
)

func (p *page) target() flow.Target {
	r, ok := p.table.Selected()
	if !ok {
		return flow.Target{}
	}
	t := flow.Target{IDs: []model.ID{r.ID}}
	if p.active != nil && p.active.Instance.ID == r.ID {
		t.Case = p.active
	}
	return t
}

func (p *page) Actions() []kit.Action {
	c := p.c
	move := func(key, label string, by func(), also ...string) kit.Action {
		return kit.Action{Key: key, Also: also, Label: c.T(label), Group: kit.Move, Run: func() tea.Cmd { by(); return p.moved() }}
	}
	some := p.table.Total() > 0
	return append(flow.Actions(c, p.target()),
		kit.Action{Key: "enter", Label: c.T("act.details"), Group: kit.View, Footer: kit.Some(kit.First, some), Run: func() tea.Cmd {
			if r, ok := p.table.Selected(); ok {
				return kit.Send(kit.ShownMsg{ID: r.ID})
			}
			return nil
		}},
		kit.Action{Key: "/", Label: c.T("act.filter"), Group: kit.View, Footer: kit.Some(kit.Fourth, some), Run: func() tea.Cmd { p.typing = true; return nil }},
		kit.Action{Key: "esc", Label: c.T("act.back"), Group: kit.View, Off: p.query.Filter.Text == "", Run: func() tea.Cmd {
			p.input.Value = ""
			return p.relist()
		}},
		move("j", "act.down", func() { p.table.Move(1) }, "down"), move("k", "act.up", func() { p.table.Move(-1) }, "up"),
		move("g", "act.top", func() { p.table.Home() }, "home"), move("G", "act.end", func() { p.table.End() }, "end"),
		move("ctrl+d", "act.halfdown", func() { p.table.Page(1) }), move("ctrl+u", "act.halfup", func() { p.table.Page(-1) }),
		move("pgdown", "act.pagedown", func() { p.table.Page(2) }), move("pgup", "act.pageup", func() { p.table.Page(-2) }),
	)
}
