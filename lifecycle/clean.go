package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Superseded is a certificate in the store of a product that was superseded there by a newer
// one, whose deployment was verified (spec N4).
type Superseded struct {
	ports.Stored
	Instance model.ID
	Name     string // of the instance
	Version  int
	Job      model.ID // that removes it; "" if it is not removed
}

// supersededVersion is a version of an instance that was superseded at a product, with what
// certquay knows of that refers to it there.
type supersededVersion struct {
	*model.Version
	references []string
}

// superseded lists the versions of an instance that a newer certificate has superseded at a
// product: one of the same instance, or of the one that replaces it. There are none before
// a resource of the product was seen to present the newer one.
func superseded(r model.Reader, i *model.Instance, product string) (all []supersededVersion, err error) {
	holder := i
	if i.Replaced {
		if holder, err = successor(r, i); err != nil || holder == nil {
			return nil, err
		}
	}
	current := holder.Current()
	if current == nil {
		return nil, nil
	}
	rs, err := resourcesOf(r, holder.ID)
	if err != nil {
		return nil, err
	}
	if holder != i {
		old, err := resourcesOf(r, i.ID)
		if err != nil {
			return nil, err
		}
		rs = slices.Concat(rs, old)
	}
	product = model.NormalizeName(product)
	rs = slices.DeleteFunc(rs, func(res model.Resource) bool { return model.NormalizeName(res.Product) != product })
	if !slices.ContainsFunc(rs, func(res model.Resource) bool {
		return res.Deployed == current.Fingerprint && res.Presented == current.Fingerprint
	}) {
		return nil, nil
	}
	wanted, err := deploying(r, i.ID)
	if err != nil {
		return nil, err
	}
	for n := range i.Versions {
		v := &i.Versions[n]
		if holder == i && v.Number >= current.Number {
			continue
		}
		s := supersededVersion{Version: v}
		for k := range rs {
			if res := &rs[k]; slices.Contains([]string{res.Deployed, res.Presented, res.Configured}, v.Fingerprint) {
				s.references = append(s.references, res.Region+" "+res.Name)
			}
		}
		if slices.Contains(wanted, v.Fingerprint) {
			s.references = append(s.references, string(model.JobDeploy))
		}
		all = append(all, s)
	}
	return all, nil
}

// liveJobsOf lists the unfinished jobs of an instance.
func liveJobsOf(r model.Reader, id model.ID) (all []model.Job, err error) {
	for j, err := range model.All[model.Job](r, model.Scan{Index: "instance", Prefix: string(id) + "/"}) {
		if err != nil {
			return nil, rules.ReadError("job", j.ID, err)
		}
		if j.Live() {
			all = append(all, j)
		}
	}
	return all, nil
}

// deploying lists the fingerprints of an instance that unfinished jobs deploy.
func deploying(r model.Reader, id model.ID) (fingerprints []string, err error) {
	jobs, err := liveJobsOf(r, id)
	for n := range jobs {
		if jobs[n].Kind == model.JobDeploy {
			fingerprints = append(fingerprints, jobs[n].WantFingerprint)
		}
	}
	return fingerprints, err
}

// isBeingRemoved reports whether the certificate that a job deploys is being removed from
// the store of its product. The intent of either job is committed before it acts, and each
// looks for that of the other, so that one of the two waits.
func (w *worker) isBeingRemoved(j *model.Job, p ports.Product, product string) (removed bool, err error) {
	if _, stores := ports.Part[ports.Cleaner](p); !stores {
		return false, nil
	}
	err = w.store.View(func(r model.Reader) error {
		jobs, err := liveJobsOf(r, j.Instance)
		removed = slices.ContainsFunc(jobs, func(o model.Job) bool {
			return o.Step == model.StepRemove && o.WantFingerprint == j.WantFingerprint &&
				model.NormalizeName(o.Product) == model.NormalizeName(product)
		})
		return err
	})
	return removed, err
}

