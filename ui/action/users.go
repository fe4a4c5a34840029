package action

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// showUsers is the action that lists who may log in over SSH (spec G1). It is in the
// palette only.
func showUsers(c *app.Context) app.Action {
	return app.Action{
		ID:          "users",
		Name:        text.NewName("users.list"),
		Group:       app.Certificate,
		OpensDialog: true,
		Run:         func() tea.Cmd { return userList{c: c}.open() },
	}
}

// userList is the list of users, where they are added, changed, disabled and removed. It
// opens again after each of these, in the same place.
type userList struct {
	c    *app.Context
	at   model.ID // the user under the cursor
	note string   // what was done
}

// userRow stands for what is done with users in messages about failures.
var userRow = &rules.Transition{Action: rules.ActionUser}

// disableUserKey disables and enables the user under the cursor.
const disableUserKey = "d"

func (l userList) open() tea.Cmd {
	return l.c.Do(func(context.Context) tea.Msg { return l.msg() })
}

// noted is the list again, after something was done with a user.
func (l userList) noted(at model.ID, note string) tea.Msg {
	l.at, l.note = at, note
	return l.msg()
}

func (l userList) msg() tea.Msg {
	c := l.c
	all, err := c.Backend.Users()
	if err != nil {
		return failedMsg(c, userRow, err)
	}
	return app.OpenDialogMsg{
		Then: l.chosen,
		Make: func() app.Dialog {
			d := &dialog.List{
				Context: c, Title: c.T("users.title"), EnterLabel: c.T("contacts.enter"), Note: l.note,
				At: max(slices.IndexFunc(all, func(u model.User) bool { return u.ID == l.at }), 0),
				Keys: []dialog.ListKey{
					{Key: "a", Label: c.T("contacts.key.add"), Bare: true}, {Key: disableUserKey, Label: c.T("users.switch")},
					{Key: "ctrl+x", Label: c.T("contacts.drop")},
				},
			}
			for _, u := range all {
				meta := c.T("role." + u.Role.String())
				if !u.Enabled() {
					meta += c.T("list.join") + c.T("users.disabled")
				}
				d.Entries = append(d.Entries, dialog.Entry{Head: u.Name, Meta: meta, Lines: userLines(c, &u), Value: u})
			}
			none := dialog.Entry{Head: c.T("users.add"), Value: newContact}
			if len(all) == 0 {
				none.Lines = []string{c.T("users.none")}
			}
			d.Entries = append(d.Entries, none)
			return d
		},
	}
}

// userLines are what a list shows of a user besides name and role.
func userLines(c *app.Context, u *model.User) (lines []string) {
	for _, k := range u.Keys {
		lines = append(lines, strings.TrimSpace(k.Fingerprint+"  "+k.Comment))
	}
	for _, p := range u.Principals {
		lines = append(lines, c.T("users.principal", p))
	}
	if len(lines) == 0 {
		lines = []string{c.T("users.keyless")}
	}
	return lines
}

// chosen does what the person chose in the list.
func (l userList) chosen(v any) tea.Cmd {
	if v == nil {
		return nil
	}
	c := l.c
	if c.MayNot(userRow.Action) != nil {
		return refuse(c, userRow.Action)
	}
	pressed, _ := v.(dialog.Pressed)
	u, _ := v.(model.User)
	if pressed.Key != "" && pressed.Key != "a" {
		var known bool
		if u, known = pressed.Value.(model.User); !known {
			return l.open()
		}
	}
	l.at = u.ID
	switch pressed.Key {
	case "ctrl+x":
		return l.remove(u)
	case disableUserKey:
		off := u.Enabled()
		return c.Do(func(ctx context.Context) tea.Msg {
			if _, err := c.Backend.EditUser(ctx, u.Name, directory.UserEdit{Disable: &off}); err != nil {
				return failedMsg(c, userRow, err)
			}
			return l.noted(u.ID, c.T("contact.edit.done", u.Name))
		})
	}
	return l.edit(u)
}

