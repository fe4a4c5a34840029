package action

import (
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// showCompanies is the action that lists the companies. It is in the palette only.
func showCompanies(c *app.Context) app.Action {
	return app.Action{
		ID:          "companies",
		Name:        text.NewName("company.list"),
		Group:       app.Certificate,
		OpensDialog: true,
		Run:         func() tea.Cmd { return companyList{c: c}.open() },
	}
}

// companyList is the list of companies, where they are added, edited and removed. It
// opens again after each of these, in the same place.
type companyList struct {
	c    *app.Context
	at   model.ID // the company under the cursor
	note string   // what was done
}

// companyRow stands for what is done with companies in messages about failures.
var companyRow = &rules.Transition{Action: "company"}

func (l companyList) open() tea.Cmd {
	return l.c.Do(func(context.Context) tea.Msg { return l.msg() })
}

// noted is the list again, after something was done with a company.
func (l companyList) noted(at model.ID, note string) tea.Msg {
	l.at, l.note = at, note
	return l.msg()
}

func (l companyList) msg() tea.Msg {
	c := l.c
	all, err := c.Backend.Companies()
	if err != nil {
		return failedMsg(c, companyRow, err)
	}
	return app.OpenDialogMsg{
		Then: l.chosen,
		Make: func() app.Dialog {
			d := &dialog.List{
				Context:    c,
				Title:      c.T("companies.title"),
				EnterLabel: c.T("contacts.enter"),
				Note:       l.note,
				At:         max(slices.IndexFunc(all, func(k model.Company) bool { return k.ID == l.at }), 0),
				Keys: []dialog.ListKey{
					{Key: "a", Label: c.T("contacts.key.add"), Bare: true}, {Key: "ctrl+x", Label: c.T("contacts.drop")},
				},
			}
			for _, k := range all {
				d.Entries = append(d.Entries, dialog.Entry{Head: k.Name, Meta: k.OrganizationID, Lines: companyLines(c, &k), Value: k})
			}
			none := dialog.Entry{Head: c.T("contacts.add"), Value: newContact}
			if len(all) == 0 {
				none.Lines = []string{c.T("companies.none")}
			}
			d.Entries = append(d.Entries, none)
			return d
		},
	}
}

// companyLines are what a list shows of a company besides its name.
func companyLines(c *app.Context, k *model.Company) []string {
	kind := ""
	if k.Type != "" {
		kind = c.T("organization." + k.Type)
	}
	var parts []string
	for _, p := range []string{kind, k.Address, strings.TrimSpace(k.Zip + " " + k.City), k.Province, k.Country, k.Phone} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return []string{strings.Join(parts, c.T("list.join"))}
}

// chosen does what the person chose in the list.
func (l companyList) chosen(v any) tea.Cmd {
	if v == nil {
		return nil
	}
	c := l.c
	if c.MayNot(companyRow.Action) != nil {
		return refuse(c, companyRow.Action)
	}
	pressed, _ := v.(dialog.Pressed)
	k, known := v.(model.Company)
	if pressed.Key == "ctrl+x" {
		k, known = pressed.Value.(model.Company)
	}
	l.at = k.ID
	switch {
	case pressed.Key == "ctrl+x" && known:
		return l.remove(k)
	case pressed.Key == "ctrl+x":
		return l.open()
	case known:
		return l.edit(k)
	}
	return l.edit(model.Company{})
}

// edit opens the form of a company: a new one if it has no ID.
func (l companyList) edit(was model.Company) tea.Cmd {
	c, q := l.c, &request{c: l.c, row: companyRow}
	spec := form.Spec{
		Title:  c.T("company.edit.title", was.Name),
		Submit: c.T("contact.edit.submit"),
		Intro:  []string{c.T("company.edit.intro")},
		Fields: organizationFields(c, 0, was.Organization, false),
	}
	done := "contact.edit.done"
	if was.ID == "" {
		spec.Title, spec.Submit, spec.Intro, done = c.T(
			"company.title",
		), c.T(
			"contact.submit",
		), []string{
			c.T("company.intro"),
		}, "contact.done"
	}
	return app.Send(q.formThen(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		k, err := model.Company{ID: was.ID, Organization: organizationOf(v)}, error(nil)
		if was.ID == "" {
			k, err = c.Backend.AddCompany(ctx, k)
		} else {
			k, err = c.Backend.EditCompany(ctx, was, k)
		}
		if err != nil {
			return nil, companyError(c, err)
		}
		return l.noted(k.ID, c.T(done, k.Name)), nil
	}, func(form.Cancelled) tea.Cmd { return l.open() }))
}

// companyError puts an error about a company beside its field in the form.
func companyError(c *app.Context, err error) error {
	var r *rules.Refusal
	if errors.As(err, &r) && r.Reason == rules.ReasonNameTaken {
		return &rules.Invalid{Field: "company", Why: model.Quoted("", c.FormatRefusalWithHint(r))}
	}
	var i *rules.Invalid
	if errors.As(err, &i) {
		field := map[string]string{"name": "company", "phone": "company phone"}[i.Field]
		return &rules.Invalid{Field: field, Why: i.Why, Example: i.Example, Rule: i.Rule}
	}
	return err
}

// remove asks, and removes a company.
func (l companyList) remove(k model.Company) tea.Cmd {
	c := l.c
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("contacts.remove", k.Name), Danger: rules.SeverityCaution,
				Lines: []string{c.T("companies.remove.text")}, Question: c.T("contacts.remove.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return l.open()
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveCompany(ctx, k.Name); err != nil {
					return failedMsg(c, companyRow, err)
				}
				return l.noted("", c.T("contacts.removed", k.Name))
			})
		},
	})
}
