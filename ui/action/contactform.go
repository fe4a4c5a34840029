package action

import (
	"context"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// addContact is the action that adds a contact. It is in the palette only.
func addContact(c *app.Context) app.Action {
	row := &rules.Transition{Action: "contact"}
	a := app.Action{ID: "contact", Name: text.NewName("contact.add"), Group: app.Certificate, OpensDialog: true}
	a.Run = func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			if f := c.Backend.May(row.Action); f != nil {
				return refusedMsg(c, f, nil)
			}
			q := &request{c: c, row: row}
			return q.formMsg(contactSpec(c, nil), func(ctx context.Context, v form.Values) (tea.Msg, error) {
				k, err := addContactOf(ctx, c, v)
				return app.ToastMsg{Text: c.T("contact.done", k.Name), Tone: style.Good}, err
			})
		})
	}
	return a.DisableIf(c.MayNot(row.Action))
}

// maxChannels is how many bytes of URLs of channels are taken at once.
const maxChannels = 64 << 10

// contactSpec is the form of a contact: a new one if was is nil.
func contactSpec(c *app.Context, was *model.Contact) form.Spec {
	spec := form.Spec{Title: c.T("contact.title"), Submit: c.T("contact.submit"), Intro: []string{c.T("contact.intro")}}
	if was == nil {
		was = &model.Contact{}
	} else {
		spec.Title, spec.Submit, spec.Intro = c.T("contact.edit.title", was.Name), c.T("contact.edit.submit"), nil
	}
	spec.Fields = []form.Field{
		{
			Key:     "name",
			Label:   c.T("contact.name"),
			Initial: was.Name,
			Valid:   validContactName(c),
			Hint:    func(form.Values) string { return c.T("contact.name.hint") },
		},
		{
			Key:     "email",
			Label:   c.T("apply.email"),
			Initial: was.Email,
			Valid:   validEmail(c),
			Hint:    func(form.Values) string { return c.T("contact.email.hint") },
		},
		{Key: "phone", Label: c.T("apply.phone"), Initial: was.Phone, Placeholder: c.T("optional"), Valid: validPhone(c, false)},
	}
	for n, shown := range was.Channels {
		spec.Fields = append(spec.Fields, form.Field{
			Key:     channelKey(n),
			Label:   c.T("contact.channel", n+1),
			Kind:    form.Select,
			Options: fixedOptions([]string{"keep", "remove"}, []string{shown, c.T("contact.channel.remove", shown)}),
			Hint:    func(form.Values) string { return c.T("contact.channel.hint") },
		})
	}
	spec.Fields = append(spec.Fields, form.Field{
		Key:      "channel",
		Label:    c.T("contact.channel.add"),
		Kind:     form.Multiline,
		MaxBytes: maxChannels,
		Hint:     func(form.Values) string { return c.T("contact.channel.add.hint") },
		Render: func(v form.Values) string {
			var shown []string
			for _, u := range channelsOf(v) {
				shown = append(shown, directory.RedactURL(u))
			}
			if len(shown) == 0 {
				return c.T("form.unfilled", c.T("optional"))
			}
			return strings.Join(shown, c.T("list.join"))
		},
	})
	return spec
}

// channelKey is the key of the field of the nth channel, counted from 0.
func channelKey(n int) string { return "channel-" + strconv.Itoa(n+1) }

// channelsOf are the URLs of channels that were typed, one a line.
func channelsOf(v form.Values) []string {
	return strings.Fields(v["channel"])
}

func addContactOf(ctx context.Context, c *app.Context, v form.Values) (model.Contact, error) {
	return c.Backend.AddContact(ctx, model.Contact{
		Name:     strings.TrimSpace(v["name"]),
		Email:    strings.TrimSpace(v["email"]),
		Phone:    strings.TrimSpace(v["phone"]),
		Channels: channelsOf(v),
	})
}

func editContactOf(ctx context.Context, c *app.Context, was *model.Contact, v form.Values) (model.Contact, error) {
	e := directory.ContactEdit{Was: *was, Name: v["name"], Email: v["email"], Phone: v["phone"], AddChannels: channelsOf(v)}
	for n := range was.Channels {
		if v[channelKey(n)] == "remove" {
			e.RemoveChannels = append(e.RemoveChannels, n+1)
		}
	}
	return c.Backend.EditContact(ctx, e)
}

// sayTest is what a test of a channel has shown.
func sayTest(c *app.Context, channel, result, why string) string {
	line := channel + c.T("colon") + c.T(result)
	if why != "" {
		line += c.T("semicolon") + why
	}
	return line
}
