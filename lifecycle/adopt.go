package lifecycle

import (
	"context"
	"errors"
	"path"
	"slices"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// AdoptRequest takes over what was found (spec P4).
type AdoptRequest struct {
	// Findings are IDs, unique beginnings of them, or names; none for all that can be adopted.
	Findings []string
	// Host says by whom and for whom the certificates are renewed. What it leaves out is
	// taken from the certificate, and otherwise chosen: level DV for those of other clients,
	// the default grade of the level, and the only contact.
	Host HostRequest
	// Keep leaves the renewal alone.
	Keep bool
}

// Adopted is what adopting a finding would do, or has done.
type Adopted struct {
	Finding  discover.Finding
	Instance model.Instance // with the ID of one that holds the certificate already
	Held     bool           // it is not uploaded again
	Warnings []bundle.Warning
	Places   []AdoptPlace
	Watch    bool // an address alone is watched from then on
	// Hosting is what renewing costs; nil if it is not taken over, which Kept explains.
	Hosting *HostingQuote
	Kept    model.Text
	// Off is the command by which a person switches the renewal of the other client off.
	Off string
	// Problems are what did not work although the rest is done.
	Problems []model.Text
	Err      error // why it is not adopted

	files   []bundle.File
	request HostRequest
}

// PlanAdopt returns what Adopt would do for each finding. It reads the files on their hosts
// and changes nothing.
func (a *Access) PlanAdopt(ctx context.Context, r AdoptRequest) ([]Adopted, error) {
	actor := a.who()
	if f := a.e.table.May(actor, rules.ActionAdopt); f != nil {
		return nil, f
	}
	all, _, err := a.e.planAdopt(ctx, actor, r)
	return all, err
}

// Adopt imports the pairs that were found, declares the products that present them, records
// them as deployed there, and takes their renewal over. Files and timers of other clients
// stay as they are; a task names what switches them off. A finding that cannot be adopted
// does not keep the others from it.
func (a *Access) Adopt(ctx context.Context, r AdoptRequest) ([]Adopted, error) {
	return asActor(ctx, a, rules.ActionAdopt, "", func(by model.Actor) ([]Adopted, error) { return a.e.adopt(ctx, by, r) })
}

func (e *Engine) planAdopt(ctx context.Context, actor model.Actor, r AdoptRequest) (all []Adopted, ps *adoptedProducts, err error) {
	var last discovered
	if err := e.store.View(func(tx model.Reader) (err error) { last, err = lastDiscovery(tx); return err }); err != nil {
		return nil, nil, err
	}
	d, err := e.discovery(actor)
	if err != nil {
		return nil, nil, err
	}
	if d.At.IsZero() {
		return nil, nil, &rules.Refusal{Action: rules.ActionAdopt, Reason: rules.ReasonNotFound, Rule: "P4"}
	}
	some, err := chosen(d.Findings, func(f *Found) *discover.Finding { return &f.Finding }, r.Findings)
	if err != nil {
		return nil, nil, err
	}
	if len(r.Findings) == 0 {
		some = slices.DeleteFunc(slices.Clone(some), func(f Found) bool { return !f.Adoptable() })
	}
	ps = e.newAdoptedProducts(ctx, last.Reach)
	hosts := hosts{e: e, reach: last.Reach, open: map[string]runner.Runner{}}
	defer hosts.close()
	for n := range some {
		one := Adopted{Finding: some[n].Finding}
		one.Err = e.planOne(ctx, actor, r, &some[n], &one, ps, &hosts)
		all = append(all, one)
	}
	return all, ps, ctx.Err()
}

// planOne works out what adopting one finding does.
func (e *Engine) planOne(
	ctx context.Context, actor model.Actor, r AdoptRequest, f *Found, to *Adopted, ps *adoptedProducts, hs *hosts,
) error {
	refuse := func(reason rules.Reason, args rules.Args) error {
		return &rules.Refusal{Action: rules.ActionAdopt, Reason: reason, Rule: "P4", Instance: f.Instance, Args: args}
	}
	switch {
	case f.Adopted:
		return refuse(rules.ReasonAdopted, rules.Args{"name": f.Name})
	case f.Problem != "":
		return refuse(rules.ReasonFoundBroken, rules.Args{"why": f.Problem})
	case f.Endpoint():
		to.Watch, to.Kept = true, model.Say("adopt.kept.address")
		return nil
	}
	files, err := hs.read(ctx, &f.Finding)
	if err != nil {
		return err
	}
	p, err := e.prepareUpload(UploadRequest{Files: files, Name: f.uploadName()})
	if err != nil {
		return err
	}
	if p.instance.Versions[0].Fingerprint != f.Fingerprint {
		return refuse(rules.ReasonFoundChanged, rules.Args{"path": f.Path})
	}
	to.files, to.Instance, to.Warnings = files, p.instance, p.warnings
	e.table.Transition(rules.Upload).Apply(&to.Instance, false)
	if held, err := e.holderOf(f.Fingerprint); err != nil {
		return err
	} else if held != nil {
		to.Instance, to.Held, to.Warnings = *held, true, nil
	}
	for _, at := range f.Places {
		to.Places = append(to.Places, ps.place(&f.Finding, at))
	}
	e.planRenewal(actor, r, to, p.chain.Certificates)
	return nil
}

// uploadName is what the instance is called: after its first name, unless it has none.
func (f *Found) uploadName() string {
	if len(f.Names) > 0 {
		return ""
	}
	return f.Name
}

// holderOf is the instance that holds a certificate; nil for none.
func (e *Engine) holderOf(fingerprint string) (held *model.Instance, err error) {
	err = e.store.View(func(r model.Reader) error {
		for i, err := range model.All[model.Instance](r, model.Scan{Index: "fingerprint", Prefix: fingerprint}) {
			if err != nil {
				return err
			}
			held = &i
			return nil
		}
		return nil
	})
	return held, err
}

// adopt is [Access.Adopt].
func (e *Engine) adopt(ctx context.Context, actor model.Actor, r AdoptRequest) ([]Adopted, error) {
	e.adopting.Lock()
	defer e.adopting.Unlock()
	all, ps, err := e.planAdopt(ctx, actor, r)
	if err != nil {
		return all, e.journal.LogRefusal(ctx, actor, err)
	}
	for n := range all {
		one := &all[n]
		if err := ctx.Err(); err != nil && one.Err == nil {
			one.Err = err
		}
		if one.Err == nil {
			one.Err = e.adoptOne(ctx, actor, one, ps)
		}
		if one.Err != nil {
			one.Err = e.journal.LogRefusal(ctx, actor, one.Err)
		}
	}
	return all, nil
}

// adoptOne does what was planned. What was done is on record before the next step, so that
// undoing finds it.
func (e *Engine) adoptOne(ctx context.Context, actor model.Actor, one *Adopted, ps *adoptedProducts) error {
	a := adoption{Finding: one.Finding, At: e.Now()}
	if one.Watch {
		w, err := e.monitor.AddWatch(ctx, actor, one.Finding.Path, "", "")
		if err != nil {
			return err
		}
		a.Watch = w.ID
		return e.recordAdoption(ctx, actor, &a, nil)
	}
	if held, err := e.holderOf(one.Finding.Fingerprint); err != nil {
		return err
	} else if held != nil { // also if one before this has brought it
		one.Instance, one.Held = *held, true
	}
	if !one.Held {
		res, err := e.upload(ctx, actor, UploadRequest{Files: one.files, Name: one.Instance.Name})
		if err != nil {
			return err
		}
		one.Instance, a.Uploaded = res.Instance, true
	}
	a.Instance = one.Instance.ID
	if err := e.recordAdoption(ctx, actor, &a, nil); err != nil {
		return err
	}
	var seen []seenPlace
	for n := range one.Places {
		at := &one.Places[n]
		if at.New || at.Joins {
			a.Products = append(a.Products, at.Product)
		}
		place, err := e.lookAtPlace(ctx, actor, one, at, ps)
		if err != nil {
			one.Problems = append(one.Problems, model.Say("adopt.place", "place", at.Target.Name, "cause", err))
			continue
		}
		seen = append(seen, place)
	}
	if err := e.recordAdoption(ctx, actor, &a, seen); err != nil {
		return err
	}
	if one.Hosting != nil && len(seen) == 0 {
		one.Hosting, one.Kept, one.Off = nil, model.Say("adopt.kept.nowhere"), ""
	}
	return e.takeRenewal(ctx, actor, one, &a)
}

// hosts are the machines of a discovery, each opened once.
type hosts struct {
	e     *Engine
	reach discover.Reach
	open  map[string]runner.Runner // by address
}

func (h *hosts) host(address string) (runner.Runner, error) {
	if r := h.open[address]; r != nil {
		return r, nil
	}
	r, err := h.e.discover.Open(address, h.reach)
	if err == nil {
		h.open[address] = r
	}
	return r, err
}

// read reads the pair of a finding from its files.
func (h *hosts) read(ctx context.Context, f *discover.Finding) (files []bundle.File, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.e.policy.CallTimeout)
	defer cancel()
	r, err := h.host(f.SSH)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{f.Path, f.ChainPath, f.KeyPath} {
		if name == "" || slices.ContainsFunc(files, func(o bundle.File) bool { return o.Name == name }) {
			continue
		}
		data, err := r.ReadFile(ctx, name, bundle.MaxBytes)
		if err != nil {
			return nil, err
		}
		files = append(files, bundle.File{Name: name, Data: data})
	}
	if len(files) == 0 {
		return nil, model.Fail("discover.no-certificate", "path", path.Clean(f.Path))
	}
	return files, nil
}

func (h *hosts) close() {
	var errs []error
	for _, o := range h.open {
		errs = append(errs, o.Close())
	}
	if err := errors.Join(errs...); err != nil {
		h.e.log.Warn("hosts were not closed", "error", err)
	}
}
