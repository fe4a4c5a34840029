package action

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
)

// encodeList keeps a list in a hidden field of a form, so that what the form shows
// follows from its values alone.
func encodeList[T any](list []T) string {
	b, err := json.Marshal(list)
	if err != nil { // names and numbers only
		return "[]"
	}
	return string(b)
}

// decodeList reads what encodeList wrote; nil for anything else.
func decodeList[T any](v string) (list []T) {
	_ = json.Unmarshal([]byte(v), &list)
	return list
}

// newContact is the value of the option to enter a new contact.
const newContact = "new"

// contactChoice configures the field for a contact.
type contactChoice struct {
	Show    func(form.Values) bool
	Needed  func(form.Values) bool // whether a contact is required; nil means never
	Initial model.ID
	Step    int
}

// contactFields ask for a contact: a saved one, or a new one entered in the form.
func contactFields(c *app.Context, contacts []model.Contact, o contactChoice) []form.Field {
	show := o.Show
	if show == nil {
		show = func(form.Values) bool { return true }
	}
	isNew := func(v form.Values) bool { return show(v) && v["contact"] == newContact }
	return []form.Field{
		{Key: "contacts", Kind: form.Hidden, Initial: encodeList(contacts)},
		{
			Key:     "contact",
			Label:   c.T("apply.contact"),
			Kind:    form.Select,
			Show:    show,
			Step:    o.Step,
			Initial: string(o.Initial),
			Options: func(v form.Values) []form.Option {
				var os []form.Option
				if o.Needed == nil || !o.Needed(v) {
					os = append(os, form.Option{Label: c.T("apply.contact.none")})
				}
				for _, k := range decodeList[model.Contact](v["contacts"]) {
					os = append(os, form.Option{Value: string(k.ID), Label: k.Name + " <" + k.Email + ">"})
				}
				return append(os, form.Option{Value: newContact, Label: c.T("apply.contact.new")})
			},
			Hint: func(form.Values) string { return c.T("apply.contact.hint") },
		},
		{
			Key:   "contact name",
			Label: c.SubMark() + c.T("contact.name"),
			Show:  isNew,
			Step:  o.Step,
			Valid: validContactName(c),
			Hint:  func(form.Values) string { return c.T("contact.name.hint") },
		},
		{
			Key:   "contact email",
			Label: c.SubMark() + c.T("apply.email"),
			Show:  isNew,
			Step:  o.Step,
			Valid: validEmail(c),
			Hint:  func(form.Values) string { return c.T("contact.email.hint") },
		},
		{
			Key:         "contact phone",
			Label:       c.SubMark() + c.T("apply.phone"),
			Show:        isNew,
			Step:        o.Step,
			Placeholder: c.T("optional"),
			Valid:       validPhone(c, false),
		},
	}
}

// chosenContact is the contact chosen in a form. A new one is saved first, and v
// changed to choose it, should the form open again.
func chosenContact(ctx context.Context, c *app.Context, v form.Values) (model.ID, error) {
	if v["contact"] != newContact {
		return model.ID(v["contact"]), nil
	}
	k, err := c.Backend.AddContact(
		ctx,
		model.Contact{
			Name:  strings.TrimSpace(v["contact name"]),
			Email: strings.TrimSpace(v["contact email"]),
			Phone: strings.TrimSpace(v["contact phone"]),
		},
	)
	if err != nil {
		return "", prefixField(c, "contact ", "name", err)
	}
	v["contacts"] = encodeList(append(decodeList[model.Contact](v["contacts"]), k))
	v["contact"] = string(k.ID)
	return k.ID, nil
}

// prefixField puts a prefix before the field that an error names; an error that names
// none goes to field.
func prefixField(c *app.Context, prefix, field string, err error) error {
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

// required checks that a field is not empty.
func required(c *app.Context) func(string, form.Values) string {
	return func(s string, _ form.Values) string {
		if strings.TrimSpace(s) == "" {
			return c.T("needed")
		}
		return ""
	}
}

// validContactName checks the name of a new contact.
func validContactName(c *app.Context) func(string, form.Values) string {
	return func(s string, v form.Values) string {
		if utf8.RuneCountInString(strings.TrimSpace(s)) > rules.MaxContactName {
			return c.T("contact.name.long", rules.MaxContactName)
		}
		return required(c)(s, v)
	}
}

// validEmail checks an address.
func validEmail(c *app.Context) func(string, form.Values) string {
	return func(s string, _ form.Values) string {
		switch s = strings.TrimSpace(s); {
		case s == "":
			return c.T("contact.email.needed")
		case !rules.IsEmail(s):
			return c.T("apply.email.wrong")
		}
		return ""
	}
}

// validPhone validates a phone number, which is required if need is set.
func validPhone(c *app.Context, need bool) func(string, form.Values) string {
	return func(s string, v form.Values) string {
		switch s = strings.TrimSpace(s); {
		case s == "" && need:
			return required(c)(s, v)
		case s != "" && !rules.IsPhone(s):
			return c.T("apply.phone.wrong")
		}
		return ""
	}
}
