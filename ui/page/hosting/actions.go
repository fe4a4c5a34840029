package hosting

import (
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/text"
)

// target is the marked certificates, else the one under the cursor.
func (p *page) target() action.Target {
	rows := p.list.Marked()
	if len(rows) == 0 {
		return action.On(p.list.Active())
	}
	t := action.Target{}
	for n := range rows {
		t.IDs = append(t.IDs, rows[n].ID)
		if p.list.Hidden(string(rows[n].ID)) {
			t.Hidden = append(t.Hidden, rows[n].ID)
		}
	}
	return t
}

func (p *page) Actions() app.Actions {
	c, some := p.c, p.list.Table.Total() > 0
	as := append(
		action.Actions(c, p.target()),
		app.Action{
			ID:          "details",
			Name:        text.NewName("hosting.act.details"),
			Binding:     app.Keys("enter"),
			Group:       app.View,
			Footer:      app.RankIf(app.First, some),
			OpensDialog: some,
			Run:         p.details,
		},
		app.Action{
			ID:      "certificate",
			Name:    text.NewName("act.certificate"),
			Binding: app.Keys("o"),
			Group:   app.View,
			Footer:  app.RankIf(app.First, some),
			Run:     p.list.Shown,
		},
		app.Action{ID: "hosted-tasks", Name: text.NewName("hosting.act.person"), Group: app.View,
			Run: p.toggleNeedsPerson},
		app.Action{
			ID:      "panel",
			Name:    text.NewName("act.panel"),
			Binding: app.Keys("f"),
			Group:   app.View,
			Footer:  app.RankIf(app.Fourth, p.totals.hosted > 0),
			Run:     p.panel,
		},
		dialog.ColumnsAction(c, p.list),
		action.ExportAction(c, p.export()),
	)
	return append(as, p.list.Actions()...)
}

// export is what the list exports: the marked certificates, or all that it shows.
func (p *page) export() action.Export {
	n, marked, read := p.list.Exported()
	e := action.Export{
		Name: "hosted", Count: n, Marked: marked,
		Verb: rules.Suggestion{Action: "list", Args: []string{"--hosted"}},
	}
	if query := p.list.Text(); query != "" {
		e.Verb.Args = append(e.Verb.Args, "--where", query)
	}
	e.Rows = func() (app.Rows, error) {
		rows, err := read()
		ids := make([]model.ID, len(rows))
		for n := range rows {
			ids[n] = rows[n].ID
		}
		return app.Rows{Instances: ids}, err
	}
	return e
}
