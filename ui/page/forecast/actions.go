package forecast

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/forecast"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/style"
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
	some := p.base != nil && p.base.Instances > 0
	move := func(id string, by func(mover), keys ...string) app.Action {
		return c.MoveAction(id, func() tea.Cmd {
			by(p.focused())
			if !p.momentsFocused {
				p.moments.Reset()
				p.rowChanged()
			}
			return nil
		}, keys...)
	}
	enter := app.Action{
		ID:         "details",
		Name:       text.NewName("act.forecast.open"),
		Binding:    app.Keys("enter"),
		ShortLabel: c.T("forecast.foot.days"),
		Group:      app.View,
		Footer:     app.RankIf(app.First, some),
		Run:        p.open,
	}
	switch {
	case p.momentsFocused:
		enter.ShortLabel = c.T("foot.o")
	case p.inDays:
		enter.ShortLabel = c.T("forecast.foot.moments")
	}
	esc := app.Action{
		ID:      "back",
		Name:    text.NewName("act.forecast.back"),
		Binding: app.Keys("esc"),
		Group:   app.View,
		Footer:  app.First,
		Hidden:  p.run == nil && !p.momentsFocused && !p.inDays,
		Run:     p.back,
	}
	if !p.momentsFocused && !p.inDays {
		esc.ShortLabel = c.T("forecast.foot.stop")
	}
	more := app.Action{
		ID:         "more-months",
		Name:       text.NewName("act.forecast.more"),
		Binding:    app.Keys("+"),
		ShortLabel: c.T("forecast.foot.more"),
		Group:      app.View,
		Footer:     app.RankIf(app.Fourth, some),
		Run:        func() tea.Cmd { return p.setMonths(p.months + monthStep) },
	}
	if p.months >= forecast.MaxMonths {
		more.Disabled, more.Run = app.Disabled(c.T("forecast.most", forecast.MaxMonths), c.T("forecast.most.hint")), nil
	}
	less := app.Action{
		ID:         "fewer-months",
		Name:       text.NewName("act.forecast.less"),
		Binding:    app.Keys("-"),
		ShortLabel: c.T("forecast.foot.less"),
		Group:      app.View,
		Footer:     app.RankIf(app.Fourth, some),
		Run:        func() tea.Cmd { return p.setMonths(p.months - monthStep) },
	}
	if p.months <= monthStep {
		less.Disabled, less.Run = app.Disabled(c.T("forecast.least", monthStep), c.T("forecast.least.hint", monthStep)), nil
	}
	as = append(
		as,
		enter,
		app.Action{
			ID:         "policy",
			Name:       text.NewName("act.forecast.policy"),
			Binding:    app.Keys("p"),
			ShortLabel: c.T("forecast.foot.policy"),
			Group:      app.View,
			Footer:     app.RankIf(app.First, some),
			Run:        p.switchComparison,
		},
		p.switchPolicy(),
		more,
		less,
		app.Action{
			ID:      "explain",
			Name:    text.NewName("action.explain"),
			Binding: app.Keys("x"),
			Group:   app.View,
			Footer:  app.RankIf(app.Second, some),
			Hidden:  p.base == nil,
			Run:     p.explain,
		},
		app.Action{
			ID:         "forecast-again",
			Name:       text.NewName("act.forecast.again"),
			Binding:    app.Keys("ctrl+r"),
			ShortLabel: c.T("forecast.foot.again"),
			Group:      app.View,
			Footer:     app.Fourth,
			Run:        func() tea.Cmd { return p.compute() },
		},
		esc,
	)
	for _, policy := range forecast.Policies[1:] {
		as = append(
			as,
			app.Action{
				ID:    "compare-" + policy,
				Name:  text.NewName("act.forecast.compare", text.NewName("policy."+policy)),
				Group: app.View,
				Run: func() tea.Cmd {
					p.setCompare(policy)
					return p.ask()
				},
			},
		)
	}
	as = append(as, c.SortActions(sorts, nil, func() app.Order { return p.order }, p.sort)...)
	return append(
		as,
		app.Action{
			ID:      "right",
			Name:    text.NewName("act.forecast.moments"),
			Binding: app.Keys("l", "right"),
			Group:   app.Move,
			Run:     func() tea.Cmd { p.focus(true); return nil },
		},
		app.Action{
			ID:      "left",
			Name:    text.NewName("act.forecast.rows"),
			Binding: app.Keys("h", "left"),
			Group:   app.Move,
			Run:     func() tea.Cmd { p.focus(false); return nil },
		},
		move("down", func(m mover) { m.Move(1) }, "j", "down"),
		move("up", func(m mover) { m.Move(-1) }, "k", "up"),
		move("top", mover.Home, "g", "home"),
		move("end", mover.End, "G", "end"),
		move("halfdown", func(m mover) { m.Page(1) }, "ctrl+d"),
		move("halfup", func(m mover) { m.Page(-1) }, "ctrl+u"),
		move("pagedown", func(m mover) { m.Page(2) }, "pgdown"),
		move("pageup", func(m mover) { m.Page(-2) }, "pgup"),
	)
}