// cleaner returns a product with a store that can be cleaned up.
func (e *Engine) cleaner(name string) (*authority.Product, ports.Cleaner, error) {
	p, err := e.findProduct(name)
	if err != nil {
		return nil, nil, err
	}
	if !p.Usable() {
		return p, nil, &model.Error{Text: p.Problem}
	}
	c, ok := ports.Part[ports.Cleaner](p.Port)
	if !ok {
		return p, nil, &rules.Refusal{
			Action: "product", Reason: rules.ReasonNoStore, Rule: "N4", Args: rules.Args{"name": p.Name, "driver": p.Kind},
		}
	}
	return p, c, nil
}

// cleanAfter starts jobs that remove what a deployment has superseded, once no other
// deployment of the certificate at the product is under way, if the product's configuration
// says so. It is called in the transaction that ends the deployment.
func (w *worker) cleanAfter(tx model.Tx, j *model.Job, product string) error {
	p, _, err := w.cleaner(product)
	if err != nil || !p.RemovesSuperseded() {
		return nil //nolint:nilerr // there is nothing to clean up
	}
	live, err := liveJobsOf(tx, j.Instance)
	if err != nil {
		return err
	}
	for n := range live {
		if o := &live[n]; o.ID != j.ID && o.Kind == model.JobDeploy && (o.Next.IsZero() || o.InWave()) {
			return nil // the last one cleans up
		}
	}
	i, err := model.Get[model.Instance](tx, string(j.Instance))
	if err != nil {
		return rules.ReadError("instance", j.Instance, err)
	}
	before, err := replacedBy(tx, &i)
	if err != nil {
		return err
	}
	for _, owner := range append([]*model.Instance{&i}, before...) {
		old, err := superseded(tx, owner, p.Name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(old, func(v supersededVersion) bool { return len(v.references) == 0 }) {
			continue
		}
		if _, err := w.startClean(tx, owner, model.Actor{Name: j.Actor, Via: j.Via}, p.Name); err != nil {
			return err
		}
	}
	return nil
}

// startClean commits the intent to remove what is superseded of an instance. The job runs
// beside other operations.
func (w *worker) startClean(tx model.Tx, i *model.Instance, actor model.Actor, product string) (model.Job, error) {
	j := w.newJob(model.JobClean, i, actor)
	j.Step, j.Product = model.StepSurvey, product
	return j, tx.Put(&j)
}

// surveyStep looks for a superseded certificate in the store of a product that nothing
// refers to, neither there nor in certquay.
func (w *worker) surveyStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	p, cleaner, err := w.cleaner(j.Product)
	if err != nil {
		return nil, err
	}
	var old []supersededVersion
	if p.RemovesSuperseded() {
		err = w.store.View(func(r model.Reader) (err error) {
			i, err := model.Get[model.Instance](r, string(j.Instance))
			if err != nil {
				return rules.ReadError("instance", j.Instance, err)
			}
			old, err = superseded(r, &i, p.Name)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	stored, err := storedOf(ctx, p, cleaner, old)
	if err != nil {
		return nil, err
	}
	stored = slices.DeleteFunc(stored, func(s ports.Stored) bool {
		return len(s.References) > 0 || slices.Contains(j.Removed, s.ID)
	})
	return func(tx model.Tx, j *model.Job) error { return w.intendRemoval(tx, j, stored) }, nil
}

// storedOf lists what the store of a product holds of superseded versions. What certquay
// knows of is among the references.
func storedOf(ctx context.Context, p *authority.Product, c ports.Cleaner, old []supersededVersion) (all []ports.Stored, err error) {
	if len(old) == 0 {
		return nil, nil
	}
	known, fingerprints := map[string][]string{}, make([]string, len(old))
	for n := range old {
		fingerprints[n] = old[n].Fingerprint
		known[old[n].Fingerprint] = old[n].references
	}
	for _, region := range p.Port.Regions() {
		found, err := c.Superseded(ctx, region, fingerprints)
		if err != nil {
			return nil, model.Fail("clean.survey", "product", p.Name, "region", region, "cause", messageFrom("server", err)).Wrapping(err)
		}
		for _, s := range found {
			for _, reference := range known[s.Fingerprint] {
				if !slices.Contains(s.References, reference) {
					s.References = append(s.References, reference)
				}
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// intendRemoval commits the intent to remove the first of what the store holds that is still
// superseded and not referred to; without one the job is done.
func (w *worker) intendRemoval(tx model.Tx, j *model.Job, stored []ports.Stored) error {
	i, err := model.Get[model.Instance](tx, string(j.Instance))
	if err != nil {
		return rules.ReadError("instance", j.Instance, err)
	}
	old, err := superseded(tx, &i, j.Product)
	if err != nil {
		return err
	}
	for _, s := range stored {
		if slices.ContainsFunc(old, func(v supersededVersion) bool {
			return v.Fingerprint == s.Fingerprint && len(v.references) == 0
		}) {
			j.Step, j.Region, j.StoredID, j.StoredName, j.WantFingerprint = model.StepRemove, s.Region, s.ID, s.Name, s.Fingerprint
			return nil
		}
	}
	if i.Failure.Kind == model.JobClean {
		i.Failure = model.Failure{}
		if err := w.saveInstance(tx, &i); err != nil {
			return err
		}
	}
	return w.finish(tx, j, journal.ResultOK)
}

// removeStep removes one certificate from the store of a product, which looks again whether
// anything refers to it. One that was removed before is no error, so that a resumed step
// only repeats it.
func (w *worker) removeStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	p, cleaner, err := w.cleaner(j.Product)
	var proof model.Text
	off := err == nil && !p.RemovesSuperseded() // switched off meanwhile
	if err == nil && !off {
		proof, err = cleaner.Remove(ctx, ports.Stored{
			Region: j.Region, ID: j.StoredID, Name: j.StoredName, Fingerprint: j.WantFingerprint,
		})
	}
	return func(tx model.Tx, j *model.Job) error {
		s := *j
		j.Step, j.Region, j.StoredID, j.StoredName, j.WantFingerprint = model.StepSurvey, "", "", "", ""
		j.Removed = append(j.Removed, s.StoredID)
		switch {
		case off:
			return nil
		case errors.Is(err, ports.ErrInUse): // something refers to it since the survey: it stays
			return w.cleanEvent(tx, j, journal.ResultOK, model.Say("log.kept", "name", s.StoredName, "product", s.Product, "cause", err))
		case err != nil:
			j.Removed = j.Removed[:len(j.Removed)-1]
			return w.recordFailure(tx, j, model.Fail("clean.remove", "name", s.StoredName, "product", s.Product,
				"cause", messageFrom("server", err)).Wrapping(err))
		}
		if err := w.keepProof(tx, &s, model.Removal{At: w.Now(), Fingerprint: s.WantFingerprint, Proof: proof}); err != nil {
			return err
		}
		return w.cleanEvent(tx, j, journal.ResultOK, model.Say("log.cleaned", "product", s.Product, "proof", proof))
	}, nil
}

func (w *worker) cleanEvent(tx model.Tx, j *model.Job, result string, detail model.Text) error {
	ev := w.jobEvent(j, result)
	ev.Detail = detail
	if err := w.fillInstanceName(tx, &ev); err != nil {
		return err
	}
	return tx.Append(ev)
}

// keepProof adds the proof of a removal to the receipt of the last deployment that replaced
// the certificate at the product. The activity has it as well.
func (w *worker) keepProof(tx model.Tx, j *model.Job, removal model.Removal) error {
	i, err := model.Get[model.Instance](tx, string(j.Instance))
	if err != nil {
		return rules.ReadError("instance", j.Instance, err)
	}
	var last *model.Receipt
	for next := &i; next != nil && last == nil; {
		for r, err := range model.All[model.Receipt](tx, model.Scan{Index: "instance", Prefix: string(next.ID) + "/", Reverse: true}) {
			if err != nil {
				return err
			}
			if r.Before == removal.Fingerprint && r.Result == journal.ResultOK && strings.EqualFold(r.Product, j.Product) {
				last = &r
				break
			}
		}
		if next, err = linked(tx, next.ReplacedBy()); err != nil {
			return err
		}
	}
	if last == nil { // older than the receipts that are kept
		return nil
	}
	last.Removed = append(last.Removed, removal)
	return tx.Put(last)
}

// CleanProduct lists the superseded certificates in the store of a product and, unless it is
// a dry run, starts jobs that remove those that nothing refers to (spec N4, P9). Removing
// requires that the product's configuration says so.
func (a *Access) CleanProduct(ctx context.Context, name string, dryRun bool) ([]Superseded, error) {
	return asActor(ctx, a, "product", "", func(by model.Actor) ([]Superseded, error) {
		all, err := a.e.cleanProduct(ctx, by, name, dryRun)
		return all, a.e.journal.LogRefusal(ctx, by, err)
	})
}

func (e *Engine) cleanProduct(ctx context.Context, by model.Actor, name string, dryRun bool) (all []Superseded, err error) {
	p, cleaner, err := e.cleaner(name)
	if err != nil {
		return nil, err
	}
	if !dryRun && !p.RemovesSuperseded() {
		how := rules.Suggestion{Action: "product", Args: []string{"edit", p.Name, "--remove-superseded"}}
		if p.Configured {
			how = rules.Suggestion{Action: "config"}
		}
		return nil, &rules.Refusal{
			Action: "product", Reason: rules.ReasonKeepsSuperseded, Rule: "N4", Args: rules.Args{"name": p.Name},
			Instead: []rules.Suggestion{how},
		}
	}
	var old []supersededVersion
	owner := map[string]*model.Instance{} // by fingerprint
	err = e.store.View(func(r model.Reader) error {
		return supersededAt(r, p.Name, func(i *model.Instance, vs []supersededVersion) {
			old = append(old, vs...)
			for _, v := range vs {
				owner[v.Fingerprint] = i
			}
		})
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.policy.CallTimeout)
	defer cancel()
	stored, err := storedOf(ctx, p, cleaner, old)
	if err != nil {
		return nil, err
	}
	for _, s := range stored {
		if i := owner[s.Fingerprint]; i != nil {
			all = append(all, Superseded{Stored: s, Instance: i.ID, Name: i.Name, Version: i.ByFingerprint(s.Fingerprint).Number})
		}
	}
	if dryRun {
		return all, nil
	}
	return all, e.startCleaning(ctx, by, p.Name, all)
}

// startCleaning starts a job for each instance of which something can be removed.
func (e *Engine) startCleaning(ctx context.Context, by model.Actor, product string, all []Superseded) error {
	jobs := map[model.ID]model.ID{}
	err := e.journal.Update(ctx, func(tx model.Tx) error {
		clear(jobs)
		for n := range all {
			s := &all[n]
			if len(s.References) > 0 {
				continue
			}
			if jobs[s.Instance] == "" {
				i, err := model.Get[model.Instance](tx, string(s.Instance))
				if err != nil {
					return rules.ReadError("instance", s.Instance, err)
				}
				j, err := e.worker.startClean(tx, &i, by, product)
				if err != nil {
					return err
				}
				jobs[s.Instance] = j.ID
			}
			s.Job = jobs[s.Instance]
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range jobs {
		e.worker.enqueue(id, true)
	}
	return nil
}

// supersededAt finds what is superseded at a product, by the instances that are deployed
// there and those that they replace. It reads the resources of the product, not all
// instances.
func supersededAt(r model.Reader, product string, found func(*model.Instance, []supersededVersion)) error {
	seen := map[model.ID]bool{}
	for res, err := range model.All[model.Resource](r, model.Scan{Index: "place", Prefix: model.PlaceKey(product, "", "")}) {
		if err != nil {
			return err
		}
		i, err := linked(r, res.Instance)
		if err != nil {
			return err
		}
		if i == nil || seen[i.ID] {
			continue
		}
		before, err := replacedBy(r, i)
		if err != nil {
			return err
		}
		for _, owner := range append([]*model.Instance{i}, before...) {
			if seen[owner.ID] {
				continue
			}
			seen[owner.ID] = true
			vs, err := superseded(r, owner, product)
			if err != nil {
				return err
			}
			if len(vs) > 0 {
				found(owner, vs)
			}
		}
	}
	return nil
}
