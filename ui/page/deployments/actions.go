package deployments

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/text"
)

// target is the marked resources with the certificates that they should present, else
// those of the resource under the cursor.
func (p *page) target() action.Target {
	if p.onWatched() {
		return action.Target{}
	}
	marked := p.list.Marked()
	if len(marked) == 0 {
		t := action.On(p.list.Active())
		if r, ok := p.list.Table.Selected(); ok && len(t.IDs) > 0 {
			t.Resources = []lifecycle.ResourceView{r}
		}
		return t
	}
	t := action.Target{Resources: marked}
	for n := range marked {
		id := marked[n].Instance
		if id != "" && !slices.Contains(t.IDs, id) {
			t.IDs = append(t.IDs, id)
		}
		if p.list.Hidden(string(marked[n].ID)) && !slices.Contains(t.Hidden, id) {
			t.Hidden = append(t.Hidden, id)
		}
	}
	return t
}

func (p *page) Actions() app.Actions {
	c, here := p.c, p.onWatched()
	some := p.list.Table.Total() > 0
	columns := dialog.ColumnList(p.list)
	if here {
		some, columns = p.watched.list.Table.Total() > 0, p.watched.list
	}
	as := append(action.Actions(c, p.target()), p.watched.actions(here)...)
	// Watched endpoints have keys of their own for their rows.
	as = slices.DeleteFunc(as, func(a app.Action) bool {
		return here && a.Group == app.Certificate && (a.ID == "verify" || a.ID == "delete")
	})
	as = append(
		as,
		app.Action{
			ID:      "details",
			Name:    text.NewName("act.details"),
			Binding: app.Keys("enter"),
			Group:   app.View,
			Footer:  app.RankIf(app.First, some),
			Run: func() tea.Cmd {
				if p.onWatched() {
					return p.watched.details()
				}
				return p.open()
			},
		},
		app.Action{
			ID:      "certificate",
			Name:    text.NewName("act.certificate"),
			Binding: app.Keys("o"),
			Group:   app.View,
			Hidden:  here,
			Footer:  app.RankIf(app.First, some),
			Run:     p.list.Shown,
		},
		app.Action{
			ID:      "next-product",
			Name:    text.NewName("act.nextproduct"),
			Binding: app.Keys("]"),
			Group:   app.Move,
			Run:     func() tea.Cmd { return p.choose(p.tab + 1) },
		},
		app.Action{
			ID:      "previous-product",
			Name:    text.NewName("act.prevproduct"),
			Binding: app.Keys("["),
			Group:   app.Move,
			Run:     func() tea.Cmd { return p.choose(p.tab - 1) },
		},
		action.ShowProducts(c),
		app.Action{
			ID:      "panel",
			Name:    text.NewName("act.panel"),
			Binding: app.Keys("f"),
			Group:   app.View,
			Hidden:  here,
			Footer:  app.RankIf(app.Fourth, some),
			Run:     p.panel,
		},
		app.Action{
			ID:      "hosted-only",
			Name:    text.NewName("act.hosted"),
			Binding: app.Keys("H"),
			Group:   app.View,
			Hidden:  here,
			Run: func() tea.Cmd {
				p.list.Search().Toggle("is:" + string(model.Hosted))
				return p.list.Refilter()
			},
		},
		dialog.ColumnsAction(c, columns),
		action.ExportAction(c, p.export()),
		app.Action{
			ID:      "copy",
			Name:    text.NewName("act.copy.address"),
			Binding: app.Keys("y"),
			Group:   app.View,
			Footer:  app.RankIf(app.First, some),
			Run:     p.copy,
		},
	)
	if here {
		return append(as, p.watched.list.Actions()...)
	}
	return append(as, p.list.Actions()...)
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
	return app.Send(app.CopyMsg{What: p.c.T("copy.address"), Text: text})
}

// panel opens the filter panel for states, hosting and auto-deploy.
func (p *page) panel() tea.Cmd {
	c, base := p.c, p.query()
	cs := []dialog.Choice{{Key: "state:", Head: c.T("panel.states"), Label: c.T("panel.any"), Radio: true, Count: -1}}
	for _, s := range model.ResourceStates {
		cs = append(cs, dialog.Choice{
			Key: "state:" + string(s), Label: c.Text.Lookup("label."+string(s), string(s)), Radio: true, Count: -1,
		})
	}
	cs = append(cs,
		dialog.Choice{Key: "is:" + string(model.Hosted), Head: c.T("panel.derived"), Label: c.T("label.hosted"), Count: -1},
		dialog.Choice{Key: "is:" + string(model.AutoDeploy), Label: c.T("label.auto-deploy"), Count: -1})
	return dialog.QueryPanel{
		Language: where.Resources, Choices: cs, Query: p.list.Search().Expr(),
		Count: func(query string) (int, error) {
			f := base
			f.Where, f.Limit = query, 1
			_, n, err := c.Backend.Resources(f)
			return n, err
		},
		Chosen: func(query string, _ []dialog.Choice) tea.Cmd {
			p.list.Search().Set(query)
			return p.list.Refilter()
		},
	}.Open(c)
}

// export is what the sub-tab exports: the marked rows, or all that it shows.
func (p *page) export() action.Export {
	if p.onWatched() {
		n, marked, read := p.watched.list.Exported()
		return action.Export{
			Name: "watched", Count: n, Marked: marked, Verb: rules.Suggestion{Action: "watch", Args: []string{"list"}},
			Rows: func() (app.Rows, error) {
				rows, err := read()
				return app.Rows{Watches: rows}, err
			},
		}
	}
	n, marked, read := p.list.Exported()
	e := action.Export{
		Name: "resources", Count: n, Marked: marked, Verb: rules.Suggestion{Action: "resources"},
		Rows: func() (app.Rows, error) {
			rows, err := read()
			return app.Rows{Resources: rows}, err
		},
	}
	if p.product != "" {
		e.Verb.Args = append(e.Verb.Args, "--product", p.product)
	}
	if query := p.list.Text(); query != "" {
		e.Verb.Args = append(e.Verb.Args, "--where", query)
	}
	return e
}
