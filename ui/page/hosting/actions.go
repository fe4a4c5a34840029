package hosting

import (
	tea "charm.land/bubbletea/v2"

	"certquay/ui/kit"
	"certquay/ui/page/flow"
	"certquay/ui/text"
)

func (p *page) Actions() kit.Actions {
	c, some := p.c, p.list.Table.Total() > 0
	as := append(flow.Actions(c, p.list.Target()),
		kit.Action{ID: "details", Name: text.Called("hosting.act.details"), Binding: kit.Keys("enter"), Group: kit.View, Footer: kit.Some(kit.First, some), Asks: some, Run: p.details},
		kit.Action{ID: "certificate", Name: text.Called("act.certificate"), Binding: kit.Keys("o"), Group: kit.View, Footer: kit.Some(kit.First, some), Run: func() tea.Cmd {
			if r, ok := p.list.Table.Selected(); ok {
				return kit.Send(kit.ShownMsg{ID: r.ID})
			}
			return nil
		}},
		kit.Action{ID: "tasks", Name: text.Called("hosting.act.person"), Binding: kit.Keys("!"), Group: kit.View, Run: p.onlyPerson},
		kit.Action{ID: "panel", Name: text.Called("act.panel"), Binding: kit.Keys("f"), Group: kit.View, Footer: kit.Some(kit.Fourth, p.sums.hosted > 0), Run: p.panel},
	)
	return append(as, p.list.Actions(func() { p.only = only{} })...)
}
