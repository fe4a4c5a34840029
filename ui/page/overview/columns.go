package overview

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/list"
)

// chooseColumns asks which columns the list has, in which order and how wide. Like the
// layout, the choice is kept as long as the session.
func (p *page) chooseColumns() tea.Cmd {
	all := p.allColumns()
	choices := slices.Clone(p.columns)
	for _, k := range all {
		if !slices.ContainsFunc(choices, func(o dialog.ColumnChoice) bool { return o.ID == k.ID }) {
			choices = append(
				choices,
				dialog.ColumnChoice{ID: k.ID, Title: k.Title, On: len(p.columns) == 0 && p.table.ColumnWidth(k.ID) > 0},
			)
		}
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog { return &dialog.Columns{Context: p.c, Choices: choices, Widths: p.table.ColumnWidth} },
		Then: func(v any) tea.Cmd {
			if cs, ok := v.([]dialog.ColumnChoice); ok {
				p.columns = cs
				p.layout = listLayout // where they show
				p.setColumns()
				p.SetSize(p.width, p.height)
				return tea.Batch(p.load(), p.loadPreview())
			}
			return nil
		},
	})
}

func (p *page) allColumns() []list.Column[model.InstanceRow] {
	return columns(p.c, func() model.Sort { return p.order().Sort })
}

// setColumns gives the table the chosen columns, or all of them with widths by the room.
func (p *page) setColumns() {
	all := p.allColumns()
	if len(p.columns) == 0 {
		p.table.Columns = all
		return
	}
	p.table.Columns = nil
	for _, o := range dialog.ChosenColumns(p.columns) {
		n := slices.IndexFunc(all, func(k list.Column[model.InstanceRow]) bool { return k.ID == o.ID })
		k := all[n]
		k.MinTableWidth = 0
		if o.Width > 0 {
			k.Min, k.Max = o.Width, o.Width
		}
		p.table.Columns = append(p.table.Columns, k)
	}
}
