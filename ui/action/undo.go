package action

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/text"
)

// undo is the action that undoes what the person has done last, where that is possible:
// hosting or auto-deploy switched on or off, a filter or marks cleared. Otherwise it
// withdraws an application that is not finalized, or says what can be undone.
func undo(c *app.Context, t Target) app.Action {
	rows := []*rules.Transition{c.Table.Transition(rules.Withdraw)}
	row, why := choose(c, rows, t)
	may := c.MayNot(row.Action) == nil
	if why != nil && may { // show what can be undone instead of why this one cannot be withdrawn
		why = app.Disabled(c.T("undo.nothing"), undoHint(c))
	}
	a := app.Action{
		ID:          "undo",
		Name:        text.NewName("action.undo"),
		Binding:     app.Keys("u"),
		Group:       app.Certificate,
		Disabled:    why,
		OpensDialog: true,
	}
	ids := t.IDs
	if u := c.Undo; u != nil && (u.ViewOnly || c.Now.Before(u.Ends)) {
		run, rank := u.Run, app.Second
		switch {
		case u.ViewOnly:
			rank = app.Fourth + 1
		case !c.Now.Before(u.Until):
			rank = app.Never
		}
		return app.Action{
			ID:          "undo",
			Name:        text.NewName("undo.label", u.Label),
			Binding:     app.Keys("u"),
			Group:       app.Certificate,
			Footer:      rank,
			OpensDialog: !u.ViewOnly,
			Run: func() tea.Cmd {
				c.Undo = nil
				return run()
			},
		}
	}
	a.Run = func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			var cs *rules.Facts
			var r *rules.Refusal
			switch {
			case len(ids) == 0:
				r = c.Table.Check(row.Action, c.NoInstance())
			default:
				var err error
				switch cs, err = c.Backend.Facts(ids[0]); {
				case errors.Is(err, model.ErrNotFound): // deleted just now
					r = c.Table.Check(row.Action, c.NoInstance())
				case err != nil:
					return failedMsg(c, row, err)
				default:
					r = c.Table.Check(row.Action, cs)
				}
			}
			if r == nil {
				return prepare(c, rows, Target{IDs: ids})()
			}
			return app.OpenDialogMsg{Make: func() app.Dialog {
				d := dialog.RefusalNotice(c, r, "")
				if may {
					d.Sections, d.Choices = []dialog.Section{{Lines: []string{c.T("undo.nothing")}}}, nil
				}
				d.Title = c.T("undo.title")
				d.Sections = append(d.Sections, dialog.Section{Head: c.T("undo.what"), Lines: []string{undoHint(c)}})
				return d
			}}
		})
	}
	return a
}

// undoHint says what can be undone, and what to do where nothing can be.
func undoHint(c *app.Context) string {
	return c.T("undo.can", c.KeyOf(rules.Withdraw), c.KeyOf(rules.Deploy), c.KeyOf(rules.Buy))
}
