package hosting

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
)

// filter is what the tab is filtered by, beside the text.
type filter struct {
	needsPerson, failing, spent bool
	auto                        string // "on", "off", or "" for both
}

// storeFilter returns the filter of a query. It may read the open tasks, so it is for
// commands.
func (o filter) storeFilter(b *lifecycle.Access, text string) (model.Filter, error) {
	f := model.Filter{Derived: []model.Derived{model.Hosted}, Spent: o.spent, Where: text}
	if o.failing {
		f.Derived = append(f.Derived, model.Failing)
	}
	switch o.auto {
	case "on":
		f.Derived = append(f.Derived, model.AutoDeploy)
	case "off":
		f.Without = append(f.Without, model.AutoDeploy)
	}
	if !o.needsPerson {
		return f, nil
	}
	var err error
	f.Only, err = waitingIDs(b)
	return f, err
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
	p.filter.needsPerson = !p.filter.needsPerson
	return p.list.Refilter()
}

// count is the number of rows that it lists; partial reports that not all have been
// counted yet.
func (o filter) count(b *lifecycle.Access, text string) (n int, partial bool, err error) {
	f, err := o.storeFilter(b, text)
	if err != nil {
		return 0, false, err
	}
	page, err := b.Page(model.Query{Filter: f, Limit: 1, Now: b.Now()})
	return page.Total, page.Partial, err
}

// texts name what is filtered by.
func (o filter) texts(c *app.Context) (ws []string) {
	if o.needsPerson {
		ws = append(ws, c.T("hosting.only.person"))
	}
	if o.failing {
		ws = append(ws, c.T("label.failing"))
	}
	if o.auto != "" {
		ws = append(ws, c.T("hosting.only.auto."+o.auto))
	}
	if o.spent {
		ws = append(ws, c.T("hosting.only.spent"))
	}
	return ws
}

// choices are the lines of the filter panel.
func (o filter) choices(c *app.Context) []dialog.Choice {
	cs := []dialog.Choice{
		{Key: "person:on", Head: c.T("panel.derived"), Label: c.T("hosting.only.person"), On: o.needsPerson, Count: -1},
		{Key: "failing:on", Label: c.T("label.failing"), On: o.failing, Count: -1},
		{Key: "spent:on", Label: c.T("hosting.only.spent"), On: o.spent, Count: -1},
	}
	for n, a := range []string{"", "on", "off"} {
		ch := dialog.Choice{Key: "auto:" + a, Radio: true, On: o.auto == a, Count: -1}
		if ch.Label = c.T("hosting.only.auto." + a); n == 0 {
			ch.Head, ch.Label = c.T("label.auto-deploy"), c.T("panel.any")
		}
		cs = append(cs, ch)
	}
	return cs
}

// filterOf reads the choices made in the panel. Of the kind that key belongs to, only
// key counts.
func filterOf(cs []dialog.Choice, key string) (o filter) {
	alone, _, _ := strings.Cut(key, ":")
	for _, ch := range cs {
		kind, v, _ := strings.Cut(ch.Key, ":")
		on := ch.On
		if kind == alone {
			on = ch.Key == key
		}
		switch {
		case !on:
		case kind == "person":
			o.needsPerson = true
		case kind == "failing":
			o.failing = true
		case kind == "spent":
			o.spent = true
		default:
			o.auto = v
		}
	}
	return o
}

// panel opens the filter panel. The count beside a choice is how many rows the list
// would have with it and the others unchanged.
func (p *page) panel() tea.Cmd {
	c, text := p.c, p.list.Text()
	count := func(cs []dialog.Choice) tea.Cmd {
		cs = slices.Clone(cs)
		return c.Do(func(context.Context) tea.Msg {
			counts := map[string]int{}
			for _, ch := range cs {
				n, _, err := filterOf(cs, ch.Key).count(c.Backend, text)
				if err != nil {
					return c.LoadFailed(err)
				}
				counts[ch.Key] = n
			}
			return dialog.CountedMsg{Counts: counts}
		})
	}
	cs := p.filter.choices(c)
	open := app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Panel{Context: c, Title: c.T("panel.title"), Choices: cs, Changed: count}
		},
		Then: func(v any) tea.Cmd {
			cs, ok := v.([]dialog.Choice)
			if !ok {
				return nil
			}
			p.filter = filterOf(cs, "")
			return p.list.Refilter()
		},
	}
	return tea.Sequence(app.Send(open), count(cs))
}
