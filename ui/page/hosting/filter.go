package hosting

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
)

// only is what the tab is filtered by, beside the text.
type only struct {
	person, failing, spent bool
	auto                   string // "on", "off", or "" for both
}

// filter is the store's filter for it. What needs a person is read from the
// open tasks, so it belongs into commands.
func (o only) filter(b app.Backend, text string) (model.Filter, error) {
	f := model.Filter{Derived: []model.Derived{model.Hosted}, Spent: o.spent, Text: text}
	if o.failing {
		f.Derived = append(f.Derived, model.Failing)
	}
	switch o.auto {
	case "on":
		f.Derived = append(f.Derived, model.AutoDeploy)
	case "off":
		f.Without = append(f.Without, model.AutoDeploy)
	}
	if !o.person {
		return f, nil
	}
	var err error
	f.Only, err = needing(b)
	return f, err
}

// needing are the certificates of which something needs a person, each once and
// in order.
func needing(b app.Backend) ([]model.ID, error) {
	tasks, err := b.Tasks(0)
	ids := make([]model.ID, 0, len(tasks))
	for _, t := range tasks {
		ids = append(ids, t.Instance)
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// onlyPerson lists only what needs a person, or everything again.
func (p *page) onlyPerson() tea.Cmd {
	p.only.person = !p.only.person
	return p.list.Refilter()
}

// count is how many it lists; partial says that not everything was looked at
// yet.
func (o only) count(b app.Backend, text string) (n int, partial bool, err error) {
	f, err := o.filter(b, text)
	if err != nil {
		return 0, false, err
	}
	page, err := b.Page(model.Query{Filter: f, Limit: 1, Now: b.Now()})
	return page.Total, page.Partial, err
}

// words name what is filtered by.
func (o only) words(c *app.Context) (ws []string) {
	if o.person {
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

// choices are the switches of the panel as it is now.
func (o only) choices(c *app.Context) []dialog.Choice {
	cs := []dialog.Choice{
		{Key: "person:on", Head: c.T("panel.derived"), Label: c.T("hosting.only.person"), On: o.person, Count: -1},
		{Key: "failing:on", Label: c.T("label.failing"), On: o.failing, Count: -1},
		{Key: "spent:on", Label: c.T("hosting.only.spent"), On: o.spent, Count: -1},
	}
	for n, a := range []string{"", "on", "off"} {
		ch := dialog.Choice{Key: "auto:" + a, One: true, On: o.auto == a, Count: -1}
		if ch.Label = c.T("hosting.only.auto." + a); n == 0 {
			ch.Head, ch.Label = c.T("label.auto-deploy"), c.T("panel.any")
		}
		cs = append(cs, ch)
	}
	return cs
}

// chosen reads the switches; of the kind of the one key, that alone counts.
func chosen(cs []dialog.Choice, key string) (o only) {
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
			o.person = true
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

// panel opens the filter panel; the count beside a switch is what it lists with
// the others as they are.
func (p *page) panel() tea.Cmd {
	c, text := p.c, p.list.Text()
	count := func(cs []dialog.Choice) tea.Cmd {
		cs = slices.Clone(cs)
		return c.Do(func(context.Context) tea.Msg {
			counts := map[string]int{}
			for _, ch := range cs {
				n, _, err := chosen(cs, ch.Key).count(c.Backend, text)
				if err != nil {
					return c.LoadFailed(err)
				}
				counts[ch.Key] = n
			}
			return dialog.CountedMsg{Counts: counts}
		})
	}
	cs := p.only.choices(c)
	open := app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Panel{Context: c, Title: c.T("panel.title"), Choices: cs, Changed: count}
		},
		Then: func(v any) tea.Cmd {
			cs, ok := v.([]dialog.Choice)
			if !ok {
				return nil
			}
			p.only = chosen(cs, "")
			return p.list.Refilter()
		},
	}
	return tea.Sequence(app.Send(open), count(cs))
}
