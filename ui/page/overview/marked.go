package overview

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
)

// mostMarked is how many marked certificates are judged for the footer.
const mostMarked = 100

// loadMarked asks what is allowed for the marked certificates: for those that
// are not known yet, or for all of them anew.
func (p *page) loadMarked(anew bool) tea.Cmd {
	var ids []model.ID
	for id := range p.table.Marked {
		if anew || p.marked[model.ID(id)] == nil {
			ids = append(ids, model.ID(id))
		}
	}
	if len(ids) == 0 || len(p.table.Marked) > mostMarked {
		return nil
	}
	return p.c.Do(func(context.Context) tea.Msg {
		found := map[model.ID]*lifecycle.Case{}
		for _, id := range ids {
			if cs, err := p.c.Backend.Case(p.c.Actor, id); err == nil {
				found[id] = cs
			}
		}
		return markedLoadedMsg{found}
	})
}
