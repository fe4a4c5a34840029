package kittest

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Missing implements app.Backend, much as the engine does it.
func (b *Backend) Missing(i *model.Instance, a model.Application) []*rules.Invalid {
	var all []*rules.Invalid
	add := func(field string, why model.Text, example string) {
		all = append(all, &rules.Invalid{Field: field, Why: why, Example: model.Quoted("", example)})
	}
	caps := b.CAs[i.Spec.Brand]
	if err := caps.CheckNames(i.Spec.Type, a.Domains); err != nil {
		if n, ok := names.IsError(err); ok {
			all = append(all, &rules.Invalid{Field: n.Field, Why: n.Rule, Example: n.Hint})
		}
	}
	need := func(value, field, example string) {
		if strings.TrimSpace(value) == "" {
			add(field, model.Say("apply.needs", "level", strings.ToUpper(string(i.Spec.Level)), "grade", i.Spec.Grade), example)
		}
	}
	verified := i.Spec.Level != model.DV
	if verified {
		need(a.ApplicantName, "applicant", "Anna Berg")
		need(a.Phone, "phone", "+49 30 123456")
		need(a.Email, "email", "anna@example.com")
		need(a.IDNumber, "id number", "the number of the applicant's identity card")
	}
	if c := a.Company; verified || i.Spec.Grade == model.Professional {
		for _, f := range [][3]string{{c.Name, "company", "Example GmbH"}, {c.Type, "company type", "company"}, {c.Phone, "company phone", "+49 30 123400"},
			{c.OrganizationID, "organization id", "HRB 12345"}, {c.Country, "country", "DE"}, {c.Province, "province", "Berlin"}, {c.City, "city", "Berlin"},
			{c.Address, "address", "Example Street 1"}, {c.Zip, "zip code", "10115"}} {
			need(f[0], f[1], f[2])
		}
		if verified && len(a.Documents) == 0 {
			add("document", model.Say("document.needed"), "a PNG or JPEG of at most 512,000 bytes")
		}
	}
	if b.CAs[i.Spec.Brand].NeedsEmail && a.Email == "" {
		add("email", model.Say("apply.issuer-needs-email"), "ops@example.com")
	}
	switch {
	case a.Manual():
		csr, err := bundle.ParseCSR(a.CSR)
		if err == nil {
			err = bundle.CheckCSRNames(csr, a.Domains)
		}
		if err != nil {
			add("csr", model.TextOf(err), "openssl req -new")
		}
	case !slices.Contains(model.KeyTypes, a.KeyType):
		add("key type", model.Say("invalid.no-key-type", "value", a.KeyType), "ecdsa-p256")
	}
	return all
}

// Companies implements app.Backend.
func (b *Backend) Companies() ([]model.Company, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.Firms), nil
}

// AddCompany implements app.Backend.
func (b *Backend) AddCompany(_ context.Context, c model.Company) (model.Company, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.Firms {
		if model.NormalizeName(o.Name) == model.NormalizeName(c.Name) {
			return c, &rules.Refusal{Action: "company", Reason: rules.ReasonNameTaken, Args: rules.Args{"name": c.Name}}
		}
	}
	c.ID = b.newID()
	b.Firms = append(b.Firms, c)
	return c, b.call("AddCompany %s %s", c.Name, c.Country)
}

// Documents implements app.Backend.
func (b *Backend) Documents(id model.ID) ([]model.Document, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.Papers[id]), nil
}

// AddDocument implements app.Backend: what begins with PNG or JPEG is one.
func (b *Backend) AddDocument(_ context.Context, id model.ID, name string, data []byte) (model.Document, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(id)
	if err != nil {
		return model.Document{}, err
	}
	d := model.Document{ID: b.newID(), Instance: id, Name: name, Size: len(data), Added: b.Clock, Data: model.NewSecret(data)}
	switch {
	case bytes.HasPrefix(data, []byte("PNG")):
		d.Format = "png"
	case bytes.HasPrefix(data, []byte("JPEG")):
		d.Format = "jpeg"
	default:
		return d, &rules.Refusal{Action: rules.Apply, Reason: rules.ReasonDocument,
			Args: rules.Args{
				"why":  model.Say("file.why", "file", name, "why", model.Quoted("", "this is neither a PNG nor a JPEG")),
				"hint": model.Say("document.kinds"),
			}}
	}
	if err := b.call("AddDocument %s %s %d", id.Short(), name, len(data)); err != nil {
		return d, err
	}
	b.paper(i, d)
	return d, nil
}

func (b *Backend) paper(i *model.Instance, d model.Document) {
	if b.Papers == nil {
		b.Papers = map[model.ID][]model.Document{}
	}
	b.Papers[i.ID] = append(b.Papers[i.ID], d)
	i.Application.Documents = append(i.Application.Documents, d.ID)
}

// RemoveDocument implements app.Backend.
func (b *Backend) RemoveDocument(_ context.Context, id, document model.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(id)
	if err != nil {
		return err
	}
	b.Papers[id] = slices.DeleteFunc(b.Papers[id], func(d model.Document) bool { return d.ID == document })
	i.Application.Documents = slices.DeleteFunc(i.Application.Documents, func(d model.ID) bool { return d == document })
	return b.call("RemoveDocument %s", id.Short())
}

// Template implements app.Backend.
func (b *Backend) Template(id model.ID) (model.Text, error) {
	return model.Say("confirmation.form", "application", id), nil
}

// Approve implements app.Backend.
func (b *Backend) Approve(_ context.Context, id model.ID) error {
	return b.act(b.Actor(), rules.Review, id, "Approve "+id.Short(), func(i *model.Instance) { i.Operation.WaitFor = "" })
}

// RejectApplication implements app.Backend.
func (b *Backend) RejectApplication(_ context.Context, id model.ID, reason string) error {
	return b.act(b.Actor(), rules.Review, id, "RejectApplication "+id.Short()+" "+reason, func(i *model.Instance) {
		i.State, i.Operation, i.Reason = b.to(rules.Reject), model.Operation{}, model.Say("review.refused", "why", reason)
	})
}

// UploadKey implements app.Backend.
func (b *Backend) UploadKey(_ context.Context, id model.ID, f bundle.File) error {
	if string(f.Data) == "garbage" {
		return &rules.Refusal{Action: rules.UploadKey, Reason: rules.ReasonCertificate,
			Args: rules.Args{"why": model.Quoted("", "there is no private key in it"), "hint": model.Quoted("", "bring the key in PEM")}}
	}
	return b.act(b.Actor(), rules.UploadKey, id, "UploadKey "+id.Short()+" "+f.Name, func(i *model.Instance) {
		for n := range i.Versions {
			i.Versions[n].KeyID = "01KADDED000000000000000000"
		}
	})
}
