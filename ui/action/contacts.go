package action

import (
	"context"
	"slices"
	"strconv"
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

// showContacts is the action that lists the contacts. It is in the palette only.
func showContacts(c *app.Context) app.Action {
	return app.Action{
		ID:          "contacts",
		Name:        text.NewName("contact.list"),
		Group:       app.Certificate,
		OpensDialog: true,
		Run:         func() tea.Cmd { return contactList{c: c}.open() },
	}
}

// contactList is the list of contacts, where they are added, edited, tested, relieved of
// what they have, and removed. It opens again after each of these, in the same place.
type contactList struct {
	c    *app.Context
	at   model.ID // the contact under the cursor
	note string   // what was done
}

// contactRow stands for what is done with contacts in messages about failures.
var contactRow = &rules.Transition{Action: "contact"}

func (l contactList) open() tea.Cmd {
	return l.c.Do(func(context.Context) tea.Msg { return l.msg() })
}

// noted is the list again, after something was done with a contact.
func (l contactList) noted(at model.ID, note string) tea.Msg {
	l.at, l.note = at, note
	return l.msg()
}

func (l contactList) msg() tea.Msg {
	c := l.c
	all, err := c.Backend.Contacts()
	if err != nil {
		return failedMsg(c, contactRow, err)
	}
	return app.OpenDialogMsg{
		Then: l.chosen,
		Make: func() app.Dialog {
			d := &dialog.List{
				Context:    c,
				Title:      c.T("contacts.title"),
				EnterLabel: c.T("contacts.enter"),
				Note:       l.note,
				At:         max(slices.IndexFunc(all, func(k model.Contact) bool { return k.ID == l.at }), 0),
				Keys: []dialog.ListKey{
					{Key: "a", Label: c.T("contacts.key.add"), Bare: true},
					{Key: "T", Label: c.T("contacts.key.test")},
					{Key: "c", Label: c.T("contacts.key.give")},
					{Key: "y", Label: c.T("contacts.key.copy")},
					{Key: "ctrl+x", Label: c.T("contacts.drop")},
				},
			}
			for _, k := range all {
				e := dialog.Entry{Head: k.Name, Meta: k.Phone, Lines: []string{k.Email}, Value: k}
				if len(k.Channels) > 0 {
					e.Lines = append(e.Lines, c.T("contacts.channels", strings.Join(k.Channels, ", ")))
				}
				d.Entries = append(d.Entries, e)
			}
			none := dialog.Entry{Head: c.T("contacts.add"), Value: newContact}
			if len(all) == 0 {
				none.Lines = []string{c.T("contacts.none")}
			}
			d.Entries = append(d.Entries, none)
			return d
		},
	}
}

// chosen does what the person chose in the list.
func (l contactList) chosen(v any) tea.Cmd {
	key, k := "enter", model.Contact{}
	switch v := v.(type) {
	case nil:
		return nil
	case dialog.Pressed:
		key = v.Key
		k, _ = v.Value.(model.Contact)
	case model.Contact:
		k = v
	}
	c, known := l.c, k.ID != ""
	l.at = k.ID
	switch {
	case key == "y" && known:
		return app.Send(app.CopyMsg{What: c.T("copy.address"), Text: k.Email})
	case key == "y":
		return l.open()
	}
	if c.MayNot(contactRow.Action) != nil {
		return refuse(c, contactRow.Action)
	}
	switch {
	case key == "a" || key == "enter" && !known:
		return l.add()
	case !known:
		return l.open()
	case key == "T":
		return l.test(k)
	case key == "c":
		return l.give(k)
	case key == "ctrl+x":
		return l.remove(k)
	}
	return l.edit(k.ID)
}

// form opens a form about a contact, and the list again after it.
func (l contactList) form(spec form.Spec, send func(context.Context, form.Values) (tea.Msg, error)) tea.Msg {
	q := &request{c: l.c, row: contactRow}
	return q.formThen(spec, send, func(form.Cancelled) tea.Cmd { return l.open() })
}

func (l contactList) add() tea.Cmd {
	c := l.c
	return app.Send(l.form(contactSpec(c, nil), func(ctx context.Context, v form.Values) (tea.Msg, error) {
		k, err := addContactOf(ctx, c, v)
		if err != nil {
			return nil, err
		}
		return l.noted(k.ID, c.T("contact.done", k.Name)), nil
	}))
}

func (l contactList) edit(id model.ID) tea.Cmd {
	c := l.c
	return c.Do(func(context.Context) tea.Msg {
		was, err := c.Backend.ContactByID(id)
		if err != nil {
			return c.LoadFailed(err)
		}
		return l.form(contactSpec(c, &was), func(ctx context.Context, v form.Values) (tea.Msg, error) {
			k, err := editContactOf(ctx, c, &was, v)
			if err != nil {
				return nil, err
			}
			return l.noted(k.ID, c.T("contact.edit.done", k.Name)), nil
		})
	})
}

// test sends a message on each channel, and says which works.
func (l contactList) test(k model.Contact) tea.Cmd {
	c := l.c
	return c.Do(func(ctx context.Context) tea.Msg {
		tests, err := c.Backend.TestContact(ctx, k.Name)
		if err != nil {
			return failedMsg(c, contactRow, err)
		}
		d := &dialog.Notice{Context: c, Title: c.T("contacts.test.title", k.Name), Tone: style.Accent}
		for _, t := range tests {
			s := dialog.Section{Tone: style.Good, Lines: []string{c.Mark("●") + sayTest(c, t.Channel, "verb.channel.works", "")}}
			switch why := c.Text.Text(model.TextOf(t.Err)); {
			case t.Unused:
				s.Tone, s.Lines = style.Muted, []string{c.Mark("○") + sayTest(c, t.Channel, "verb.channel.unused", why)}
			case t.Err != nil:
				s.Tone, s.Lines = style.Bad, []string{c.Mark("✕") + sayTest(c, t.Channel, "verb.channel.fails", why)}
			}
			d.Sections = append(d.Sections, s)
		}
		return app.OpenDialogMsg{Make: func() app.Dialog { return d }, Then: func(any) tea.Cmd { return l.open() }}
	})
}

// give gives all that a contact has to another one.
func (l contactList) give(k model.Contact) tea.Cmd {
	c := l.c
	return c.Do(func(context.Context) tea.Msg {
		users, err := c.Backend.UsersOfContact(k.ID)
		if err != nil {
			return failedMsg(c, contactRow, err)
		}
		others, err := c.Backend.Contacts()
		if err != nil {
			return failedMsg(c, contactRow, err)
		}
		if len(users.Instances)+len(users.Watches) == 0 {
			return l.noted(k.ID, c.T("contacts.give.none", k.Name))
		}
		others = slices.DeleteFunc(others, func(o model.Contact) bool { return o.ID == k.ID })
		return l.form(
			form.Spec{
				Title:  c.T("contacts.give.title", k.Name),
				Submit: c.T("assign.submit"),
				Intro:  []string{c.T("contacts.give.intro", k.Name, strconv.Itoa(len(users.Instances)), strconv.Itoa(len(users.Watches)))},
				Fields: contactFields(c, others, contactChoice{Needed: always}),
			},
			func(ctx context.Context, v form.Values) (tea.Msg, error) {
				to, err := chosenContact(ctx, c, v)
				if err != nil {
					return nil, err
				}
				if err := assignAll(c, users, k.ID, to); err != nil {
					return nil, err
				}
				return l.noted(k.ID, c.T("contacts.give.done", k.Name)), nil
			})
	})
}

// assignAll gives all of some users another contact in place of one. It takes as long as
// it takes: there may be many.
func assignAll(c *app.Context, users directory.ContactUsers, from, to model.ID) error {
	for _, id := range users.Instances {
		if err := c.Backend.ReplaceContact(c.Ctx, id, from, to); err != nil {
			return err
		}
	}
	for _, id := range users.Watches {
		if _, err := c.Backend.AssignWatch(c.Ctx, id, to); err != nil {
			return err
		}
	}
	return nil
}

// remove asks, and removes a contact.
func (l contactList) remove(k model.Contact) tea.Cmd {
	c := l.c
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("contacts.remove", k.Name), Danger: rules.SeverityCaution,
				Lines: []string{c.T("contacts.remove.text")}, Question: c.T("contacts.remove.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return l.open()
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveContact(ctx, k.Name); err != nil {
					return l.refused(err)
				}
				return l.noted("", c.T("contacts.removed", k.Name))
			})
		},
	})
}

// refused shows why a contact cannot be removed; then the list opens again, whose key
// gives what it has to another.
func (l contactList) refused(err error) tea.Msg {
	m, ok := failedMsg(l.c, contactRow, err).(app.OpenDialogMsg)
	if ok {
		m.Then = func(any) tea.Cmd { return l.open() }
	}
	return m
}
