package action

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// assign changes the contact of certificates (spec Q7). Undoing it gives each the contact
// that it had.
func assign(q *request) tea.Msg {
	c := q.c
	contacts, err := c.Backend.Contacts()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	hosted, now := false, q.cases[0].Instance.Contact
	before := map[model.ID]model.ID{}
	for _, cs := range q.cases {
		i := cs.Instance
		before[i.ID] = i.Contact
		hosted = hosted || i.Hosting.On
		if i.Contact != now { // they differ: none is chosen beforehand
			now = ""
		}
	}
	q.undo = func() app.Undo {
		return app.Undo{
			Label: text.NewName("undo.assign", q.names()),
			Run: q.restart(rules.Assign, func(back *request) tea.Msg {
				return back.assignEach(func(id model.ID) model.ID { return before[id] })
			}),
		}
	}
	spec := form.Spec{
		Title:  c.T("assign.title", q.names()),
		Submit: c.T("assign.submit"),
		Intro:  append(q.hiddenLines(), q.skippedLines()...),
		Fields: contactFields(c, contacts, contactChoice{
			Initial: now,
			Needed:  func(form.Values) bool { return hosted },
		}),
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		to, err := chosenContact(ctx, c, v)
		if err != nil {
			return nil, err
		}
		return q.assignEach(func(model.ID) model.ID { return to }), nil
	})
}

// assignEach gives each certificate a contact.
func (q *request) assignEach(to func(model.ID) model.ID) tea.Msg {
	msg, err := q.forEach(q.c.Ctx, "assign.done", func(ctx context.Context, cs *rules.Facts) error {
		return q.c.Backend.Assign(ctx, cs.Instance.ID, to(cs.Instance.ID))
	})
	if err != nil {
		return failedMsg(q.c, q.row, err)
	}
	return msg
}
