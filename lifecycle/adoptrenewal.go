package lifecycle

import (
	"cmp"
	"context"
	"crypto/x509"
	"slices"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// planRenewal works out whether and by whom a certificate is renewed, within the rules of
// hosting (spec H1, H2).
func (e *Engine) planRenewal(actor model.Actor, r AdoptRequest, to *Adopted, chain [][]byte) {
	i := &to.Instance
	switch {
	case i.Hosting.On:
		to.Kept, to.Off = model.Say("adopt.kept.hosted"), to.Finding.Keeper.Off
		return
	case r.Keep:
		to.Kept = model.Say("adopt.kept.asked")
		return
	case len(to.Places) == 0:
		to.Kept = model.Say("adopt.kept.nowhere")
		return
	}
	req := r.Host
	kept := func(err error) { to.Kept = model.Say("adopt.kept.refused", "why", model.TextOf(err)) }
	if req.Contact == "" {
		id, err := e.onlyContact()
		if err != nil {
			kept(err)
			return
		}
		req.Contact = id
	}
	e.fillSpec(actor, to, &req.Spec)
	facts := &rules.Facts{Actor: actor, Now: e.Now(), Instance: i}
	if f := e.table.Check(rules.Host, facts); f != nil {
		kept(f)
		return
	}
	q, err := e.quoteHostingOf(i, req, func(*model.Instance) (all []*x509.Certificate, err error) {
		for _, der := range chain {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		return all, nil
	})
	if err != nil {
		kept(err)
		return
	}
	to.Hosting, to.request, to.Off = &q, req, to.Finding.Keeper.Off
}

// fillSpec states what the certificate does not tell and the person has not said: clients of
// ACME get domain validated certificates only.
func (e *Engine) fillSpec(actor model.Actor, to *Adopted, s *model.Specification) {
	i := &to.Instance
	if i.Spec.Level == "" && s.Level == "" && to.Finding.Keeper.Client != "" {
		s.Level = model.DV
	}
	if i.Spec.Brand == "" && s.Brand == "" {
		s.Brand = e.brandOf(actor, to.Finding.Keeper.Directory)
	}
	if level := cmp.Or(i.Spec.Level, s.Level); i.Spec.Grade == "" && s.Grade == "" {
		is, ok := e.issuers.Port(cmp.Or(i.Spec.Brand, s.Brand))
		if !ok {
			return
		}
		grades := is.Capabilities(e.Now()).Grades
		if s.Grade = e.policy.DefaultGrade[level]; len(grades) > 0 && !slices.Contains(grades, s.Grade) {
			s.Grade = grades[0]
		}
	}
}

// brandOf is the issuer whose directory the other client uses, and otherwise the usual one.
func (e *Engine) brandOf(actor model.Actor, directory string) string {
	for _, one := range e.issuers.All() {
		if directory != "" && one.Usable() && e.directoryOf(&one.Declaration) == directory {
			return one.Name
		}
	}
	brand, err := e.usualBrand(actor.Name)
	if err != nil {
		return ""
	}
	return brand
}

// directoryOf is the URL at which an issuer is reached; "" for one that has none.
func (e *Engine) directoryOf(d *authority.Declaration) string {
	given, _ := d.Settings["directory"].(string)
	given = cmp.Or(given, d.Name)
	for _, k := range e.issuerKinds {
		for _, known := range k.Known {
			if k.Name == d.Kind && known.Name == given {
				return known.URL
			}
		}
	}
	return given
}

// onlyContact is the contact if there is one only.
func (e *Engine) onlyContact() (id model.ID, err error) {
	n := 0
	err = e.store.View(func(r model.Reader) error {
		for c, err := range model.All[model.Contact](r, model.Scan{}) {
			if err != nil {
				return err
			}
			id = c.ID
			n++
		}
		return nil
	})
	if err == nil && n != 1 {
		err = needsContact()
	}
	return id, err
}

// takeRenewal switches hosting on, deploys what is renewed by itself, and tells how the
// other client is switched off.
func (e *Engine) takeRenewal(ctx context.Context, actor model.Actor, one *Adopted, a *adoption) error {
	if one.Hosting != nil {
		i, err := e.reader.instance(a.Instance)
		if err != nil {
			return err
		}
		if !i.Hosting.On { // else an earlier finding of the same certificate did it
			if err := e.host(ctx, actor, a.Instance, one.request); err != nil {
				one.Problems = append(one.Problems, model.TextOf(err))
				one.Hosting, one.Off = nil, ""
				return nil
			}
			a.Hosted = true
		}
	}
	if one.Hosting != nil || one.Off != "" {
		for _, id := range a.Places {
			if err := e.autoDeploy(ctx, actor, id, true); err != nil {
				one.Problems = append(one.Problems, model.TextOf(err))
			}
		}
	}
	return e.journal.Update(ctx, func(tx model.Tx) error {
		if one.Off != "" {
			t := model.Task{
				ID: e.journal.NewID(), Kind: model.TaskSwitchOff, Instance: a.Instance, About: one.Finding.ID, Created: e.Now(),
				Text: model.Say("todo.switch-off", "client", string(one.Finding.Keeper.Client), "name", one.Finding.Name,
					"host", one.Finding.Host),
				Detail: model.Quoted(string(one.Finding.Keeper.Client), one.Off),
			}
			if err := tx.Put(&t); err != nil {
				return err
			}
		}
		cell, err := a.cell()
		if err != nil {
			return err
		}
		return tx.Put(cell)
	})
}
