package action

import (
	"context"
	"errors"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// viewRow stands for what is done with saved views in messages about failures.
var viewRow = &rules.Transition{Action: rules.ActionView}

// ViewActions are the key that lists the saved views, and saving what a list shows as one
// (spec Q4). current is what the list shows.
func ViewActions(c *app.Context, current func() model.SavedView) app.Actions {
	l := viewList{c: c, current: current}
	save := app.Action{ID: "save-view", Name: text.NewName("act.view.save"), Group: app.View, OpensDialog: true, Run: l.save}
	return app.Actions{
		{
			ID: "views", Name: text.NewName("act.views"), Binding: app.Keys("F"), Group: app.View, OpensDialog: true,
			Run: l.open,
		},
		save.DisableIf(c.MayNot(viewRow.Action)),
	}
}

// viewList is the list of saved views, where one is shown, saved or removed.
type viewList struct {
	c       *app.Context
	current func() model.SavedView
	at      model.ID // the view under the cursor
	note    string   // what was done
}

// saveEntry is the value of the entry that saves what the list shows.
const saveEntry = "save"

func (l viewList) open() tea.Cmd {
	return l.c.Do(func(context.Context) tea.Msg { return l.msg() })
}

func (l viewList) msg() tea.Msg {
	c := l.c
	all, err := c.Backend.SavedViews()
	if err != nil {
		return failedMsg(c, viewRow, err)
	}
	return app.OpenDialogMsg{
		Then: l.chosen,
		Make: func() app.Dialog {
			d := &dialog.List{
				Context:    c,
				Title:      c.T("views.title"),
				EnterLabel: c.T("hint.show"),
				Note:       l.note,
				At:         max(slices.IndexFunc(all, func(v model.SavedView) bool { return v.ID == l.at }), 0),
				Keys: []dialog.ListKey{
					{Key: "a", Label: c.T("views.key.save"), Bare: true}, {Key: "ctrl+x", Label: c.T("contacts.drop")},
				},
			}
			for _, v := range all {
				d.Entries = append(d.Entries, dialog.Entry{Head: v.Name, Meta: viewOrder(c, v), Lines: viewLines(c, v), Value: v})
			}
			save := dialog.Entry{Head: c.T("views.save"), Value: saveEntry}
			if len(all) == 0 {
				save.Lines = []string{c.T("views.none")}
			}
			d.Entries = append(d.Entries, save)
			return d
		},
	}
}

// viewOrder is the order of a view in words.
func viewOrder(c *app.Context, v model.SavedView) string {
	order := c.Text.Lookup("order."+string(v.Sort), string(v.Sort))
	if v.Desc {
		order += " ↓"
	}
	return order
}

// viewLines are what a list shows of a view besides its name.
func viewLines(c *app.Context, v model.SavedView) []string {
	query := v.Query
	if query == "" {
		query = c.T("views.all")
	}
	lines := []string{text.Clean(query)}
	if n := len(v.Columns); n > 0 {
		lines = append(lines, c.T("views.columns", n))
	}
	return lines
}

// chosen does what the person chose in the list.
func (l viewList) chosen(value any) tea.Cmd {
	pressed, _ := value.(dialog.Pressed)
	shown, known := value.(model.SavedView)
	listed, _ := pressed.Value.(model.SavedView)
	switch {
	case value == nil:
		return nil
	case known:
		return app.Send(app.ShowViewMsg{View: shown})
	case l.c.MayNot(viewRow.Action) != nil:
		return refuse(l.c, viewRow.Action)
	case pressed.Key == "ctrl+x" && listed.ID == "":
		return l.open()
	case pressed.Key == "ctrl+x":
		l.at = listed.ID
		return l.remove(listed)
	}
	return l.save()
}

// save asks for a name and saves what the list shows.
func (l viewList) save() tea.Cmd {
	c, q, v := l.c, &request{c: l.c, row: viewRow}, l.current()
	spec := form.Spec{
		Title:  c.T("views.save.title"),
		Submit: c.T("views.save.submit"),
		Intro:  append(viewLines(c, v), viewOrder(c, v)),
		Fields: []form.Field{{
			Key: "name", Label: c.T("contact.name"), Initial: v.Name, Valid: required(c),
			Hint: func(form.Values) string { return c.T("views.name.hint") },
		}},
	}
	return app.Send(q.formMsg(spec, func(ctx context.Context, values form.Values) (tea.Msg, error) {
		v.Name = values["name"]
		saved, err := c.Backend.SaveView(ctx, v, false)
		if r := new(rules.Refusal); errors.As(err, &r) && r.Reason == rules.ReasonViewExists {
			return replaceView(c, v), nil
		}
		return savedMsg(c, saved), err
	}))
}

// savedMsg shows a view that was saved.
func savedMsg(c *app.Context, v model.SavedView) tea.Msg {
	return app.ShowViewMsg{View: v, Toast: app.ToastMsg{Text: c.T("views.saved", v.Name), Tone: style.Good}}
}

// replaceView asks whether a view replaces the one of the same name.
func replaceView(c *app.Context, v model.SavedView) tea.Msg {
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("views.replace", v.Name), Danger: rules.SeverityCaution,
				Lines: []string{c.T("views.replace.text")}, Question: c.T("views.replace.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				saved, err := c.Backend.SaveView(ctx, v, true)
				if err != nil {
					return failedMsg(c, viewRow, err)
				}
				return savedMsg(c, saved)
			})
		},
	}
}

// remove asks, and removes a view.
func (l viewList) remove(v model.SavedView) tea.Cmd {
	c := l.c
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("contacts.remove", v.Name), Danger: rules.SeverityCaution,
				Lines: []string{c.T("views.remove.text")}, Question: c.T("views.remove.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return l.open()
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveView(ctx, v.Name); err != nil {
					return failedMsg(c, viewRow, err)
				}
				l.at, l.note = "", c.T("contacts.removed", v.Name)
				return l.msg()
			})
		},
	})
}
