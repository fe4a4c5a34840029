package activity

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/text"
)

func (p *page) Actions() app.Actions {
	c := p.c
	move := func(id string, by func(), keys ...string) app.Action {
		return c.MoveAction(id, func() tea.Cmd { by(); return p.loadMore() }, keys...)
	}
	some := p.table.Total() > 0
	as := c.SortActions([]model.Sort{byTime}, nil, p.order, p.sort)
	return append(as, app.Actions{
		{
			ID:      "details",
			Name:    text.NewName("act.event"),
			Binding: app.Keys("enter"),
			Group:   app.View,
			Footer:  app.RankIf(app.First, some),
			Run:     p.open,
		},
		{
			ID:      "certificate",
			Name:    text.NewName("act.certificate"),
			Binding: app.Keys("o"),
			Group:   app.View,
			Footer:  app.RankIf(app.First, some),
			Run: func() tea.Cmd {
				if e, ok := p.table.Selected(); ok && e.Instance != "" {
					return app.Send(app.ShowInstanceMsg{ID: e.Instance})
				}
				return nil
			},
		},
		{
			ID:      "filter",
			Name:    text.NewName("act.filter"),
			Binding: app.Keys("/"),
			Group:   app.View,
			Footer:  app.RankIf(app.Fourth, some || p.input.Value() != ""),
			Run:     func() tea.Cmd { p.typing = true; return nil },
		},
		{
			ID:      "copy",
			Name:    text.NewName("act.copy.line"),
			Binding: app.Keys("y"),
			Group:   app.View,
			Footer:  app.RankIf(app.First, some),
			Run:     p.copy,
		},
		{
			ID:      "back",
			Name:    text.NewName("act.back"),
			Binding: app.Keys("esc"),
			Group:   app.View,
			Hidden:  p.input.Value() == "",
			Run:     func() tea.Cmd { return p.setFilter("") },
		},
		{
			ID:      "panel",
			Name:    text.NewName("act.panel"),
			Binding: app.Keys("f"),
			Group:   app.View,
			Footer:  app.RankIf(app.Fourth, some),
			Run:     p.panel,
		},
		{
			ID:         "day-before",
			Name:       text.NewName("act.day.before"),
			Binding:    app.Keys("["),
			ShortLabel: c.T("activity.foot.day"),
			Group:      app.View,
			Footer:     app.RankIf(app.Third, some),
			Run:        func() tea.Cmd { return p.stepDay(-1) },
		},
		{
			ID:      "day-after",
			Name:    text.NewName("act.day.after"),
			Binding: app.Keys("]"),
			Group:   app.View,
			Run:     func() tea.Cmd { return p.stepDay(1) },
		},
		move("down", func() { p.table.Move(1) }, "j", "down"),
		move("up", func() { p.table.Move(-1) }, "k", "up"),
		move("top", func() { p.table.Home() }, "g", "home"),
		move("end", func() { p.table.End() }, "G", "end"),
		move("halfdown", func() { p.table.Page(1) }, "ctrl+d"),
		move("halfup", func() { p.table.Page(-1) }, "ctrl+u"),
		move("pagedown", func() { p.table.Page(2) }, "pgdown"),
		move("pageup", func() { p.table.Page(-2) }, "pgup"),
	}...)
}

// open shows the selected event in full.
func (p *page) open() tea.Cmd {
	e, ok := p.table.Selected()
	if !ok {
		return nil
	}
	return action.ShowEvent(p.c, &e.Event, e.begun)
}

// panel opens the filter panel.
func (p *page) panel() tea.Cmd {
	c, start := p.c, p.choices()
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Panel{
				Context: c, Title: c.T("panel.title"), Choices: start, Changed: func([]dialog.Choice) tea.Cmd { return nil },
			}
		},
		Then: func(v any) tea.Cmd {
			if cs, ok := v.([]dialog.Choice); ok {
				return p.setFilter(chosen(p.input.Value(), cs))
			}
			return nil
		},
	})
}

func (p *page) copy() tea.Cmd {
	e, ok := p.table.Selected()
	if !ok {
		return nil
	}
	parts := []string{
		e.At.UTC().Format("2006-01-02T15:04:05Z"),
		e.Actor,
		e.Action,
		p.c.Text.Subject(&e.Event),
		e.Result,
		p.c.Text.Text(e.Reason),
		p.c.Text.Text(e.Detail),
	}
	return app.Send(app.CopyMsg{What: p.c.T("copy.line"), Text: strings.Join(strings.Fields(strings.Join(parts, " ")), " ")})
}
