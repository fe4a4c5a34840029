package overview

import (
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/model/where"
	"certquay/ui/dialog"
)

// choices are the lines of the filter panel. Their keys are conditions of the query.
func (p *page) choices() []dialog.Choice {
	c := p.c
	var cs []dialog.Choice
	several := func(kind, head string, values []string) {
		for i, v := range values {
			ch := dialog.Choice{Key: kind + ":" + v, Label: c.Text.Lookup("label."+v, v), Count: -1}
			if i == 0 {
				ch.Head = c.T(head)
			}
			cs = append(cs, ch)
		}
	}
	one := func(kind, head, any string, values []string, label func(string) string) {
		cs = append(cs, dialog.Choice{Key: kind + ":", Head: c.T(head), Label: c.T(any), Radio: true, Count: -1})
		for _, v := range values {
			cs = append(cs, dialog.Choice{Key: kind + ":" + v, Label: label(v), Radio: true, Count: -1})
		}
	}
	several(string(where.State), "panel.states", where.Instances.Values(where.State))
	one(
		string(where.Group),
		"panel.group",
		"panel.any",
		where.Instances.Values(where.Group),
		func(v string) string { return c.T("group." + v) },
	)
	var derived []string
	for _, d := range model.DerivedValues {
		derived = append(derived, string(d))
	}
	several(string(where.Property), "panel.derived", derived)
	cs = append(cs, dialog.Choice{Key: "origin:upload", Label: c.T("filter.uploaded"), Count: -1})
	one(
		"within",
		"panel.within",
		"panel.anytime",
		[]string{"expires<7d", "expires<14d", "expires<30d", "expires<90d"},
		func(v string) string {
			return c.T("panel.days", strings.TrimSuffix(strings.TrimPrefix(v, "expires<"), "d"))
		},
	)
	if len(p.brands) > 1 {
		one(string(where.Issuer), "panel.brand", "panel.any", p.brands, clean)
	}
	one(string(where.Product), "panel.product", "panel.any", p.products, clean)
	if tags := slices.Sorted(maps.Keys(p.counts.Tags)); len(tags) > 0 {
		one(string(where.Tag), "panel.tag", "panel.any", tags[:min(len(tags), maxPanelTags)], clean)
	}
	for i, s := range sorts {
		ch := dialog.Choice{
			Key:   "sort:" + string(s),
			Label: c.T("order." + string(s)),
			Radio: true,
			On:    p.query.Sort == s || p.query.Sort == "" && i == 0,
			Count: -1,
		}
		if i == 0 {
			ch.Head = c.T("panel.sort")
		}
		cs = append(cs, ch)
	}
	return cs
}

// maxPanelTags is how many tags the panel offers; the query knows all.
const maxPanelTags = 12

// panel opens the filter panel, which edits the query.
func (p *page) panel() tea.Cmd {
	c, base := p.c, p.query
	return dialog.QueryPanel{
		Language: where.Instances, Choices: p.choices(), Query: p.search.Expr(),
		Count: func(query string) (int, error) {
			q := base
			q.Filter.Where, q.Limit, q.Now = query, 1, c.Backend.Now()
			page, err := c.Backend.Page(q)
			return page.Total, err
		},
		Chosen: func(query string, choices []dialog.Choice) tea.Cmd {
			p.search.Set(query)
			for _, ch := range choices {
				if s, ok := strings.CutPrefix(ch.Key, "sort:"); ok && ch.On {
					p.query.Sort = model.Sort(s)
				}
			}
			return p.sort(p.order())
		},
	}.Open(c)
}

func (p *page) filterKey(m tea.KeyPressMsg) tea.Cmd {
	return p.search.Key(m, func(by int) tea.Cmd { p.table.Move(by); return p.cursorMoved() }, p.relist)
}
