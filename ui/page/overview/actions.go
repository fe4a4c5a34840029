package overview

import (
	"maps"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/list"
	"certquay/ui/text"
)

func clean(s string) string { return text.Clean(s) }

// target is what life-cycle actions act on: the marked certificates, else the selected
// one.
func (p *page) target() action.Target {
	t := action.Target{}
	if p.details != nil {
		t.IDs = []model.ID{p.details.id}
		t.Version = p.details.version()
		if r := p.details.resource(); r != nil {
			t.Resources = []lifecycle.ResourceView{*r}
		}
	} else if len(p.table.Marked) > 0 {
		t.IDs, t.Hidden = p.markedIDs(), p.hidden
		t.Marked = p.markedCases(t.IDs)
	} else if r, ok := p.table.Selected(); ok {
		t.IDs = []model.ID{r.ID}
	}
	if p.active != nil && len(t.IDs) > 0 && (p.active.Instance.ID == t.IDs[0] || len(t.IDs) > 1) {
		t.Case = p.active
	}
	return t
}

func (p *page) Actions() app.Actions {
	as := action.Actions(p.c, p.target())
	if p.details != nil {
		return append(as, p.details.actions(p)...)
	}
	c := p.c
	move := func(id string, by func(), keys ...string) app.Action {
		return c.MoveAction(id, func() tea.Cmd { by(); return p.cursorMoved() }, keys...)
	}
	some := p.table.Total() > 0
	line, side := 1, 0
	if p.cardsShown() {
		line, side = p.perLine(), 1
	}
	shown := p.table.Sorts()
	if p.cardsShown() {
		shown = nil
	}
	as = append(as, c.SortActions(sorts, shown, p.order, p.sort)...)
	as = append(as, action.ViewActions(c, p.shownView)...)
	as = append(as, action.ExportAction(c, p.export()))
	as = append(as, list.MarkActions(&p.table, line, p.markAll, p.cursorMoved)...)
	return append(
		as,
		app.Action{
			ID:      "details",
			Name:    text.NewName("act.details"),
			Binding: app.Keys("enter"),
			Group:   app.View,
			Footer:  app.RankIf(app.First, some),
			Run:     p.open,
		},
		app.Action{
			ID:      "filter",
			Name:    text.NewName("act.filter"),
			Binding: app.Keys("/"),
			Group:   app.View,
			Footer:  app.RankIf(app.Fourth, some),
			Run:     p.search.Start,
		},
		app.Action{
			ID:      "panel",
			Name:    text.NewName("act.panel"),
			Binding: app.Keys("f"),
			Group:   app.View,
			Footer:  app.RankIf(app.Fourth, some),
			Run:     p.panel,
		},
		app.Action{ID: "hosted-only", Name: text.NewName("act.hosted"), Binding: app.Keys("H"), Group: app.View, Run: p.hostedOnly},
		app.Action{ID: "costs", Name: text.NewName("act.costs"), Binding: app.Keys("$"), Group: app.View, OpensDialog: true, Run: p.costs},
		dialog.ColumnsAction(c, p),
		app.Action{ID: "layout", Name: text.NewName("act.layout"), Binding: app.Keys("v"), Group: app.View, Run: p.switchLayout},
		app.Action{ID: "copy", Name: text.NewName("act.copy.name"), Binding: app.Keys("y"), Group: app.View, Run: p.copy},
		app.Action{
			ID:      "back",
			Name:    text.NewName("act.back"),
			Binding: app.Keys("esc"),
			Group:   app.View,
			Hidden:  len(p.table.Marked) == 0 && p.search.Query() == "" && p.view == nil,
			Run:     p.back,
		},
		move("down", func() { p.table.Move(line) }, "j", "down"),
		move("up", func() { p.table.Move(-line) }, "k", "up"),
		move("right", func() { p.table.Move(side) }, "l", "right"),
		move("left", func() { p.table.Move(-side) }, "h", "left"),
		move("top", func() { p.table.Home() }, "g", "home"),
		move("end", func() { p.table.End() }, "G", "end"),
		move("halfdown", func() { p.scroll(1) }, "ctrl+d"),
		move("halfup", func() { p.scroll(-1) }, "ctrl+u"),
		move("pagedown", func() { p.scroll(2) }, "pgdown"),
		move("pageup", func() { p.scroll(-2) }, "pgup"),
	)
}

// sorts are the orders of the list, the default first.
var sorts = []model.Sort{
	model.SortExpiry, model.SortName, model.SortState, model.SortDomain, model.SortSpecification, model.SortValidity,
	model.SortProduct, model.SortService, model.SortID,
}

func (p *page) order() app.Order {
	o := app.Order{Sort: p.query.Sort, Desc: p.query.Desc}
	if o.Sort == "" {
		o.Sort = sorts[0]
	}
	return o
}

func (p *page) sort(o app.Order) tea.Cmd {
	p.setOrder(o)
	return tea.Batch(p.keep(func(l *app.ListLayout) { l.Sort, l.Desc = o.Sort, o.Desc }), p.relist())
}

func (p *page) setOrder(o app.Order) {
	p.query.Sort, p.query.Desc = o.Sort, o.Desc
	p.table.SortedBy, p.table.Desc = string(o.Sort), o.Desc
}

// back removes the marks, then the filter.
func (p *page) back() tea.Cmd {
	c := p.c
	if n := len(p.table.Marked); n > 0 {
		marked := maps.Clone(p.table.Marked)
		clear(p.table.Marked)
		c.Undo = &app.Undo{
			Label:    text.NewName("undo.marks", n),
			ViewOnly: true,
			Run:      func() tea.Cmd { p.table.Marked = marked; return p.cursorMoved() },
		}
		return nil
	}
	p.offerFilterUndo()
	p.leaveView()
	p.search.Set("")
	return p.relist()
}

// offerFilterUndo offers to filter again as now.
func (p *page) offerFilterUndo() {
	query, view := p.search.Query(), p.view
	p.c.Undo = &app.Undo{Label: text.NewName("undo.filter"), ViewOnly: true, Run: func() tea.Cmd {
		if view != nil {
			return p.showView(*view)
		}
		p.search.Set(query)
		return p.relist()
	}}
}

func (p *page) copy() tea.Cmd {
	r, ok := p.table.Selected()
	if !ok {
		return nil
	}
	name := r.Domain
	if name == "" {
		name = string(r.ID)
	}
	return app.Send(app.CopyMsg{What: p.c.T("copy.name"), Text: name})
}

func (p *page) hostedOnly() tea.Cmd {
	p.search.Toggle(string(where.Property) + ":" + string(model.Hosted))
	return p.relist()
}

func (p *page) switchLayout() tea.Cmd {
	if p.cardsShown() {
		p.layout = listLayout
	} else {
		p.layout = cardLayout
	}
	p.SetSize(p.width, p.height)
	keep := p.keep(func(l *app.ListLayout) { l.View = layoutNames[p.layout] })
	return tea.Batch(keep, p.load(), p.loadPreview())
}

// More lists the actions of the details for the table of keys in the README.
func (p *page) More() (where string, as app.Actions) {
	return p.c.T("keytable.details"), append(action.Actions(p.c, action.Target{}), newDetails(p.c, "").actions(p)...)
}
