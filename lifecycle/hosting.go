package lifecycle

import (
	"context"
	"fmt"
	"strings"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// HostRequest enables managed hosting (spec H1, H2).
type HostRequest struct {
	Contact model.ID
	// Spec completes the specification of an uploaded certificate; empty parts
	// are taken from the instance.
	Spec model.Specification
	// FromPack takes a unit of a resource pack and of a hosting pack instead
	// of money.
	FromPack bool
}

// hostedSpec returns the specification that hosting buys for the instance.
func hostedSpec(i *model.Instance, stated model.Specification) model.Specification {
	s := i.Spec
	if s.Level == "" {
		s.Level = stated.Level
	}
	if s.Type == "" {
		s.Type = stated.Type
	}
	if s.Brand == "" {
		s.Brand = model.NormalizeName(stated.Brand)
	}
	if s.Grade == "" {
		s.Grade = stated.Grade
	}
	return s
}

// unknownParts lists the flags of the parts that a specification lacks.
func unknownParts(s model.Specification) (flags []string) {
	for _, p := range [][2]string{
		{"--level", string(s.Level)}, {"--type", string(s.Type)}, {"--brand", s.Brand}, {"--grade", string(s.Grade)},
	} {
		if p[1] == "" {
			flags = append(flags, p[0])
		}
	}
	return flags
}

// needsContact is the error of hosting without a contact.
func needsContact() *rules.Invalid {
	return &rules.Invalid{Field: "contact", Why: model.Say("hosting.needs-contact"), Example: model.Say("hosting.contact-how")}
}

// quoteHosting is [Access.QuoteHosting].
func (e *Engine) quoteHosting(id model.ID, r HostRequest) (Quote, error) {
	i, err := e.reader.instance(id)
	if err != nil {
		return Quote{}, err
	}
	s := hostedSpec(&i, r.Spec)
	if unknown := unknownParts(s); len(unknown) > 0 {
		return Quote{}, &rules.Refusal{Action: rules.Host, State: i.State, Instance: id, Reason: rules.ReasonStateSpec, Rule: "H2",
			Instead: []rules.Suggestion{{Action: rules.Host, Args: append([]string{id.Short()}, unknown...)}}}
	}
	q, err := e.quote(BuyRequest{Spec: s, Years: 1, Quantity: 1})
	if err != nil {
		if f, ok := err.(*rules.Refusal); ok { //nolint:errorlint // Quote returns it bare
			return Quote{}, &rules.Refusal{Action: rules.Host, State: i.State, Instance: id, Reason: rules.ReasonNotForSale, Rule: "H2",
				Args: rules.Args{"what": model.Say("sale.spec", "spec", s), "why": f.Args["why"], "possible": f.Args["possible"]}}
		}
		return Quote{}, err
	}
	q.Lines[0].Item = ledger.ItemRenewal
	q.Lines = append(q.Lines, model.OrderLine{
		Item: ledger.ItemHosting, Spec: s, Years: 1, Quantity: 1, Amount: e.policy.HostingFee, Currency: q.Currency,
	})
	if r.FromPack {
		for n := range q.Lines {
			q.Lines[n].Amount = 0
		}
	}
	q.Total = 0
	for n := range q.Lines {
		q.Lines[n].Instance = id
		q.Total += q.Lines[n].Amount
	}
	return q, nil
}

// host is [Access.Host].
func (e *Engine) host(ctx context.Context, actor model.Actor, id model.ID, r HostRequest) error {
	c, err := e.readFacts(actor, id)
	if err != nil {
		return err
	}
	if f := e.table.Check(rules.Host, c); f != nil {
		return e.journal.LogRefusal(ctx, actor, f)
	}
	if r.Contact == "" {
		r.Contact = c.Instance.Contact
	}
	if r.Contact == "" {
		return needsContact()
	}
	q, err := e.quoteHosting(id, r)
	if err != nil {
		return e.journal.LogRefusal(ctx, actor, err)
	}
	err = e.transition(ctx, actor, rules.Host, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		if _, err := model.Get[model.Contact](tx, string(r.Contact)); err != nil {
			return &rules.NotFound{What: "contact", Name: string(r.Contact)}
		}
		i.Contact, i.Spec = r.Contact, hostedSpec(i, r.Spec)
		if r.FromPack {
			if err := ledger.Reserve(
				tx, e.Now(), string(e.journal.NewID()), rules.Host, id, ledger.CertificateUnit(i.Spec), 1,
			); err != nil {
				return err
			}
			hosted := string(e.journal.NewID())
			if err := ledger.Reserve(tx, e.Now(), hosted, rules.Host, id, ledger.UnitHosting, 1); err != nil {
				return err
			}
			if err := ledger.Consume(tx, e.Now(), hosted, id, ledger.UnitHosting, 1); err != nil {
				return err
			}
		} else {
			o := model.Order{ID: e.journal.NewID(), At: c.Now, By: actor.Name, Lines: q.Lines}
			if err := ledger.Purchase(tx, &o); err != nil {
				return err
			}
			if err := tx.Put(&o); err != nil {
				return err
			}
			if err := e.addCredits(tx, id, hostingCredits); err != nil {
				return err
			}
		}
		i.Hosting = model.Hosting{On: true, RenewalsLeft: 1, FromPack: r.FromPack}
		ev.Detail = model.Say("log.hosting-bought", "spec", i.Spec, "price", ledger.Money(q.Total, q.Currency))
		return nil
	})
	if err == nil {
		e.scheduler.wakeUp()
		err = e.deployments.resumeWaitingDeploys(ctx)
	}
	return err
}

