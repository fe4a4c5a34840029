package action

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// held keeps a list in a hidden value of a form, so that what the form shows
// follows from its values alone.
func held[T any](list []T) string {
	b, err := json.Marshal(list)
	if err != nil { // names and numbers only
		return "[]"
	}
	return string(b)
}

func listed[T any](v string) (list []T) {
	_ = json.Unmarshal([]byte(v), &list)
	return list
}

// newContact is the choice of one that is not saved yet.
const newContact = "new"

// contactChoice says where in a form a contact is asked for.
type contactChoice struct {
	Show    func(form.Values) bool
	Needed  func(form.Values) bool // nil: nobody is a choice
	Initial model.ID
	Step    int
}

// contactFields ask for a contact: a saved one, or a new one made right there.
func contactFields(c *app.Context, contacts []model.Contact, o contactChoice) []form.Field {
	show := o.Show
	if show == nil {
		show = func(form.Values) bool { return true }
	}
	isNew := func(v form.Values) bool { return show(v) && v["contact"] == newContact }
	return []form.Field{
		{Key: "contacts", Kind: form.Hidden, Initial: held(contacts)},
		{Key: "contact", Label: c.T("apply.contact"), Kind: form.Select, Show: show, Step: o.Step, Initial: string(o.Initial), Options: func(v form.Values) []form.Option {
			var os []form.Option
			if o.Needed == nil || !o.Needed(v) {
				os = append(os, form.Option{Label: c.T("apply.contact.none")})
			}
			for _, k := range listed[model.Contact](v["contacts"]) {
				os = append(os, form.Option{Value: string(k.ID), Label: k.Name + " <" + k.Email + ">"})
			}
			return append(os, form.Option{Value: newContact, Label: c.T("apply.contact.new")})
		}, Hint: func(form.Values) string { return c.T("apply.contact.hint") }},
		{Key: "contact name", Label: c.SubMark() + c.T("contact.name"), Show: isNew, Step: o.Step, Valid: contactName(c), Hint: func(form.Values) string { return c.T("contact.name.hint") }},
		{Key: "contact email", Label: c.SubMark() + c.T("apply.email"), Show: isNew, Step: o.Step, Valid: address(c), Hint: func(form.Values) string { return c.T("contact.email.hint") }},
		{Key: "contact phone", Label: c.SubMark() + c.T("apply.phone"), Show: isNew, Step: o.Step, Placeholder: c.T("optional"), Valid: dialled(c, false)},
	}
}

// contactOf is the chosen contact; a new one is saved first, and is then the
// chosen one should the form come back.
func contactOf(ctx context.Context, c *app.Context, v form.Values) (model.ID, error) {
	if v["contact"] != newContact {
		return model.ID(v["contact"]), nil
	}
	k, err := c.Backend.AddContact(ctx, model.Contact{Name: strings.TrimSpace(v["contact name"]), Email: strings.TrimSpace(v["contact email"]), Phone: strings.TrimSpace(v["contact phone"])})
	if err != nil {
		return "", under(c, "contact ", "name", err)
	}
	v["contacts"] = held(append(listed[model.Contact](v["contacts"]), k))
	v["contact"] = string(k.ID)
	return k.ID, nil
}

// under moves an error to a field whose key begins with a prefix; what names no
// field goes to the one given.
func under(c *app.Context, prefix, field string, err error) error {
	var i *rules.Invalid
	if errors.As(err, &i) {
		return &rules.Invalid{Field: prefix + i.Field, Why: i.Why, Example: i.Example, Rule: i.Rule}
	}
	var r *rules.Refusal
	if errors.As(err, &r) {
		return &rules.Invalid{Field: prefix + field, Why: model.Quoted("", c.FormatRefusalWithHint(r))}
	}
	return err
}

func always(form.Values) bool { return true }

func needed(c *app.Context) func(string, form.Values) string {
	return func(s string, _ form.Values) string {
		if strings.TrimSpace(s) == "" {
			return c.T("needed")
		}
		return ""
	}
}

// contactName checks the name of a new contact.
func contactName(c *app.Context) func(string, form.Values) string {
	return func(s string, v form.Values) string {
		if utf8.RuneCountInString(strings.TrimSpace(s)) > rules.MaxContactName {
			return c.T("contact.name.long", rules.MaxContactName)
		}
		return needed(c)(s, v)
	}
}

func address(c *app.Context) func(string, form.Values) string {
	return func(s string, _ form.Values) string {
		if !rules.IsEmail(strings.TrimSpace(s)) {
			return c.T("apply.email.wrong")
		}
		return ""
	}
}

// dialled checks a phone number; need says whether there must be one.
func dialled(c *app.Context, need bool) func(string, form.Values) string {
	return func(s string, v form.Values) string {
		switch s = strings.TrimSpace(s); {
		case s == "" && need:
			return needed(c)(s, v)
		case s != "" && !rules.IsPhone(s):
			return c.T("apply.phone.wrong")
		}
		return ""
	}
}

// contact adds a contact; it has no key, only the palette.
func contact(c *app.Context) app.Action {
	row := &rules.Row{Action: "contact"}
	a := app.Action{ID: "contact", Name: text.Called("contact.add"), Group: app.Certificate, OpensDialog: true, Disabled: c.MayNot(row.Action)}
	a.Run = func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			if f := c.Backend.May(row.Action); f != nil {
				return refusedMsg(c, f, nil)
			}
			q := &request{c: c, row: row}
			return q.formMsg(form.Spec{ID: "contact", Title: c.T("contact.title"), Submit: c.T("contact.submit"), Intro: []string{c.T("contact.intro")}, Fields: []form.Field{
				{Key: "name", Label: c.T("contact.name"), Valid: contactName(c), Hint: func(form.Values) string { return c.T("contact.name.hint") }},
				{Key: "email", Label: c.T("apply.email"), Valid: address(c), Hint: func(form.Values) string { return c.T("contact.email.hint") }},
				{Key: "phone", Label: c.T("apply.phone"), Placeholder: c.T("optional"), Valid: dialled(c, false)},
			}}, func(ctx context.Context, v form.Values) (tea.Msg, error) {
				k, err := c.Backend.AddContact(ctx, model.Contact{Name: strings.TrimSpace(v["name"]), Email: strings.TrimSpace(v["email"]), Phone: strings.TrimSpace(v["phone"])})
				return app.ToastMsg{Text: c.T("contact.done", k.Name), Tone: style.Good}, err
			})
		})
	}
	return a
}
