package action

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
)

// refuse shows why this session may not take an action, and who may.
func refuse(c *app.Context, a rules.Action) tea.Cmd {
	return c.Do(func(context.Context) tea.Msg { return refusedMsg(c, c.Backend.May(a), nil) })
}

// refusedMsg shows a refusal; nil shows nothing. Only commands call it: it reads who may.
func refusedMsg(c *app.Context, r *rules.Refusal, cs *rules.Facts) tea.Msg {
	if r == nil { // the role has changed just now
		return nil
	}
	r = c.Backend.WhoMay(r)
	name := ""
	if cs != nil && cs.Instance != nil {
		name = cs.Instance.Name
	}
	return app.OpenDialogMsg{Then: dialog.PressChosen, Make: func() app.Dialog { return dialog.RefusalNotice(c, r, name) }}
}

// failedMsg shows an error: a refusal as such, any other as a failure of the action.
func failedMsg(c *app.Context, row *rules.Transition, err error) tea.Msg {
	var r *rules.Refusal
	if errors.As(err, &r) {
		return refusedMsg(c, r, nil)
	}
	title := c.T("failed.title", c.T("action."+string(row.Action)))
	return app.OpenDialogMsg{Make: func() app.Dialog { return dialog.ErrorNotice(c, title, err) }}
}

// forEach acts on every allowed case and sums up the results; see [request.actOn].
func (q *request) forEach(ctx context.Context, done string, act func(context.Context, *rules.Facts) error) (tea.Msg, error) {
	parts := make([]part, len(q.cases))
	for n, cs := range q.cases {
		parts[n] = part{cs.Instance.Name, func(ctx context.Context) error { return act(ctx, cs) }}
	}
	return q.actOn(ctx, done, parts)
}

// summary is what is said at the end of an action, with what it does to undoing.
func (q *request) summary(ok int, said tea.Msg) tea.Msg {
	if q.row.Action == rules.Delete && ok > 0 { // what could be undone may be gone
		return app.ForgetUndoMsg{Then: said}
	}
	if q.undo == nil || ok == 0 {
		return said
	}
	return app.OfferUndoMsg{Undo: q.undo(), Then: said}
}

func (q *request) resultMsg(done string, ok int, last string, problems []problem) tea.Msg {
	c := q.c
	said, ended := c.T(done, last), c.Text.Lookup(done+".ended", "")
	switch {
	case ok != 1:
		said = c.T("done.many", c.T("action."+string(q.row.Action)), ok)
	case ended != "":
		ended = c.T(done+".ended", last)
	}
	if len(problems) == 0 {
		return q.awaitJobs(app.ToastMsg{Text: said, Tone: style.Good}, ended)
	}
	return q.problemsMsg([]string{c.T("done.mixed", ok, len(problems))}, problems)
}

// requireOne is nil if there is a single certificate, else the message that this action
// takes one at a time.
func (q *request) requireOne() tea.Msg {
	if len(q.cases) == 1 {
		return nil
	}
	return app.ToastMsg{Text: q.c.T("one.only", len(q.cases)), Tone: style.Warn}
}

// restart starts another action for the same certificates, checking each again.
func (q *request) restart(action rules.Action, handler func(*request) tea.Msg) func() tea.Cmd {
	c, row := q.c, q.c.Table.Transition(action)
	ids := make([]model.ID, len(q.cases))
	for n, cs := range q.cases {
		ids[n] = cs.Instance.ID
	}
	return func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			back := &request{c: c, row: row}
			for _, id := range ids {
				cs, err := c.Backend.Facts(id)
				if errors.Is(err, model.ErrNotFound) {
					return app.ToastMsg{Text: c.T("gone"), Tone: style.Warn}
				}
				if err != nil {
					return failedMsg(c, row, err)
				}
				if r := c.Table.Check(row.Action, cs); r != nil {
					return refusedMsg(c, r, cs)
				}
				back.cases = append(back.cases, cs)
			}
			return handler(back)
		})
	}
}