// stopHosting is [Access.StopHosting].
func (e *Engine) stopHosting(ctx context.Context, actor model.Actor, id model.ID) error {
	err := e.transition(ctx, actor, rules.StopHosting, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		made, err := e.clearHosting(tx, c, actor)
		if err != nil {
			return err
		}
		if len(made) > 0 {
			ev.Detail = model.Say("log.unused-renewals", "names", made)
		}
		return nil
	})
	if err == nil {
		err = e.deployments.resumeWaitingDeploys(ctx)
	}
	return err
}

// clearHosting disables hosting and returns the short IDs of the instances that
// unused renewals become.
func (e *Engine) clearHosting(tx model.Tx, c *rules.Facts, actor model.Actor) (made []string, err error) {
	i := c.Instance
	for n := range c.Resources {
		r := &c.Resources[n]
		if !r.AutoDeploy && !r.Waiting {
			continue
		}
		if err := e.deployments.disableAutoDeploy(tx, r); err != nil {
			return nil, err
		}
		if err := tx.Put(r); err != nil {
			return nil, err
		}
	}
	for range i.Hosting.RenewalsLeft {
		if i.Hosting.FromPack {
			if err := ledger.Release(tx, e.Now(), string(e.journal.NewID()), i.ID, ledger.CertificateUnit(i.Spec), 1); err != nil {
				return nil, err
			}
			continue
		}
		left := model.Instance{
			ID:      e.journal.NewID(),
			Origin:  model.OriginBought,
			Spec:    i.Spec,
			Years:   1,
			Created: c.Now,
			Contact: i.Contact,
		}
		e.table.Transition(rules.Buy).Apply(&left, false)
		left.Name = fmt.Sprintf("%s-%s-%s", left.Spec.Level, left.Spec.Type, strings.ToLower(left.ID.Short()))
		if err := e.saveInstance(tx, &left); err != nil {
			return nil, err
		}
		ev := e.journal.Event(actor, string(rules.StopHosting), &left)
		ev.To, ev.Detail = string(left.State), model.Say("log.unused-renewal-of", "name", i.Name)
		if err := tx.Append(ev); err != nil {
			return nil, err
		}
		made = append(made, left.ID.Short())
	}
	i.Hosting = model.Hosting{}
	return made, e.deployments.recountDeployments(tx, i)
}

// expireHosting ends hosting whose last paid year is over (spec H4).
func (e *Engine) expireHosting(ctx context.Context, id model.ID) error {
	return e.transition(ctx, model.Scheduler, rules.EndHosting, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		_, err := e.clearHosting(tx, c, model.Scheduler)
		ev.Detail = model.Say("log.last-year-over")
		return err
	})
}

// addCredits adds the automatic deployments that come with hosting.
func (e *Engine) addCredits(tx model.Tx, id model.ID, n int) error {
	return ledger.AddUnits(tx, e.Now(), "credits/"+string(e.journal.NewID()), id, ledger.UnitCredit, n)
}

// disableAutoDeploy disables auto-deploy of a resource and releases its credit.
// The caller saves the resource.
func (ds *deployments) disableAutoDeploy(tx model.Tx, r *model.Resource) error {
	if r.Reserved {
		if err := ledger.Release(tx, ds.Now(), string(ds.journal.NewID()), r.Instance, ledger.UnitCredit, 1); err != nil {
			return err
		}
	}
	r.AutoDeploy, r.Reserved, r.Waiting = false, false, false
	if r.Operation.Kind == model.JobDeploy && r.Operation.Next.After(ds.Now()) {
		_, err := ds.supersedeWaiting(tx, r) // a failed automatic deployment is not tried again
		return err
	}
	return nil
}