// edit opens the form of a user: a new one if it has no ID.
func (l userList) edit(was model.User) tea.Cmd {
	c, q := l.c, &request{c: l.c, row: userRow}
	roles := make([]string, len(model.Roles))
	for n, r := range model.Roles {
		roles[n] = c.T("role." + r.String())
	}
	role := was.Role
	if was.ID == "" {
		role = model.Viewer
	}
	spec := form.Spec{
		Title: c.T("users.edit", was.Name), Submit: c.T("contact.edit.submit"), Intro: []string{c.T("users.intro")},
		Fields: []form.Field{
			{
				Key: "name", Label: c.T("users.name"), Valid: required(c), Show: func(form.Values) bool { return was.ID == "" },
				Hint: func(form.Values) string { return c.T("users.name.hint") },
			},
			{
				Key: "role", Label: c.T("users.role"), Kind: form.Select, Initial: role.String(),
				Options: fixedOptions(model.RoleNames(), roles), Hint: func(form.Values) string { return c.T("users.role.hint") },
			},
			{
				Key: "key", Label: c.T("users.key"), Placeholder: c.T("optional"),
				Hint: func(form.Values) string { return c.T("users.key.hint") },
				Valid: func(typed string, _ form.Values) string {
					if typed = strings.TrimSpace(typed); typed == "" {
						return ""
					}
					if _, err := directory.ParseUserKey(typed); err != nil {
						return c.FormatError(err)
					}
					return ""
				},
			},
			{
				Key: "principal", Label: c.T("users.principal.label"), Placeholder: c.T("optional"),
				Hint: func(form.Values) string { return c.T("users.principal.hint") },
			},
		},
	}
	done := "contact.edit.done"
	if was.ID == "" {
		spec.Title, spec.Submit, done = c.T("users.add"), c.T("contact.submit"), "contact.done"
	}
	return app.Send(q.formThen(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		e := directory.UserEdit{Role: model.RoleNamed(v["role"])}
		if key := strings.TrimSpace(v["key"]); key != "" {
			e.AddKeys = []string{key}
		}
		if p := strings.TrimSpace(v["principal"]); p != "" {
			e.AddPrincipals = []string{p}
		}
		u, err := model.User{}, error(nil)
		if was.ID == "" {
			u, err = c.Backend.AddUser(ctx, v["name"], e)
		} else {
			u, err = c.Backend.EditUser(ctx, was.Name, e)
		}
		if err != nil {
			return nil, err
		}
		return l.noted(u.ID, c.T(done, u.Name)), nil
	}, func(form.Cancelled) tea.Cmd { return l.open() }))
}

// remove asks, and removes a user.
func (l userList) remove(u model.User) tea.Cmd {
	c := l.c
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("contacts.remove", u.Name), Danger: rules.SeverityWarning,
				Lines: []string{c.T("users.remove.text")}, Question: c.T("users.remove.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return l.open()
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveUser(ctx, u.Name); err != nil {
					return failedMsg(c, userRow, err)
				}
				return l.noted("", c.T("contacts.removed", u.Name))
			})
		},
	})
}

// approveKey approves, in the list of tasks, what another has asked for.
const approveKey = "A"

// approveTask asks, and approves what another person has asked for (spec G3).
func approveTask(c *app.Context, t *model.Task) tea.Cmd {
	if c.MayNot(rules.ActionApprove) != nil {
		return refuse(c, rules.ActionApprove)
	}
	row := &rules.Transition{Action: rules.ActionApprove}
	then := c.T("tasks.approve.text")
	if t.Text.Message().Args["action"] == string(rules.ActionDownloadKey) {
		then = c.T("tasks.approve.key")
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("tasks.approve.title"), Danger: rules.SeverityDanger,
				Lines: []string{text.Clean(c.Text.Text(t.Text)), then}, Question: c.T("tasks.approve.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if _, err := c.Backend.ApproveRequest(ctx, string(t.ID)); err != nil {
					return failedMsg(c, row, err)
				}
				return app.ToastMsg{Text: c.T("tasks.approved"), Tone: style.Good}
			})
		},
	})
}
