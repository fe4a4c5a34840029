package directory

import (
	"context"
	"errors"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// AddCompany saves an organization for later applications (spec A1). Names are
// unique without regard to case.
func (d *Directory) AddCompany(ctx context.Context, actor model.Actor, c model.Company) (model.Company, error) {
	c.Name = strings.TrimSpace(c.Name)
	if c.Name == "" {
		return c, &rules.Invalid{Field: "name", Why: model.Say("company.needs-name"), Example: rules.Example("Example GmbH")}
	}
	if wrong := rules.CheckCompany("name", &c.Organization); wrong != nil {
		return c, wrong
	}
	if wrong := rules.CheckPhone("phone", c.Phone); wrong != nil {
		return c, wrong
	}
	c.ID = d.journal.NewID()
	err := d.journal.Update(ctx, func(tx model.Tx) error {
		if _, err := companyNamed(tx, c.Name); err == nil {
			return &rules.Refusal{Action: "company", Reason: rules.ReasonNameTaken, Args: rules.Args{"name": c.Name}}
		} else if !errors.Is(err, model.ErrNotFound) {
			return err
		}
		ev := d.journal.Event(actor, "company", nil)
		ev.Name, ev.Detail = c.Name, model.Say("log.added")
		if err := tx.Append(ev); err != nil {
			return err
		}
		return tx.Put(&c)
	})
	return c, err
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

// Companies lists all companies by name.
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
