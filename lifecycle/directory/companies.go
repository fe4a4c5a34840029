package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// AddCompany saves an organization for later applications (spec A1). Names are
// unique without regard to case.
func (d *Directory) AddCompany(ctx context.Context, actor model.Actor, c model.Company) (model.Company, error) {
	if err := checkCompany(&c); err != nil {
		return c, err
	}
	c.ID = d.journal.NewID()
	return c, d.journal.Update(ctx, func(tx model.Tx) error { return d.putCompany(tx, actor, &c, model.Say("log.added")) })
}

// EditCompany changes a saved organization to what edited says (spec Q7), unless another
// has changed it since it was read as was. Applications hold copies of their own and stay
// as they are. An edit that changes nothing is no event.
func (d *Directory) EditCompany(ctx context.Context, actor model.Actor, was, edited model.Company) (model.Company, error) {
	edited.ID = was.ID
	if err := checkCompany(&edited); err != nil {
		return was, err
	}
	var detail model.Text
	for _, f := range organizationFields {
		if from, to := *f.of(&was.Organization), *f.of(&edited.Organization); from != to {
			detail = model.Texts(detail, fieldChanged(f.code, from, to))
		}
	}
	if detail == "" {
		return was, nil
	}
	return edited, d.journal.Update(ctx, func(tx model.Tx) error {
		now, err := model.Get[model.Company](tx, string(was.ID))
		switch {
		case errors.Is(err, model.ErrNotFound):
			return &rules.NotFound{What: "company", Name: was.Name}
		case err != nil:
			return err
		case now != was:
			return changedMeanwhile("company", model.Say("in-use.company", "name", was.Name))
		}
		return d.putCompany(tx, actor, &edited, detail)
	})
}

// organizationFields are the fields of an organization, with their codes.
var organizationFields = []struct {
	code string
	of   func(*model.Organization) *string
}{
	{"name", func(o *model.Organization) *string { return &o.Name }},
	{"company type", func(o *model.Organization) *string { return &o.Type }},
	{"phone", func(o *model.Organization) *string { return &o.Phone }},
	{"organization id", func(o *model.Organization) *string { return &o.OrganizationID }},
	{"country", func(o *model.Organization) *string { return &o.Country }},
	{"province", func(o *model.Organization) *string { return &o.Province }},
	{"city", func(o *model.Organization) *string { return &o.City }},
	{"address", func(o *model.Organization) *string { return &o.Address }},
	{"zip code", func(o *model.Organization) *string { return &o.Zip }},
}

// checkCompany trims the fields of an organization and rejects an unusable one.
func checkCompany(c *model.Company) error {
	for _, f := range organizationFields {
		of := f.of(&c.Organization)
		*of = strings.TrimSpace(*of)
	}
	if c.Name == "" {
		return &rules.Invalid{Field: "name", Why: model.Say("company.needs-name"), Example: rules.Example("Example GmbH")}
	}
	if wrong := cmp.Or(rules.CheckCompany("name", &c.Organization), rules.CheckPhone("phone", c.Phone)); wrong != nil {
		return wrong
	}
	return nil
}

// putCompany writes an organization and its event, unless another has its name.
func (d *Directory) putCompany(tx model.Tx, actor model.Actor, c *model.Company, detail model.Text) error {
	other, err := companyNamed(tx, c.Name)
	switch {
	case err == nil && other.ID != c.ID:
		return &rules.Refusal{Action: "company", Reason: rules.ReasonNameTaken, Args: rules.Args{"name": c.Name}}
	case err != nil && !errors.Is(err, model.ErrNotFound):
		return err
	}
	ev := d.journal.Event(actor, "company", nil)
	ev.Name, ev.Detail = c.Name, detail
	return errors.Join(tx.Append(ev), tx.Put(c))
}

func companyNamed(r model.Reader, name string) (model.Company, error) {
	fold := model.NormalizeName(name)
	for c, err := range model.All[model.Company](r, model.Scan{Index: "name", From: fold, To: fold + "\x00"}) {
		return c, err
	}
	return model.Company{}, &rules.NotFound{What: "company", Name: name}
}

// Company finds a company by name.
func (d *Directory) Company(name string) (c model.Company, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		c, err = companyNamed(r, name)
		return err
	})
	return c, err
}

// Companies lists all companies in the natural order of their names.
func (d *Directory) Companies() (all []model.Company, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		for c, err := range model.All[model.Company](r, model.Scan{Index: "name"}) {
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b model.Company) int { return model.CompareNatural(a.Name, b.Name) })
	return all, err
}

// RemoveCompany removes a saved organization. Applications hold copies of their
// own.
func (d *Directory) RemoveCompany(ctx context.Context, actor model.Actor, name string) error {
	return d.journal.Update(ctx, func(tx model.Tx) error {
		c, err := companyNamed(tx, name)
		if err != nil {
			return err
		}
		ev := d.journal.Event(actor, "company", nil)
		ev.Name, ev.Detail = c.Name, model.Say("log.removed")
		if err := tx.Append(ev); err != nil {
			return err
		}
		return tx.Delete(&c)
	})
}
