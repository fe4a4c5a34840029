package deployments

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/dialog"
	"certquay/ui/kit"
	"certquay/ui/page/flow"
	"certquay/ui/text"
)

// target is the certificate that the resource under the cursor should present.
func (p *page) target() flow.Target {
	if p.onWatched() {
		return flow.Target{}
	}
	t := p.list.Target()
	if r, ok := p.list.Table.Selected(); ok && len(t.IDs) > 0 {
		t.Resource = &r
	}
	return t
}

func (p *page) Actions() kit.Actions {
	c, here := p.c, p.onWatched()
	some := p.list.Table.Total() > 0
	if here {
		some = p.watched.list.Table.Total() > 0
	}
	as := append(flow.Actions(c, p.target()), p.watched.actions(here)...)
	// What is watched has keys of its own for its rows.
	as = slices.DeleteFunc(as, func(a kit.Action) bool {
		return here && a.Group == kit.Certificate && (a.ID == "verify" || a.ID == "delete")
	})
	as = append(as,
		kit.Action{ID: "details", Name: text.Called("act.details"), Binding: kit.Keys("enter"), Group: kit.View, Footer: kit.Some(kit.First, some), Run: func() tea.Cmd {
			if p.onWatched() {
				return p.watched.details()
			}
			return p.open()
		}},
		kit.Action{ID: "next-product", Name: text.Called("act.nextproduct"), Binding: kit.Keys("]"), Group: kit.Move, Run: func() tea.Cmd { return p.choose(p.tab + 1) }},
		kit.Action{ID: "previous-product", Name: text.Called("act.prevproduct"), Binding: kit.Keys("["), Group: kit.Move, Run: func() tea.Cmd { return p.choose(p.tab - 1) }},
		kit.Action{ID: "panel", Name: text.Called("act.panel"), Binding: kit.Keys("f"), Group: kit.View, Hidden: here, Footer: kit.Some(kit.Fourth, some), Run: p.panel},
		kit.Action{ID: "hosted-only", Name: text.Called("act.hosted"), Binding: kit.Keys("H"), Group: kit.View, Hidden: here, Run: func() tea.Cmd {
			p.filter.Hosted = !p.filter.Hosted
			return p.list.Relist()
		}},
		kit.Action{ID: "copy", Name: text.Called("act.copy.address"), Binding: kit.Keys("y"), Group: kit.View, Footer: kit.Some(kit.First, some), Run: p.copy},
	)
	if here {
		return append(as, p.watched.list.Actions(func() {})...)
	}
	return append(as, p.list.Actions(func() { p.filter = lifecycle.ResourceFilter{Product: p.filter.Product} })...)
}

func (p *page) copy() tea.Cmd {
	if p.onWatched() {
		return p.watched.copy()
	}
	r, ok := p.list.Table.Selected()
	if !ok {
		return nil
	}
	text := r.Address
	if text == "" {
		text = r.Name
	}
	return kit.Send(kit.CopiedMsg{What: p.c.T("copy.address"), Text: text})
}

// panel opens the filter panel: states, hosted, auto-deploy, with counts of
// what each lists.
func (p *page) panel() tea.Cmd {
	c, base := p.c, p.asked()
	var cs []dialog.Choice
	for i, s := range append([]model.ResourceState{""}, model.ResourceStates...) {
		ch := dialog.Choice{Key: "state:" + string(s), Label: c.Text.Or("label."+string(s), string(s)), One: true, On: base.State == s, Count: -1}
		if i == 0 {
			ch.Head, ch.Label = c.T("panel.states"), c.T("panel.any")
		}
		cs = append(cs, ch)
	}
	cs = append(cs,
		dialog.Choice{Key: "hosted:on", Head: c.T("panel.derived"), Label: c.T("label.hosted"), On: base.Hosted, Count: -1},
		dialog.Choice{Key: "auto:on", Label: c.T("label.auto-deploy"), On: base.Auto, Count: -1})
	of := func(cs []dialog.Choice, only string) lifecycle.ResourceFilter {
		f := base
		f.State, f.Hosted, f.Auto = "", false, false
		for _, ch := range cs {
			kind, v, _ := strings.Cut(ch.Key, ":")
			on := ch.On
			if k, _, _ := strings.Cut(only, ":"); k == kind {
				on = ch.Key == only
			}
			switch {
			case on && kind == "state":
				f.State = model.ResourceState(v)
			case on && kind == "hosted":
				f.Hosted = true
			case on && kind == "auto":
				f.Auto = true
			}
		}
		return f
	}
	count := func(cs []dialog.Choice) tea.Cmd {
		cs = append([]dialog.Choice(nil), cs...)
		return c.Do(func(context.Context) tea.Msg {
			counts := map[string]int{}
			for _, ch := range cs {
				f := of(cs, ch.Key)
				f.Limit = 1
				_, n, err := c.Backend.Resources(f)
				if err != nil {
					return flow.Tell(c, err)
				}
				counts[ch.Key] = n
			}
			return dialog.CountedMsg{Counts: counts}
		})
	}
	open := kit.OpenedMsg{
		Make: func() kit.Dialog {
			return &dialog.Panel{Context: c, Title: c.T("panel.title"), Choices: cs, Changed: count}
		},
		Then: func(v any) tea.Cmd {
			cs, ok := v.([]dialog.Choice)
			if !ok {
				return nil
			}
			p.filter = of(cs, "")
			return p.list.Relist()
		},
	}
	return tea.Sequence(kit.Send(open), count(cs))
}
