package overview

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
)

const day = 24 * time.Hour

// choices are the lines of the filter panel for the current query.
func (p *page) choices() []dialog.Choice {
	c, f := p.c, p.query.Filter
	var cs []dialog.Choice
	for i, s := range model.States {
		ch := dialog.Choice{
			Key:   "state:" + string(s),
			Label: c.Text.Lookup("label."+string(s), string(s)),
			On:    slices.Contains(f.States, s),
			Count: -1,
		}
		if i == 0 {
			ch.Head = c.T("panel.states")
		}
		cs = append(cs, ch)
	}
	for i, d := range model.DerivedValues {
		ch := dialog.Choice{
			Key:   "derived:" + string(d),
			Label: c.Text.Lookup("label."+string(d), string(d)),
			On:    slices.Contains(f.Derived, d),
			Count: -1,
		}
		if i == 0 {
			ch.Head = c.T("panel.derived")
		}
		cs = append(cs, ch)
	}
	cs = append(cs, dialog.Choice{Key: "origin:upload", Label: c.T("filter.uploaded"), On: f.Uploaded, Count: -1})
	one := func(kind, head, any string, values []string, now string, label func(string) string) {
		for i, v := range append([]string{""}, values...) {
			ch := dialog.Choice{Key: kind + ":" + v, Radio: true, On: now == v, Count: -1}
			if i == 0 {
				ch.Head, ch.Label = c.T(head), c.T(any)
			} else {
				ch.Label = label(v)
			}
			cs = append(cs, ch)
		}
	}
	days := ""
	if f.Within > 0 {
		days = strconv.Itoa(int(f.Within / day))
	}
	one("within", "panel.within", "panel.anytime", []string{"7", "30", "90"}, days, func(v string) string { return c.T("panel.days", v) })
	if len(p.brands) > 1 {
		one("brand", "panel.brand", "panel.any", p.brands, f.Brand, clean)
	}
	one("product", "panel.product", "panel.any", p.products, f.Product, clean)
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

// filterOf is the query for the choices made in the panel.
func filterOf(q model.Query, cs []dialog.Choice) model.Query {
	f := &q.Filter
	f.States, f.Derived, f.Uploaded, f.Within, f.Brand, f.Product = nil, nil, false, 0, "", ""
	for _, c := range cs {
		if !c.On {
			continue
		}
		switch kind, v, _ := strings.Cut(c.Key, ":"); kind {
		case "state":
			f.States = append(f.States, model.State(v))
		case "derived":
			f.Derived = append(f.Derived, model.Derived(v))
		case "origin":
			f.Uploaded = true
		case "within":
			n, _ := strconv.Atoi(v) // "" is no limit
			f.Within = time.Duration(n) * day
		case "brand":
			f.Brand = v
		case "product":
			f.Product = v
		case "sort":
			q.Sort = model.Sort(v)
		}
	}
	return q
}

// panel opens the filter panel. The count beside a choice is how many rows the list
// would have with it and the other kinds unchanged, asked by the query that lists, so
// that the two cannot differ (spec S5).
func (p *page) panel() tea.Cmd {
	c, base := p.c, p.query
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
				q := filterOf(base, with)
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
	start := p.choices()
	open := app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Panel{Context: c, Title: c.T("panel.title"), Choices: start, Changed: count}
		},
		Then: func(v any) tea.Cmd {
			cs, ok := v.([]dialog.Choice)
			if !ok {
				return nil
			}
			p.query = filterOf(p.query, cs)
			return p.sort(p.order())
		},
	}
	return tea.Sequence(app.Send(open), count(start))
}

func (p *page) filterKey(m tea.KeyPressMsg) tea.Cmd {
	switch m.String() {
	case "enter":
		p.typing = false
		p.input.End()
	case "esc", "ctrl+c":
		p.typing = false
		if p.input.Value() != "" {
			p.input.SetValue("")
			return p.refilter()
		}
	case "up":
		p.table.Move(-1)
		return p.cursorMoved()
	case "down":
		p.table.Move(1)
		return p.cursorMoved()
	default:
		if p.input.Update(m) {
			return p.refilter()
		}
	}
	return nil
}

// refilter lists again for the text typed into the filter.
func (p *page) refilter() tea.Cmd {
	p.query.Filter.Text = strings.TrimSpace(p.input.Value())
	return p.relist()
}
