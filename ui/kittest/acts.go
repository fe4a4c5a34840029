package kittest

import (
	"context"
	"fmt"
	"slices"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func (b *Backend) log(actor model.Actor, action string, i *model.Instance, from model.State) {
	b.seq++
	e := model.Event{
		Seq:      b.seq,
		At:       b.Clock,
		Actor:    actor.Name,
		Via:      actor.Via,
		Action:   action,
		Instance: i.ID,
		Name:     i.Name,
		From:     string(from),
		To:       string(i.State),
		Why:      "asked",
		Result:   "ok",
	}
	b.Events = append([]model.Event{e}, b.Events...)
	b.publish()
}

func (b *Backend) newID() model.ID {
	b.made++
	return model.ID(fmt.Sprintf("01KA00000000000000%08d", b.made))
}

// to is the state that a row leads to; the fake knows no other way to tell.
func (b *Backend) to(a rules.Action) model.State { return b.table.Row(a).To }

// act checks, records the call, changes the instance and logs it.
func (b *Backend) act(actor model.Actor, a rules.Action, id model.ID, call string, fn func(*model.Instance)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.check(actor, a, id)
	if err != nil {
		return err
	}
	if err := b.call("%s", call); err != nil {
		return err
	}
	from := i.State
	if s := b.to(a); s != "" {
		i.State = s
	}
	if fn != nil {
		fn(i)
	}
	b.log(actor, string(a), i, from)
	return nil
}

// Buy implements app.Backend.
func (b *Backend) Buy(_ context.Context, r lifecycle.BuyRequest) (model.Order, []model.Instance, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	how := ""
	if r.Hosting {
		how = " hosted for " + r.Contact.Short()
	}
	if r.FromPack {
		how = " from pack"
		if u := b.unit(string(ledger.PackCertificate), &r.Spec); u.Available < r.Quantity {
			return model.Order{}, nil, &rules.Refusal{Action: rules.Buy, Reason: rules.ReasonNoUnits,
				Args:    rules.Args{"unit": "certificate", "free": u.Available, "needed": r.Quantity},
				Instead: []rules.Suggestion{{Action: rules.BuyPack}}}
		}
	}
	if err := b.call("Buy %s %dy x%d%s", r.Spec, r.Years, r.Quantity, how); err != nil {
		return model.Order{}, nil, err
	}
	var is []model.Instance
	for range r.Quantity {
		i := &model.Instance{
			ID:      b.newID(),
			Spec:    r.Spec,
			Years:   r.Years,
			Origin:  model.OriginBought,
			State:   b.to(rules.Buy),
			Created: b.Clock,
		}
		i.Name = "new " + r.Spec.String()
		b.Instances = append(b.Instances, i)
		b.log(b.Actor(), "buy", i, "")
		is = append(is, *i)
	}
	return model.Order{ID: b.newID()}, is, nil
}

// Apply implements app.Backend.
func (b *Backend) Apply(_ context.Context, id model.ID, r lifecycle.ApplyRequest) (model.Job, error) {
	if slices.Contains(r.Application.Domains, "refused.example.com") {
		return model.Job{}, &rules.Invalid{Field: "domains", Rule: "A2",
			Why: model.Quoted("", "the CA does not sign refused.example.com"), Example: model.Quoted("", "www.example.com")}
	}
	key := string(r.Application.KeyType)
	if r.Application.Manual() {
		key = "csr"
	}
	if i, err := b.Instance(id); err == nil {
		a := r.Application
		a.Documents = i.Application.Documents
		if missing := b.Missing(&i, a); len(missing) > 0 {
			return model.Job{}, missing[0]
		}
	}
	if r.HostingPacks > 0 {
		key += fmt.Sprintf(" with %d hosting packs for %s", r.HostingPacks, r.Contact.Short())
	}
	err := b.act(
		b.Actor(),
		rules.Apply,
		id,
		fmt.Sprintf("Apply %s %v %s", id.Short(), r.Application.Domains, key),
		func(i *model.Instance) {
			r.Application.Documents = i.Application.Documents
			i.Application, i.Contact = r.Application, r.Contact
			i.Name = r.Application.Domains[0]
			i.ExpectedIssue = b.Clock.Add(day / 8)
			i.Operation = model.Operation{Kind: model.JobIssue, Since: b.Clock, Attempt: 1, WaitFor: model.Say("await.signature")}
		},
	)
	return model.Job{ID: "job"}, err
}

// SaveDraft implements app.Backend.
func (b *Backend) SaveDraft(_ context.Context, id model.ID, a model.Application) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(id)
	if err != nil {
		return err
	}
	a.Documents = i.Application.Documents
	i.Application = a
	return b.call("SaveDraft %s %v", id.Short(), a.Domains)
}

// Withdraw implements app.Backend.
func (b *Backend) Withdraw(_ context.Context, id model.ID) error {
	return b.act(b.Actor(), rules.Withdraw, id, "Withdraw "+id.Short(), func(i *model.Instance) { i.Operation = model.Operation{} })
}

// CloseInstance implements app.Backend.
func (b *Backend) CloseInstance(_ context.Context, id model.ID) error {
	return b.act(b.Actor(), rules.Close, id, "Close "+id.Short(), nil)
}

