package overview

import (
	"context"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/model/where"
	"certquay/ui/app"
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
			Label: c.T("panel.sort." + string(s)),
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

// panel opens the filter panel, which edits the query. The count beside a choice is how
// many rows the list would have with it and the other kinds unchanged, asked by the
// query that lists, so that the two cannot differ (spec S5).
func (p *page) panel() tea.Cmd {
	c, base := p.c, p.query
	start := p.choices()
	rest := dialog.ChooseQuery(start, p.search.Expr())
	count := func(cs []dialog.Choice) tea.Cmd {
		cs = slices.Clone(cs)
		return c.Do(func(context.Context) tea.Msg {
			counts := map[string]int{}
			for _, ch := range cs {
				kind, _, _ := strings.Cut(ch.Key, ":")
				if kind == "sort" {
					continue
				}
				with := slices.Clone(cs)
				for i := range with {
					if (ch.Radio || kind == "state") && strings.HasPrefix(with[i].Key, kind+":") {
						with[i].On = false
					}
					if with[i].Key == ch.Key {
						with[i].On = true
					}
				}
				q := base
				q.Filter.Where = dialog.ChosenQuery(where.Instances, with, rest)
				q.Limit, q.Now = 1, c.Backend.Now()
				got, err := c.Backend.Page(q)
				if err != nil {
					return c.LoadFailed(err)
				}
				counts[ch.Key] = got.Total
			}
			return dialog.CountedMsg{Counts: counts}
		})
	}
	open := app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Panel{Context: c, Title: c.T("panel.title"), Choices: start, Changed: count}
		},
		Then: func(v any) tea.Cmd {
			cs, ok := v.([]dialog.Choice)
			if !ok {
				return nil
			}
			p.search.Set(dialog.ChosenQuery(where.Instances, cs, rest))
			for _, ch := range cs {
				if s, ok := strings.CutPrefix(ch.Key, "sort:"); ok && ch.On {
					p.query.Sort = model.Sort(s)
				}
			}
			return p.sort(p.order())
		},
	}
	return tea.Sequence(app.Send(open), count(start))
}

func (p *page) filterKey(m tea.KeyPressMsg) tea.Cmd {
	return p.search.Key(m, func(by int) tea.Cmd { p.table.Move(by); return p.cursorMoved() }, p.relist)
}