// autoDeploy is [Access.AutoDeploy].
func (e *Engine) autoDeploy(ctx context.Context, actor model.Actor, resource model.ID, on bool) error {
	v, err := e.reader.resource(resource)
	if err != nil {
		return err
	}
	err = e.transition(ctx, actor, rules.AutoDeploy, v.Instance, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		r, err := model.Get[model.Resource](tx, string(resource))
		if err != nil {
			return rules.ReadError("resource", resource, err)
		}
		ev.Resource, ev.Detail = r.ID, model.Say(map[bool]string{true: "log.auto-on", false: "log.auto-off"}[on], "place", r.Place())
		switch {
		case on == r.AutoDeploy:
			return nil
		case !on:
			if err := e.deployments.disableAutoDeploy(tx, &r); err != nil {
				return err
			}
		case r.Deployed == "":
			return &rules.Refusal{
				Action:   rules.AutoDeploy,
				State:    c.Instance.State,
				Instance: c.Instance.ID,
				Reason:   rules.ReasonNotDeployed,
				Rule:     "D5",
			}
		default:
			if err := ledger.Reserve(
				tx, e.Now(), string(e.journal.NewID()), rules.AutoDeploy, c.Instance.ID, ledger.UnitCredit, 1,
			); err != nil {
				return err
			}
			r.AutoDeploy, r.Reserved = true, true
		}
		if err := tx.Put(&r); err != nil {
			return err
		}
		return e.deployments.recountDeployments(tx, c.Instance)
	})
	if err == nil && !on {
		err = e.deployments.resumeWaitingDeploys(ctx)
	}
	return err
}

// startAutoDeploys starts the deployments of a new version at resources with
// auto-deploy, in the transaction that adds the version, so that each starts
// exactly once even across crashes (spec D6). The version of an annual renewal
// needs a credit and waits for one if none is available. It saves the resources
// that it changes.
func (ds *deployments) startAutoDeploys(tx model.Tx, i *model.Instance, v *model.Version, rs []model.Resource) error {
	if v.KeyID == "" {
		return nil
	}
	for n := range rs {
		if !rs[n].AutoDeploy {
			continue
		}
		if _, err := ds.startAutoDeploy(tx, i, v, &rs[n]); err != nil {
			return err
		}
	}
	return nil
}

// startAutoDeploy starts one automatic deployment, or marks the resource as
// waiting for a credit or for a running job.
func (ds *deployments) startAutoDeploy(tx model.Tx, i *model.Instance, v *model.Version, r *model.Resource) (*model.Job, error) {
	if running, err := ds.supersedeWaiting(tx, r); err != nil {
		return nil, err
	} else if running { // it goes on when that has ended
		r.Waiting = true
		return nil, tx.Put(r)
	}
	if v.AnnualRenewal && !r.Reserved {
		free, err := ledger.Available(tx, ledger.UnitCredit)
		if err != nil {
			return nil, err
		}
		if free < 1 {
			if r.Waiting {
				return nil, tx.Put(r)
			}
			r.Waiting = true
			ev := ds.journal.Event(model.Scheduler, string(rules.AutoDeploy), i)
			ev.Resource, ev.Result = r.ID, journal.ResultWaiting
			ev.Detail = model.Say("log.waits-for-credit", "version", v.Number, "place", r.Place())
			if err := tx.Append(ev); err != nil {
				return nil, err
			}
			return nil, tx.Put(r)
		}
		if err := ledger.Reserve(tx, ds.Now(), string(ds.journal.NewID()), rules.AutoDeploy, i.ID, ledger.UnitCredit, 1); err != nil {
			return nil, err
		}
		r.Reserved = true
	}
	r.Waiting = false
	j := ds.worker.newJob(model.JobDeploy, i, model.Scheduler)
	j.Step, j.Resource, j.Version, j.WantFingerprint, j.AnnualRenewal = model.StepDeploy, r.ID, v.Number, v.Fingerprint, v.AnnualRenewal
	r.Operation = model.Operation{Kind: model.JobDeploy, Job: j.ID, Since: ds.Now(), Attempt: 1}
	if err := tx.Put(r); err != nil {
		return nil, err
	}
	return &j, tx.Put(&j)
}

// consumeCredit consumes the credit of a successful automatic deployment of an
// annual renewal, and reserves the next one if one is available and renewals are
// left (spec D5).
func (ds *deployments) consumeCredit(tx model.Tx, i *model.Instance, r *model.Resource) error {
	if !r.Reserved {
		return nil
	}
	if err := ledger.Consume(tx, ds.Now(), string(ds.journal.NewID()), i.ID, ledger.UnitCredit, 1); err != nil {
		return err
	}
	r.Reserved = false
	free, err := ledger.Available(tx, ledger.UnitCredit)
	if err != nil || free < 1 || i.Hosting.RenewalsLeft < 1 {
		return err
	}
	r.Reserved = true
	return ledger.Reserve(tx, ds.Now(), string(ds.journal.NewID()), rules.AutoDeploy, i.ID, ledger.UnitCredit, 1)
}