// Upload implements app.Backend.
func (b *Backend) Upload(_ context.Context, r lifecycle.UploadRequest) (lifecycle.UploadResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.call("Upload %d files %q", len(r.Files), r.Name); err != nil {
		return lifecycle.UploadResult{}, err
	}
	if len(r.Files) == 0 || string(r.Files[0].Data) == "garbage" {
		return lifecycle.UploadResult{}, &bundle.Error{
			Reason: bundle.Garbage,
			Why:    model.Say("bundle.nothing"),
			Hint:   model.Say("bundle-hint.certificate-as-pem"),
		}
	}
	i := &model.Instance{
		ID:      b.newID(),
		Name:    "imported.example.com",
		Origin:  model.OriginUpload,
		State:   b.to(rules.Upload),
		Created: b.Clock,
	}
	i.Versions = []model.Version{version(b.Clock, 1, 30, 365, "imported.example.com")}
	i.ServiceStart, i.ServiceEnd = i.Versions[0].NotBefore, i.Versions[0].NotAfter
	if r.Name != "" {
		i.Name = r.Name
	}
	b.Instances = append(b.Instances, i)
	b.log(b.Actor(), "upload", i, "")
	return lifecycle.UploadResult{Instance: *i}, nil
}

// Download implements app.Backend.
func (b *Backend) Download(_ context.Context, id model.ID, format string) ([]bundle.OutFile, error) {
	err := b.act(b.Actor(), rules.Download, id, "Download "+id.Short()+" "+format, nil)
	return files(format), err
}

// Deploy implements app.Backend.
func (b *Backend) Deploy(_ context.Context, id model.ID, r lifecycle.DeployRequest) ([]model.Job, error) {
	jobs := []model.Job{{ID: "job"}}
	err := b.act(
		b.Actor(),
		rules.Deploy,
		id,
		fmt.Sprintf("Deploy %s %s %v %v", id.Short(), r.Product, r.Regions, r.Resources),
		func(i *model.Instance) {
			v := i.Current()
			for _, name := range i.Domains()[:1] {
				b.Places = append(
					b.Places,
					&model.Resource{
						ID:         b.newID(),
						Product:    r.Product,
						Region:     "global",
						Name:       name,
						Address:    "127.0.0.1:40443",
						Instance:   i.ID,
						Version:    v.Number,
						Deployed:   v.Fingerprint,
						Presented:  v.Fingerprint,
						NotAfter:   v.NotAfter,
						VerifiedAt: b.Clock,
					},
				)
			}
			i.Deployments.Total++
			i.Deployments.Deployed++
			i.Deployments.Products = []string{r.Product}
		},
	)
	return jobs, err
}

func (b *Backend) place(actor model.Actor, a rules.Action, id model.ID, call string) (model.Job, error) {
	b.mu.Lock()
	var owner model.ID
	for _, r := range b.Places {
		if r.ID == id {
			owner = r.Instance
		}
	}
	b.mu.Unlock()
	if owner == "" {
		return model.Job{}, errNoSuch
	}
	return model.Job{ID: "job"}, b.act(actor, a, owner, call, nil)
}

// Undeploy implements app.Backend.
func (b *Backend) Undeploy(_ context.Context, resource model.ID) (model.Job, error) {
	j, err := b.place(b.Actor(), rules.Undeploy, resource, "Undeploy "+resource.Short())
	if err == nil {
		b.mu.Lock()
		b.Places = slices.DeleteFunc(b.Places, func(r *model.Resource) bool { return r.ID == resource })
		b.mu.Unlock()
	}
	return j, err
}

// Verify implements app.Backend.
func (b *Backend) Verify(_ context.Context, resource model.ID) (model.Job, error) {
	return b.place(b.Actor(), rules.Verify, resource, "Verify "+resource.Short())
}

// Renew implements app.Backend.
func (b *Backend) Renew(_ context.Context, id model.ID) (model.Instance, model.Job, error) {
	err := b.act(b.Actor(), rules.Renew, id, "Renew "+id.Short(), func(i *model.Instance) { i.RenewedBy = "01KA0000000000000000RENEW1" })
	return model.Instance{}, model.Job{ID: "job"}, err
}

// Reissue implements app.Backend.
func (b *Backend) Reissue(_ context.Context, id model.ID, r lifecycle.ReissueRequest) (model.Job, error) {
	err := b.act(
		b.Actor(),
		rules.Reissue,
		id,
		fmt.Sprintf("Reissue %s new=%v csr=%v", id.Short(), r.NewKey, len(r.CSR) > 0),
		func(i *model.Instance) {
			i.Operation = model.Operation{Kind: model.JobReissue, Since: b.Clock, Attempt: 1}
		},
	)
	return model.Job{ID: "job"}, err
}

// Revoke implements app.Backend.
func (b *Backend) Revoke(_ context.Context, id model.ID, r lifecycle.RevokeRequest) (model.Job, error) {
	return model.Job{ID: "job"}, b.act(b.Actor(), rules.Revoke, id, fmt.Sprintf("Revoke %s %v %s", id.Short(), r.Versions, r.Reason), nil)
}

// Delete implements app.Backend.
func (b *Backend) Delete(_ context.Context, id model.ID) error {
	return b.act(b.Actor(), rules.Delete, id, "Delete "+id.Short(), func(i *model.Instance) { i.Deleted = true })
}

// RemoveContact implements app.Backend.
func (b *Backend) RemoveContact(_ context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.call("RemoveContact %s", name); err != nil {
		return err
	}
	b.People = slices.DeleteFunc(b.People, func(k model.Contact) bool { return k.Name == name })
	return nil
}

// AddContact implements app.Backend.
func (b *Backend) AddContact(_ context.Context, c model.Contact) (model.Contact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.ID = b.newID()
	b.People = append(b.People, c)
	return c, b.call("AddContact %s %s", c.Name, c.Email)
}
