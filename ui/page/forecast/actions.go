package forecast

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/forecast"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/text"
)

func (p *page) Actions() app.Actions {
	c := p.c
	var as app.Actions
	for _, a := range action.Actions(c, action.Target{}) {
		if a.Disabled == nil { // what needs no certificate
			as = append(as, a)
		}
	}
	some := p.a != nil && p.a.Instances > 0
	move := func(id string, by func(mover), keys ...string) app.Action {
		return c.MoveAction(id, func() tea.Cmd {
			by(p.focused())
			if !p.aux {
				p.moments.Reset()
				p.moved()
			}
			return nil
		}, keys...)
	}
	enter := app.Action{ID: "details", Name: text.Called("act.forecast.open"), Binding: app.Keys("enter"), ShortLabel: c.T("forecast.foot.days"), Group: app.View, Footer: app.RankIf(app.First, some), Run: p.open}
	switch {
	case p.aux:
		enter.ShortLabel = c.T("foot.o")
	case p.inDays:
		enter.ShortLabel = c.T("forecast.foot.moments")
	}
	esc := app.Action{ID: "back", Name: text.Called("act.forecast.back"), Binding: app.Keys("esc"), Group: app.View, Footer: app.First, Hidden: p.run == nil && !p.aux && !p.inDays, Run: p.back}
	if !p.aux && !p.inDays {
		esc.ShortLabel = c.T("forecast.foot.stop")
	}
	more := app.Action{ID: "more-months", Name: text.Called("act.forecast.more"), Binding: app.Keys("+"), ShortLabel: c.T("forecast.foot.more"), Group: app.View, Footer: app.RankIf(app.Fourth, some), Run: func() tea.Cmd { return p.reach(p.months + shortly) }}
	if p.months >= forecast.MaxMonths {
		more.Disabled, more.Run = app.Disabled(c.T("forecast.most", forecast.MaxMonths), c.T("forecast.most.hint")), nil
	}
	less := app.Action{ID: "fewer-months", Name: text.Called("act.forecast.less"), Binding: app.Keys("-"), ShortLabel: c.T("forecast.foot.less"), Group: app.View, Footer: app.RankIf(app.Fourth, some), Run: func() tea.Cmd { return p.reach(p.months - shortly) }}
	if p.months <= shortly {
		less.Disabled, less.Run = app.Disabled(c.T("forecast.least", shortly), c.T("forecast.least.hint", shortly)), nil
	}
	as = append(as, enter,
		app.Action{ID: "policy", Name: text.Called("act.forecast.policy"), Binding: app.Keys("p"), ShortLabel: c.T("forecast.foot.policy"), Group: app.View, Footer: app.RankIf(app.First, some), Run: p.against},
		p.whose(), more, less,
		app.Action{ID: "explain", Name: text.Called("action.explain"), Binding: app.Keys("x"), Group: app.View, Footer: app.RankIf(app.Second, some), Hidden: p.a == nil, Run: p.explain},
		app.Action{ID: "forecast-again", Name: text.Called("act.forecast.again"), Binding: app.Keys("ctrl+r"), ShortLabel: c.T("forecast.foot.again"), Group: app.View, Footer: app.Fourth, Run: func() tea.Cmd { return p.anew() }},
		esc)
	for _, policy := range forecast.Policies[1:] {
		as = append(as, app.Action{ID: "compare-" + policy, Name: text.Called("act.forecast.compare", text.Called("policy."+policy)), Group: app.View, Run: func() tea.Cmd {
			p.compare = policy
			return p.ask()
		}})
	}
	as = append(as, c.SortActions(sorts, func() app.Order { return p.order }, p.sort)...)
	return append(as,
		app.Action{ID: "right", Name: text.Called("act.forecast.moments"), Binding: app.Keys("l", "right"), Group: app.Move, Run: func() tea.Cmd { p.focus(true); return nil }},
		app.Action{ID: "left", Name: text.Called("act.forecast.rows"), Binding: app.Keys("h", "left"), Group: app.Move, Run: func() tea.Cmd { p.focus(false); return nil }},
		move("down", func(m mover) { m.Move(1) }, "j", "down"), move("up", func(m mover) { m.Move(-1) }, "k", "up"),
		move("top", mover.Home, "g", "home"), move("end", mover.End, "G", "end"),
		move("halfdown", func(m mover) { m.Page(1) }, "ctrl+d"), move("halfup", func(m mover) { m.Page(-1) }, "ctrl+u"),
		move("pagedown", func(m mover) { m.Page(2) }, "pgdown"), move("pageup", func(m mover) { m.Page(-2) }, "pgup"),
	)
}

// mover is a table as the keys see it.
type mover interface {
	Move(n int)
	Page(halves int)
	Home()
	End()
	Scroll(n int)
}

// focused is the table that has the keys.
func (p *page) focused() mover {
	if p.aux {
		return &p.moments
	}
	return p.list()
}

func (p *page) scroll(by int) {
	p.focused().Scroll(by)
	if !p.aux {
		p.moved()
	}
}

// reach changes how many months are looked at.
func (p *page) reach(months int) tea.Cmd {
	p.months = min(max(months/shortly*shortly, shortly), forecast.MaxMonths)
	return p.ask()
}

// against goes to the next policy to compare with; after the last to none.
func (p *page) against() tea.Cmd {
	all := forecast.Policies
	p.compare = all[(slices.Index(all, p.compare)+1)%len(all)]
	p.theirs = p.theirs && p.compare != forecast.AsConfigured
	return p.ask()
}

// open goes from a month to its days, from a day to what happens on it, and
// from there to the certificate.
func (p *page) open() tea.Cmd {
	switch {
	case p.a == nil:
	case p.aux:
		if h, ok := p.moments.Selected(); ok && h[0].Instance != "" {
			return app.Send(app.ShowInstanceMsg{ID: h[0].Instance})
		}
	case p.inDays:
		if p.focus(true); !p.aux {
			return p.explain()
		}
	default:
		p.inDays = true
		p.byDay.Reset()
		p.moments.Reset()
		p.arrange()
		if r, ok := p.byMonth.Selected(); ok {
			if d := busiest(p.listed(), r); d != nil {
				_, rows := p.byDay.Loaded()
				p.byDay.Select(max(slices.IndexFunc(rows, func(r row) bool { return r.start.Equal(d.Start) }), 0))
				p.moved()
			}
		}
	}
	return nil
}

// back goes where open came from; from the months it stops computing.
func (p *page) back() tea.Cmd {
	switch {
	case p.aux:
		p.focus(false)
	case p.inDays:
		p.inDays = false
		p.moments.Reset()
		p.arrange()
	case p.run != nil:
		p.stop()
		p.stopped = true
	}
	return nil
}

// click puts the cursor where somebody clicks.
func (p *page) click(x, y int) {
	if p.a == nil {
		return
	}
	if aux := p.aux && !p.wide() || p.wide() && x > p.left(); aux {
		p.focus(p.moments.Click(y-headLines-len(p.facts())) || p.aux)
		return
	}
	if y == headLines+p.stripLines() && x < p.left() {
		if s := model.Sort(p.list().SortAt(x)); s != "" {
			p.sort(p.order.By(s))
		}
		return
	}
	if p.list().Click(y - headLines - p.stripLines()) {
		p.focus(false)
		p.moments.Reset()
		p.moved()
	}
}

// Notes says in the help what the columns and the policies mean.
func (p *page) Notes() []string {
	c := p.c
	return []string{c.T("forecast.notes.columns"), c.T("forecast.notes.policies")}
}
