package lifecycle

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// stopHosting is [Access.StopHosting].
func (e *Engine) stopHosting(ctx context.Context, actor model.Actor, id model.ID) error {
	var ended *model.Job
	err := e.transition(ctx, actor, rules.StopHosting, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		var err error
		if ended, err = e.endRenewal(tx, c); err != nil {
			return err
		}
		made, err := e.clearHosting(tx, c, actor)
		if err != nil {
			return err
		}
		if len(made) > 0 {
			ev.Detail = model.Say("log.unused-renewals", "names", made)
		}
		return nil
	})
	if err == nil && ended != nil && ended.IssuerRef != "" {
		e.worker.cancelOrder(*ended)
	}
	if err == nil {
		err = e.deployments.resumeWaitingDeploys(ctx)
	}
	return err
}

// endRenewal ends a hosted renewal that waits or is failing (spec H10), and returns
// its job; nil if there is none.
func (e *Engine) endRenewal(tx model.Tx, c *rules.Facts) (*model.Job, error) {
	if c.Job == nil || c.Job.Kind != model.JobRenew {
		return nil, nil
	}
	if err := e.worker.finish(tx, c.Job, "withdrawn"); err != nil {
		return nil, err
	}
	if err := destroyKey(tx, c.Job); err != nil {
		return nil, err
	}
	i := c.Instance
	i.Operation, i.Failure, i.ExpectedIssue, i.Proofs = model.Operation{}, model.Failure{}, time.Time{}, nil
	return c.Job, journal.EndTasks(tx, model.Scan{Index: "pending", Prefix: string(i.ID)}, c.Now, func(t *model.Task) string {
		if t.Kind == model.TaskReview || t.Kind == model.TaskProve || t.Job == c.Job.ID {
			return "withdrawn"
		}
		return ""
	})
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
	if i.IssuedElsewhere() { // what was stated for hosting it can be stated anew
		if i.Spec, err = uploadedSpec(tx, i); err != nil {
			return nil, err
		}
	}
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
	r.AutoDeploy, r.Reserved = false, false
	r.StopWaiting()
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
	slices.SortFunc(rs, func(a, b model.Resource) int { return cmp.Compare(a.Place(), b.Place()) }) // the order of the waves
	var jobs []model.Job
	for n := range rs {
		if !rs[n].AutoDeploy {
			continue
		}
		j, err := ds.startAutoDeploy(tx, i, v, &rs[n])
		if err != nil {
			return err
		}
		if j != nil {
			jobs = append(jobs, *j)
		}
	}
	return ds.startRollout(tx, jobs, ds.policy.Waves)
}

// startAutoDeploy starts one automatic deployment, or marks the resource as
// waiting for a window, for a credit or for a running job.
func (ds *deployments) startAutoDeploy(tx model.Tx, i *model.Instance, v *model.Version, r *model.Resource) (*model.Job, error) {
	if running, err := ds.supersedeWaiting(tx, r); err != nil {
		return nil, err
	} else if running { // it goes on when that has ended
		if r.Waiting && !r.AwaitsWindow() {
			return nil, nil
		}
		r.Waiting, r.WindowAt = true, time.Time{}
		return nil, tx.Put(r)
	}
	if at := ds.windowAt(r.Product, ds.Now()); at.After(ds.Now()) {
		return nil, ds.awaitWindow(tx, i, v, r, at)
	}
	if v.AnnualRenewal && !r.Reserved {
		free, err := ledger.Available(tx, ledger.UnitCredit)
		if err != nil {
			return nil, err
		}
		if free < 1 {
			if r.Waiting && !r.AwaitsWindow() {
				return nil, tx.Put(r)
			}
			r.Waiting, r.WindowAt = true, time.Time{}
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
	r.StopWaiting()
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
