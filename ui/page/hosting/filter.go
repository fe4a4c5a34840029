package hosting

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/dialog"
)

// Conditions of the query that the tab counts and its panel offers.
const (
	needsPerson = string(where.Property) + ":" + where.NeedsPerson
	noRenewals  = string(where.Property) + ":" + where.NoRenewals
	failing     = string(where.Property) + ":" + string(model.Failing)
	autoDeploy  = string(where.Property) + ":" + string(model.AutoDeploy)
)

// hostedFilter is the filter of the tab with a query.
func hostedFilter(query string) model.Filter {
	return model.Filter{Derived: []model.Derived{model.Hosted}, Where: query}
}

// count returns how many rows the tab lists with a query; partial reports that not all
// have been counted yet.
func count(b *lifecycle.Access, query string) (n int, partial bool, err error) {
	page, err := b.Page(model.Query{Filter: hostedFilter(query), Limit: 1, Now: b.Now()})
	return page.Total, page.Partial, err
}

// waitingIDs are the certificates with tasks for a person, each once and in order.
func waitingIDs(b *lifecycle.Access) ([]model.ID, error) {
	tasks, err := b.Tasks(0)
	ids := make([]model.ID, 0, len(tasks))
	for _, t := range tasks {
		ids = append(ids, t.Instance)
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// toggleNeedsPerson lists only what has tasks for a person, or everything again.
func (p *page) toggleNeedsPerson() tea.Cmd {
	p.list.Search().Toggle(needsPerson)
	return p.list.Refilter()
}

// panel opens the filter panel, which edits the query.
func (p *page) panel() tea.Cmd {
	c := p.c
	cs := []dialog.Choice{
		{Key: needsPerson, Head: c.T("panel.derived"), Label: c.T("hosting.only.person"), Count: -1},
		{Key: failing, Label: c.T("label.failing"), Count: -1},
		{Key: noRenewals, Label: c.T("hosting.only.spent"), Count: -1},
		{Key: "auto:", Head: c.T("label.auto-deploy"), Label: c.T("panel.any"), Radio: true, Count: -1},
		{Key: "auto:" + autoDeploy, Label: c.T("hosting.only.auto.on"), Radio: true, Count: -1},
		{Key: "auto:!" + autoDeploy, Label: c.T("hosting.only.auto.off"), Radio: true, Count: -1},
	}
	return dialog.QueryPanel{
		Language: where.Instances, Choices: cs, Query: p.list.Search().Expr(),
		Count: func(query string) (int, error) {
			n, _, err := count(c.Backend, query)
			return n, err
		},
		Chosen: func(query string, _ []dialog.Choice) tea.Cmd {
			p.list.Search().Set(query)
			return p.list.Refilter()
		},
	}.Open(c)
}
