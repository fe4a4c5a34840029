package action

import (
	"context"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
)

// organizationKeys are the fields of an organization, as the engine names them
// when one is missing, with the values they stand for.
var organizationKeys = []struct {
	key, text string
	of        func(*model.Organization) *string
}{
	{"company", "company.name", func(o *model.Organization) *string { return &o.Name }},
	{"company type", "company.type", func(o *model.Organization) *string { return &o.Type }},
	{"company phone", "company.phone", func(o *model.Organization) *string { return &o.Phone }},
	{"organization id", "company.id", func(o *model.Organization) *string { return &o.OrganizationID }},
	{"country", "company.country", func(o *model.Organization) *string { return &o.Country }},
	{"province", "company.province", func(o *model.Organization) *string { return &o.Province }},
	{"city", "company.city", func(o *model.Organization) *string { return &o.City }},
	{"address", "company.address", func(o *model.Organization) *string { return &o.Address }},
	{"zip code", "company.zip", func(o *model.Organization) *string { return &o.Zip }},
}

// companyFields ask for the organization: a saved one can be picked to fill them in,
// and what is typed can be saved (spec A1).
func companyFields(c *app.Context, step int, now model.Organization, saved []model.Company) []form.Field {
	pick := ""
	for _, s := range saved {
		if s.Organization == now {
			pick = string(s.ID)
		}
	}
	fs := []form.Field{
		{Key: "companies", Kind: form.Hidden, Initial: encodeList(saved)},
		{
			Key:     "pick company",
			Label:   c.T("company.pick"),
			Kind:    form.Select,
			Step:    step,
			Initial: pick,
			Options: func(v form.Values) []form.Option {
				os := []form.Option{{Label: c.T("company.new")}}
				for _, s := range decodeList[model.Company](v["companies"]) {
					os = append(os, form.Option{Value: string(s.ID), Label: s.Name})
				}
				return os
			},
			OnSelect: func(v form.Values) form.Values {
				for _, s := range decodeList[model.Company](v["companies"]) {
					if string(s.ID) == v["pick company"] {
						return organizationValues(s.Organization)
					}
				}
				return nil
			},
			Hint: func(form.Values) string { return c.T("company.pick.hint") },
		},
	}
	return append(fs, organizationFields(c, step, now, true)...)
}

// organizationFields ask for an organization. Only its name is needed unless all is.
func organizationFields(c *app.Context, step int, now model.Organization, all bool) (fs []form.Field) {
	for _, k := range organizationKeys {
		f := form.Field{
			Key:     k.key,
			Label:   c.T(k.text),
			Step:    step,
			Initial: *k.of(&now),
			Hint:    func(form.Values) string { return c.T(k.text + ".hint") },
		}
		need := all || k.key == "company"
		if need {
			f.Valid = required(c)
		} else {
			f.Placeholder = c.T("optional")
		}
		switch k.key {
		case "company type":
			types, labels := model.OrganizationTypes, organizationTypes(c)
			if !all {
				types, labels = append([]string{""}, types...), append([]string{c.T("company.type.none")}, labels...)
			}
			f.Kind, f.Valid = form.Select, nil
			f.Options = fixedOptions(types, labels)
		case "company phone":
			f.Valid = validPhone(c, need)
		case "country":
			f.Valid = func(s string, _ form.Values) string {
				s = strings.ToUpper(strings.TrimSpace(s))
				if (need || s != "") && !rules.IsCountry(s) {
					return c.T("company.country.wrong")
				}
				return ""
			}
		}
		fs = append(fs, f)
	}
	return fs
}

func organizationValues(o model.Organization) form.Values {
	v := form.Values{}
	for _, k := range organizationKeys {
		v[k.key] = *k.of(&o)
	}
	return v
}

// organizationOf reads the organization from the fields.
func organizationOf(v form.Values) (o model.Organization) {
	for _, k := range organizationKeys {
		*k.of(&o) = strings.TrimSpace(v[k.key])
	}
	o.Country = strings.ToUpper(o.Country)
	return o
}

// saveCompany is the command that saves the organization typed, to be picked again.
func saveCompany(c *app.Context, step string) form.Command {
	return form.Command{Key: "ctrl+o", Label: c.T("company.save"), Show: func(v form.Values) bool { return v[form.StepKey] == step },
		Run: func(v form.Values) func() form.Result {
			for _, f := range companyFields(c, 0, model.Organization{}, nil) {
				if f.Valid != nil {
					if e := f.Valid(v[f.Key], v); e != "" {
						return func() form.Result { return form.Result{Field: f.Key, Error: c.T("company.incomplete", e)} }
					}
				}
			}
			return withTimeout(c, func(ctx context.Context) form.Result {
				saved, err := c.Backend.AddCompany(ctx, model.Company{Organization: organizationOf(v)})
				if err != nil {
					return errorResult(c, err, "company")
				}
				list := append(decodeList[model.Company](v["companies"]), saved)
				return form.Result{
					Note: c.T("company.saved", saved.Name),
					Set:  form.Values{"companies": encodeList(list), "pick company": string(saved.ID)},
				}
			})
		}}
}

// organizationTypes are the labels of the types of organizations.
func organizationTypes(c *app.Context) []string {
	out := make([]string, len(model.OrganizationTypes))
	for n, t := range model.OrganizationTypes {
		out[n] = c.T("organization." + t)
	}
	return out
}