// resumeWaitingDeploys starts waiting deployments while credits are available,
// the longest waiting first.
func (ds *deployments) resumeWaitingDeploys(ctx context.Context) error {
	var started []model.ID
	waits := false
	err := ds.store.View(func(r model.Reader) error {
		for _, err := range r.Keys(model.Scan{Kind: model.KindResource, Index: "waiting", Limit: 1}) {
			waits = err == nil
			return err
		}
		return nil
	})
	if err != nil || !waits {
		return err
	}
	bad, badOf := ds.journal.CollectUnreadable(model.KindResource), ds.journal.CollectUnreadable(model.KindInstance)
	defer bad.Report()
	defer badOf.Report()
	err = ds.journal.Update(ctx, func(tx model.Tx) error {
		started = started[:0]
		var waiting []model.Resource
		take := func(r *model.Resource) bool { waiting = append(waiting, *r); return true }
		if err := journal.EachReadable(tx, model.Scan{Index: "waiting"}, bad.Add, take); err != nil {
			return err
		}
		for n := range waiting {
			r := &waiting[n]
			i, err := model.Get[model.Instance](tx, string(r.Instance))
			if err != nil {
				badOf.Add(string(r.Instance), err)
				continue
			}
			v := i.Current()
			if v == nil || v.Fingerprint == r.Deployed {
				r.Waiting = false
				if err := tx.Put(r); err != nil {
					return err
				}
				continue
			}
			j, err := ds.startAutoDeploy(tx, &i, v, r)
			if err != nil {
				return err
			}
			if j != nil {
				started = append(started, j.ID)
			}
		}
		return nil
	})
	for _, id := range started {
		ds.worker.enqueue(id, true)
	}
	return err
}

// MostHostingPacks is the maximum of hosting packs for an application from a pack
// at a level (spec H6).
func MostHostingPacks(l model.Level) int {
	return map[model.Level]int{model.DV: 3, model.OV: 1}[l]
}

// reservePacks reserves the hosting packs of an application, and one more unit of
// the same specification for each (spec H6).
func (e *Engine) reservePacks(tx model.Tx, i *model.Instance, n int, contact model.ID) error {
	refuse := func(why, hint model.Text, instead ...rules.Suggestion) error {
		return &rules.Refusal{Action: rules.Apply, State: i.State, Instance: i.ID, Reason: rules.ReasonHostingPacks, Rule: "H6",
			Args: rules.Args{"n": n, "why": why, "hint": hint}, Instead: instead}
	}
	switch most := MostHostingPacks(i.Spec.Level); {
	case n == 0:
		return nil
	case i.Origin != model.OriginPack:
		return refuse(
			model.Say("hosting-packs.not-from-pack"), model.Say("hosting-packs.buy"),
			rules.Suggestion{Action: rules.Buy, Args: []string{"--from-pack"}},
		)
	case n < 0 || n > most:
		why := model.Say("hosting-packs.too-many", "level", strings.ToUpper(string(i.Spec.Level)), "most", most)
		return refuse(why, rules.Example(fmt.Sprintf("--hosting-packs %d", most)))
	case contact == "" && i.Contact == "":
		return needsContact()
	}
	for _, unit := range []string{ledger.CertificateUnit(i.Spec), ledger.UnitHosting} {
		if err := ledger.Reserve(tx, e.Now(), string(e.journal.NewID()), rules.Apply, i.ID, unit, n); err != nil {
			return err
		}
	}
	i.Hosting = model.Hosting{PrepaidRenewals: n, FromPack: true}
	return nil
}

// releasePacks releases the hosting units of an application that was withdrawn or
// rejected. The unit of the instance itself stays reserved (spec A9, B4).
func (e *Engine) releasePacks(tx model.Tx, i *model.Instance) error {
	if !i.Hosting.FromPack || i.Hosting.PrepaidRenewals == 0 || i.Hosting.On {
		return nil
	}
	for _, unit := range []string{ledger.CertificateUnit(i.Spec), ledger.UnitHosting} {
		if err := ledger.Release(tx, e.Now(), string(e.journal.NewID()), i.ID, unit, i.Hosting.PrepaidRenewals); err != nil {
			return err
		}
	}
	i.Hosting = model.Hosting{}
	return nil
}
