package action

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
)

// showContacts is the action that lists the contacts, where one can be added or
// removed. It is in the palette only.
func showContacts(c *app.Context) app.Action {
	return app.Action{
		ID:          "contacts",
		Name:        text.NewName("contact.list"),
		Group:       app.Certificate,
		OpensDialog: true,
		Run:         func() tea.Cmd { return listContacts(c) },
	}
}

func listContacts(c *app.Context) tea.Cmd {
	row := &rules.Transition{Action: "contact"}
	return c.Do(func(context.Context) tea.Msg {
		all, err := c.Backend.Contacts()
		if err != nil {
			return failedMsg(c, row, err)
		}
		return app.OpenDialogMsg{
			Make: func() app.Dialog {
				d := &dialog.List{
					Context:     c,
					Title:       c.T("contacts.title"),
					Empty:       c.T("contacts.none"),
					EnterLabel:  c.T("contacts.enter"),
					RemoveLabel: c.T("contacts.drop"),
				}
				for _, k := range all {
					e := dialog.Entry{Head: k.Name, Meta: k.Phone, Lines: []string{k.Email}, Value: k}
					if len(k.Channels) > 0 {
						e.Lines = append(e.Lines, c.T("contacts.channels", strings.Join(k.Channels, ", ")))
					}
					d.Entries = append(d.Entries, e)
				}
				d.Entries = append(d.Entries, dialog.Entry{Head: c.T("contacts.add"), Value: newContact})
				return d
			},
			Then: func(v any) tea.Cmd {
				switch v := v.(type) {
				case model.Contact:
					return app.Send(app.CopyMsg{What: c.T("copy.address"), Text: v.Email})
				case string:
					return addContact(c).Run()
				case dialog.Removed:
					if k, ok := v.Value.(model.Contact); ok {
						return removeContact(c, row, k)
					}
					return listContacts(c)
				}
				return nil
			},
		}
	})
}

// removeContact asks, removes a contact and returns to the list.
func removeContact(c *app.Context, row *rules.Transition, k model.Contact) tea.Cmd {
	if why := c.MayNot(row.Action); why != nil {
		return app.Send(app.ToastMsg{Text: why.Message(), Tone: style.Warn})
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("contacts.remove", k.Name), Danger: rules.SeverityCaution,
				Lines: []string{c.T("contacts.remove.text")}, Question: c.T("contacts.remove.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return listContacts(c)
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveContact(ctx, k.Name); err != nil {
					return failedMsg(c, row, err)
				}
				return app.ToastMsg{Text: c.T("contacts.removed", k.Name), Tone: style.Good}
			})
		},
	})
}
