package overview

import (
	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/list"
)

// listName is the name under which the layout of the list is kept.
const listName = "overview"

// The ways to draw the list, as they are kept.
var layoutNames = map[layout]string{cardLayout: "cards", listLayout: "list"}

// arranged is how the person has arranged the list.
func (p *page) arranged() app.ListLayout { return p.c.Layouts[listName] }

// keep keeps how the person has arranged the list. What is changed while a saved view is
// shown goes with that view.
func (p *page) keep(change func(*app.ListLayout)) tea.Cmd {
	if p.view != nil {
		return nil
	}
	return p.c.KeepLayout(listName, change)
}

// restore arranges the list as the person had it.
func (p *page) restore() {
	p.layout = autoLayout
	for l, name := range layoutNames {
		if p.arranged().View == name {
			p.layout = l
		}
	}
	p.setOrder(p.arranged().Order(sorts))
	p.setColumns()
}

var _ dialog.ColumnList = (*page)(nil)

// ColumnChoices implements dialog.ColumnList.
func (p *page) ColumnChoices() []app.ColumnChoice {
	return p.table.ColumnChoices(p.allColumns(), p.listColumns())
}

// ColumnWidth implements dialog.ColumnList.
func (p *page) ColumnWidth(id string) int { return p.table.ColumnWidth(id) }

// ChooseColumns implements dialog.ColumnList.
func (p *page) ChooseColumns(chosen []app.ListColumn) tea.Cmd {
	p.layout = listLayout // where they show
	keep := p.keep(func(l *app.ListLayout) { l.Columns, l.View = chosen, layoutNames[p.layout] })
	if p.view != nil {
		changed := *p.view
		changed.Columns, p.viewEdited = viewColumns(chosen), true
		p.view = &changed
	}
	p.setColumns()
	return tea.Batch(keep, p.load(), p.loadPreview())
}

func (p *page) allColumns() []list.Column[model.InstanceRow] {
	return columns(p.c, func() model.Sort { return p.order().Sort })
}

// setColumns gives the table the chosen columns, or all of them with widths by the room.
func (p *page) setColumns() {
	p.table.Arrange(p.allColumns(), p.listColumns())
	p.SetSize(p.width, p.height)
}
