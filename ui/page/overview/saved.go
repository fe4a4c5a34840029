package overview

import (
	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
)

// showView lists what a saved view finds, in its order and with its columns. How the
// person has arranged the list comes back when the view is left, so that none of what is
// changed meanwhile is kept.
func (p *page) showView(v model.SavedView) tea.Cmd {
	p.details, p.view, p.viewEdited = nil, &v, false
	p.search.Set(v.Query)
	p.setOrder(app.Order{Sort: v.Sort, Desc: v.Desc})
	if len(v.Columns) > 0 {
		p.layout = listLayout // where they show
	}
	p.setColumns()
	return tea.Batch(p.relist(), p.loadPreview())
}

// leaveView arranges the list as the person had it before a saved view.
func (p *page) leaveView() {
	if p.view != nil {
		p.view = nil
		p.restore()
	}
}

// shownView is what the list shows, as a view that can be saved.
func (p *page) shownView() model.SavedView {
	o := p.order()
	v := model.SavedView{Query: p.search.Query(), Sort: o.Sort, Desc: o.Desc, Columns: p.chosenColumns()}
	if p.view != nil {
		v.Name = p.view.Name
	}
	return v
}

// chosenColumns are the columns that the view or the person has chosen; none lets the list
// decide.
func (p *page) chosenColumns() (columns []model.ViewColumn) {
	if p.view != nil {
		return p.view.Columns
	}
	return viewColumns(p.arranged().Columns)
}

// viewColumns are the columns that are on.
func viewColumns(chosen []app.ListColumn) (columns []model.ViewColumn) {
	for _, k := range chosen {
		if k.On {
			columns = append(columns, model.ViewColumn{ID: k.ID, Width: k.Width})
		}
	}
	return columns
}

// listColumns are the chosen columns as the table takes them.
func (p *page) listColumns() (columns []app.ListColumn) {
	if p.view == nil {
		return p.arranged().Columns
	}
	for _, k := range p.view.Columns {
		columns = append(columns, app.ListColumn{ID: k.ID, Width: k.Width, On: true})
	}
	return columns
}

// viewName is the name of the view that is shown, with a star if the list has been
// changed since; "" for none.
func (p *page) viewName() string {
	if p.view == nil {
		return ""
	}
	v, o := p.view, p.order()
	if v.Query != p.search.Query() || v.Sort != o.Sort || v.Desc != o.Desc || p.viewEdited {
		return clean(v.Name) + "*"
	}
	return clean(v.Name)
}
