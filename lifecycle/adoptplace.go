package lifecycle

import (
	"context"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// seenPlace is a target that was seen to present a certificate.
type seenPlace struct {
	target
	binding ports.Binding
	look    ports.Look
}

// lookAtPlace declares the product of a place and asks what is presented there.
func (e *Engine) lookAtPlace(
	ctx context.Context, actor model.Actor, one *Adopted, at *AdoptPlace, ps *adoptedProducts,
) (seenPlace, error) {
	var s seenPlace
	if err := ps.declare(actor, at.Product); err != nil {
		return s, err
	}
	p, err := e.deployments.product(at.Product)
	if err != nil {
		return s, err
	}
	s.target = target{p, at.Target}
	ctx, cancel := context.WithTimeout(ctx, e.policy.CallTimeout)
	defer cancel()
	s.binding, s.look, err = e.worker.look(ctx, &deployTarget{product: p.Product, place: at.Target})
	if err != nil {
		return s, err
	}
	_, fingerprint, err := presentedLeaf(s.look, one.Finding.Fingerprint)
	if err == nil && fingerprint != one.Finding.Fingerprint {
		err = model.Fail("deploy.other-presented", "fingerprint", fingerprint[:16])
	}
	return s, err
}

// recordAdoption saves what was adopted, with the resources that present it.
func (e *Engine) recordAdoption(ctx context.Context, actor model.Actor, a *adoption, seen []seenPlace) error {
	return e.journal.Update(ctx, func(tx model.Tx) error {
		a.Places = nil
		for _, s := range seen {
			r, err := e.deployments.resourceAt(tx, s.target)
			if err != nil {
				return err
			}
			if r.HasDeployment() && r.Instance != a.Instance {
				continue // it is deployed there by certquay, whatever was found
			}
			i, err := model.Get[model.Instance](tx, string(a.Instance))
			if err != nil {
				return rules.ReadError("instance", a.Instance, err)
			}
			v := i.ByFingerprint(a.Finding.Fingerprint)
			if v == nil {
				return rules.ReadError("instance", a.Instance, model.ErrNotFound)
			}
			if r.Deployed == "" {
				a.Places = append(a.Places, r.ID)
			}
			r.Instance, r.Version, r.Deployed, r.DeployedAt = i.ID, v.Number, v.Fingerprint, a.At
			r.Address = s.binding.Address
			e.worker.recordPresented(r, v.Fingerprint, v.NotAfter)
			recordLook(r, s.binding, s.look)
			if err := tx.Put(r); err != nil {
				return err
			}
			if err := e.worker.resourcesChanged(tx, i.ID); err != nil {
				return err
			}
			ev := e.journal.Event(actor, string(rules.ActionAdopt), &i)
			ev.Resource, ev.Result, ev.Detail = r.ID, journal.ResultOK, model.Say("log.adopted-place", "place", r.Place())
			if err := tx.Append(ev); err != nil {
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
