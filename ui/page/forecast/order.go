package forecast

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/forecast"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/text"
)

// Orders of the months and days. Moments are always in order of time.
const (
	byTime        model.Sort = "time"
	byVersions    model.Sort = "versions"
	byDeployments model.Sort = "deployments"
	byPeople      model.Sort = "people"
)

var sorts = []model.Sort{byTime, byVersions, byDeployments, byPeople}

// figures are the figures that rows can be sorted by, the highest first.
var figures = map[model.Sort]func(*forecast.Tally) int{
	byVersions:    versions,
	byDeployments: func(t *forecast.Tally) int { return t.Deployments },
	byPeople:      func(t *forecast.Tally) int { return t.People },
}

// sortRows sorts rows by the figures of the policy that is listed; the row of all
// months stays on top.
func (p *page) sortRows(rows []row) {
	figure := func(r *row) int {
		of := figures[p.order.Sort]
		switch {
		case of == nil:
			return 0
		case p.listOther && r.other != nil:
			return of(r.other)
		}
		return of(&r.base)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch {
		case a.whole:
			return -1
		case b.whole:
			return 1
		case p.order.Sort == byTime && p.order.Desc:
			return b.start.Compare(a.start)
		case p.order.Sort == byTime:
			return a.start.Compare(b.start)
		case p.order.Desc:
			return figure(&b) - figure(&a)
		}
		return figure(&a) - figure(&b)
	})
}

// sort changes the order; figures are listed with the most first unless reversed.
func (p *page) sort(o app.Order) tea.Cmd {
	if o.Sort != p.order.Sort {
		o.Desc = o.Sort != byTime
	}
	p.order = o
	p.list().Reset()
	p.moments.Reset()
	p.arrange()
	return nil
}

// switchPolicy is the action that lists the occurrences under the configured policy, or
// under the one compared with. The totals of both are always shown.
func (p *page) switchPolicy() app.Action {
	c := p.c
	other := p.compare
	if p.listOther {
		other = forecast.AsConfigured
	}
	a := app.Action{
		ID:         "whose-moments",
		Name:       text.NewName("act.forecast.whose"),
		Binding:    app.Keys("W"),
		ShortLabel: c.T("forecast.foot.whose", policyName(c, other)),
		Group:      app.View,
		Footer:     app.RankIf(app.First, p.other != nil),
		Run: func() tea.Cmd {
			p.listOther = !p.listOther
			p.moments.Reset()
			p.arrange()
			return nil
		},
	}
	switch {
	case p.compare == forecast.AsConfigured:
		return a.DisableIf(
			app.Disabled(
				c.T("forecast.whose.none"), c.T("forecast.whose.none.hint", c.KeyFor("policy", "p")),
				app.KeyHint{Key: c.KeyFor("policy", "p"), Label: c.T("act.forecast.policy")},
			),
		)
	case p.other == nil:
		return a.DisableIf(app.Disabled(c.T("forecast.whose.wait", policyName(c, p.compare)), c.T("forecast.whose.wait.hint")))
	}
	return a
}

// arrange fills the tables from the reports on the screen.
func (p *page) arrange() {
	if p.base == nil {
		return
	}
	rows := monthRows(p.base, p.other)
	p.byMonth.Columns = columns(p.c, p.columnShape(rows, false))
	for _, t := range []*list.Table[row]{&p.byMonth, &p.byDay} {
		t.SortedBy, t.Desc = string(p.order.Sort), p.order.Desc
	}
	p.sortRows(rows)
	p.byMonth.SetWindow(0, rows, len(rows))
	if p.inDays {
		of, _ := p.byMonth.Selected()
		ds := dayRows(p.base, p.other, of)
		p.days = slices.Clone(ds)
		p.byDay.Columns = columns(p.c, p.columnShape(ds, true))
		p.sortRows(ds)
		p.byDay.SetWindow(0, ds, len(ds))
	}
	p.rowChanged()
}

func (p *page) columnShape(rows []row, days bool) shape {
	sh := shape{days: days, scale: scaleOf(rows), order: p.order.Sort, rows: rows}
	if p.compare != forecast.AsConfigured {
		sh.other = policyName(p.c, p.compare)
	}
	return sh
}
