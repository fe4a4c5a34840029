package overview

import (
	"context"
	"maps"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/action"
)

// evaluated is a marked certificate with the actions that the table allows.
type evaluated struct {
	found  *rules.Facts
	allows string
}

// markedCases are the marked certificates, one for each set of allowed actions: each
// frame asks what is possible for any of them. It is nil until all are known, so that
// nothing is disabled too early.
func (p *page) markedCases(ids []model.ID) []*rules.Facts {
	var cases []*rules.Facts
	seen := map[string]bool{}
	for _, id := range ids {
		j := p.marked[id]
		switch {
		case j == nil:
			return nil
		case !seen[j.allows]:
			seen[j.allows], cases = true, append(cases, j.found)
		}
	}
	return cases
}

// markedIDs are the marked certificates in order.
func (p *page) markedIDs() []model.ID {
	ids := make([]model.ID, 0, len(p.table.Marked))
	for id := range p.table.Marked {
		ids = append(ids, model.ID(id))
	}
	slices.Sort(ids)
	return ids
}

// hiddenOf are those of the marked certificates that a query does not list.
func hiddenOf(b *lifecycle.Access, q model.Query, marked []model.ID) ([]model.ID, error) {
	if len(marked) == 0 || q.Filter.Empty() {
		return nil, nil
	}
	q.Filter.Only, q.Offset, q.Limit = marked, 0, 0
	got, err := b.Page(q)
	listed := map[model.ID]bool{}
	for n := range got.Rows {
		listed[got.Rows[n].ID] = true
	}
	return slices.DeleteFunc(slices.Clone(marked), func(id model.ID) bool { return listed[id] }), err
}

// selectionText is the number of marked certificates, and how many of those the filter
// hides, in words.
func (p *page) selectionText() string {
	n, away := len(p.table.Marked), 0
	for _, id := range p.hidden {
		if p.table.Marked[string(id)] {
			away++
		}
	}
	if away > 0 {
		return p.c.T("list.marked.hidden", n, away)
	}
	return p.c.T("list.marked", n)
}

// allMarkedMsg brings the IDs of all certificates that the filter shows, to mark them.
type allMarkedMsg struct {
	ids    []string
	invert bool
}

// markAll marks all certificates that the filter shows, or inverts their marks.
func (p *page) markAll(invert bool) tea.Cmd {
	c, q := p.c, p.asked()
	return c.Do(func(context.Context) tea.Msg {
		q.Now = c.Backend.Now()
		got, err := c.Backend.Page(q)
		if err != nil {
			return c.LoadFailed(err)
		}
		ids := make([]string, len(got.Rows))
		for n := range got.Rows {
			ids[n] = string(got.Rows[n].ID)
		}
		return allMarkedMsg{ids, invert}
	})
}

// maxEvaluated is how many marked certificates are checked for the footer.
const maxEvaluated = 500

// loadMarked reads the allowed actions of marked certificates: of all if refresh is
// set, else of those that are not known.
func (p *page) loadMarked(refresh bool) tea.Cmd {
	var ids []model.ID
	if refresh { // what is known may be outdated
		maps.DeleteFunc(p.marked, func(id model.ID, _ *evaluated) bool { return !p.table.Marked[string(id)] })
	}
	for id := range p.table.Marked {
		if refresh || p.marked[model.ID(id)] == nil {
			ids = append(ids, model.ID(id))
		}
	}
	if len(ids) == 0 || len(p.table.Marked) > maxEvaluated {
		return nil
	}
	return p.c.Do(func(context.Context) tea.Msg {
		found := map[model.ID]*evaluated{}
		for _, id := range ids {
			if cs, err := p.c.Backend.Facts(id); err == nil {
				found[id] = &evaluated{cs, action.Allowed(p.c.Table, cs)}
			}
		}
		return markedLoadedMsg{found}
	})
}