// mover is the part of a table that the keys use.
type mover interface {
	Move(n int)
	Page(halves int)
	Home()
	End()
	Scroll(n int)
}

// focused is the table with the focus.
func (p *page) focused() mover {
	if p.momentsFocused {
		return &p.moments
	}
	return p.list()
}

func (p *page) scroll(by int) {
	p.focused().Scroll(by)
	if !p.momentsFocused {
		p.rowChanged()
	}
}

// setMonths changes how many months are forecast.
func (p *page) setMonths(months int) tea.Cmd {
	p.months = min(max(months/monthStep*monthStep, monthStep), forecast.MaxMonths)
	return p.ask()
}

// switchComparison compares with the next policy that makes a difference to any issuer
// within the period, and says which were left out; after the last with none.
func (p *page) switchComparison() tea.Cmd {
	c, months, at := p.c, p.months, slices.Index(forecast.Policies, p.compare)
	return c.Do(func(context.Context) tea.Msg {
		next := nextPolicyMsg{policy: forecast.AsConfigured}
		for _, policy := range forecast.Policies[at+1:] {
			differs, err := forecast.Differs(c.Backend, policy, months)
			if err != nil {
				return c.LoadFailed(err)
			}
			if differs {
				next.policy = policy
				break
			}
			next.skipped = append(next.skipped, policy)
		}
		return next
	})
}

// nextPolicyMsg brings the next policy to compare with, and those that were skipped.
type nextPolicyMsg struct {
	policy  string
	skipped []string
}

func (p *page) nextPolicy(m nextPolicyMsg) tea.Cmd {
	c, was := p.c, p.compare
	p.setCompare(m.policy)
	if len(m.skipped) == 0 {
		return p.ask()
	}
	names := make([]string, len(m.skipped))
	for n, policy := range m.skipped {
		names[n] = policyName(c, policy)
	}
	key := "forecast.skipped"
	if m.policy == was { // nothing is compared, and nothing could be
		key = "forecast.skipped.all"
	}
	return tea.Batch(p.ask(), app.Send(app.ToastMsg{Text: c.T(key, strings.Join(names, c.T("list.join"))), Tone: style.Muted}))
}

// setCompare sets the policy to compare with.
func (p *page) setCompare(policy string) {
	p.compare = policy
	p.listOther = p.listOther && policy != forecast.AsConfigured
}

// listTop is the line of the page with the heads of the rows.
func (p *page) listTop() int {
	if p.inDays {
		return p.headLines() + p.stripLines()
	}
	return p.headLines()
}

// open goes from a month to its days, from a day to its occurrences, and from an
// occurrence to the certificate.
func (p *page) open() tea.Cmd {
	switch {
	case p.base == nil:
	case p.momentsFocused:
		if h, ok := p.moments.Selected(); ok && h[0].Instance != "" {
			return app.Send(app.ShowInstanceMsg{ID: h[0].Instance})
		}
	case p.inDays:
		if p.focus(true); !p.momentsFocused {
			return p.explain()
		}
	default:
		p.inDays = true
		p.byDay.Reset()
		p.moments.Reset()
		p.arrange()
		if r, ok := p.byMonth.Selected(); ok {
			if d := busiestDay(p.listedReport(), r); d != nil {
				_, rows := p.byDay.Loaded()
				p.byDay.Select(max(slices.IndexFunc(rows, func(r row) bool { return r.start.Equal(d.Start) }), 0))
				p.rowChanged()
			}
		}
	}
	return nil
}

// back returns to where open came from; from the months it stops the computation.
func (p *page) back() tea.Cmd {
	switch {
	case p.momentsFocused:
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

// click moves the cursor to the clicked row.
func (p *page) click(x, y int) {
	if p.base == nil {
		return
	}
	if aux := p.momentsFocused && !p.wide() || p.wide() && x > p.left(); aux {
		p.focus(p.moments.Click(y-p.headLines()-len(p.facts())) || p.momentsFocused)
		return
	}
	if y == p.listTop() && x < p.left() {
		if s := model.Sort(p.list().SortAt(x)); s != "" {
			p.sort(p.order.By(s))
		}
		return
	}
	if p.list().Click(y - p.listTop()) {
		p.focus(false)
		p.moments.Reset()
		p.rowChanged()
	}
}

// Notes explain the columns and the policies in the help.
func (p *page) Notes() []string {
	c := p.c
	return []string{c.T("forecast.notes.columns"), c.T("forecast.notes.policies")}
}
