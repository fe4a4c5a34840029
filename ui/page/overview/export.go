package overview

import (
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
)

// export is what the list exports: the marked certificates, or all that it shows.
func (p *page) export() action.Export {
	q, c := p.asked(), p.c
	e := action.Export{Name: "certificates", Count: p.table.Total(), Verb: listVerb(q)}
	if marked := p.markedIDs(); len(marked) > 0 {
		e.Count, e.Marked = len(marked), true
		q.Filter = model.Filter{Only: marked}
	}
	e.Rows = func() (app.Rows, error) {
		q.Now = c.Backend.Now()
		page, err := c.Backend.Page(q)
		ids := make([]model.ID, len(page.Rows))
		for n := range page.Rows {
			ids[n] = page.Rows[n].ID
		}
		return app.Rows{Instances: ids}, err
	}
	return e
}

// listVerb is the command line that prints what a query finds.
func listVerb(q model.Query) rules.Suggestion {
	s := rules.Suggestion{Action: "list"}
	if q.Filter.Where != "" {
		s.Args = append(s.Args, "--where", q.Filter.Where)
	}
	if q.Sort != "" && q.Sort != model.SortExpiry {
		s.Args = append(s.Args, "--sort", string(q.Sort))
	}
	if q.Desc {
		s.Args = append(s.Args, "--desc")
	}
	return s
}
