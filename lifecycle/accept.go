package lifecycle

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"slices"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// found is what a resource presents now, the same at each of its addresses.
type found struct {
	prepared // as it would be uploaded, without a key
	binding  ports.Binding
	look     ports.Look
}

// accept is [Access.Accept].
func (e *Engine) accept(ctx context.Context, actor model.Actor, resource model.ID) (owner model.Instance, err error) {
	v, err := e.reader.resource(resource)
	if err != nil {
		return owner, err
	}
	c, err := e.readFacts(actor, v.Instance)
	if err != nil {
		return owner, err
	}
	if f := e.table.Check(rules.Accept, c); f != nil {
		return owner, e.journal.LogRefusal(ctx, actor, f)
	}
	seen, err := e.presentedNow(ctx, &v.Resource)
	if err != nil {
		return owner, e.journal.LogRefusal(ctx, actor, unacceptable(c.Instance, model.TextOf(err)))
	}
	err = e.journal.Update(ctx, func(tx model.Tx) error {
		if owner, err = e.holder(tx, actor, c.Instance, &seen.prepared); err != nil {
			return err
		}
		return e.handOver(tx, actor, v.Instance, resource, &owner, &seen)
	})
	if err != nil {
		return model.Instance{}, e.journal.LogRefusal(ctx, actor, err)
	}
	return e.reader.instance(owner.ID)
}

// unacceptable refuses to accept what a resource of an instance presents.
func unacceptable(i *model.Instance, why model.Text) error {
	return &rules.Refusal{
		Action: rules.Accept, State: i.State, Instance: i.ID, Reason: rules.ReasonUnacceptable, Rule: "P8", Args: rules.Args{"why": why},
	}
}

// presentedNow looks at a resource and reads the certificate that it presents with its chain.
// The error is why that cannot be accepted.
func (e *Engine) presentedNow(ctx context.Context, r *model.Resource) (f found, err error) {
	named, err := e.product(r.Product)
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.policy.CallTimeout)
	defer cancel()
	s := deployTarget{*r, named.Product, ports.Target{Region: r.Region, Name: r.Name}}
	if f.binding, f.look, err = e.worker.look(ctx, &s); err != nil {
		return f, &model.Error{Text: messageFrom("server", err), Err: err}
	}
	all := slices.Concat(addresses(f.look)...)
	fingerprint := bundle.Fingerprint(all[0].Chain[0])
	switch configured := f.binding.Fingerprint; {
	case slices.ContainsFunc(all, func(s ports.Seen) bool { return bundle.Fingerprint(s.Chain[0]) != fingerprint }):
		return f, model.Fail("accept.mixed")
	case fingerprint == r.Deployed:
		return f, model.Fail("accept.as-deployed")
	case configured != "" && configured != fingerprint:
		return f, model.Fail("accept.configured")
	}
	var chain bytes.Buffer
	for _, der := range all[0].Chain {
		if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return f, err
		}
	}
	f.prepared, err = e.prepareUpload(UploadRequest{Files: []bundle.File{{Name: r.Name, Data: chain.Bytes()}}})
	if refused := (*rules.Refusal)(nil); errors.As(err, &refused) {
		return f, &model.Error{Text: refused.AsText(), Err: err}
	}
	if err == nil && e.Now().After(f.instance.Versions[0].NotAfter) {
		err = model.Fail("accept.expired", "at", f.instance.Versions[0].NotAfter)
	}
	return f, err
}

// holder returns the instance that has a certificate, which is uploaded if there is none. One
// that is revoked is not accepted.
func (e *Engine) holder(tx model.Tx, actor model.Actor, from *model.Instance, p *prepared) (model.Instance, error) {
	fingerprint := p.instance.Versions[0].Fingerprint
	for held, err := range model.All[model.Instance](tx, model.Scan{Index: "fingerprint", Prefix: fingerprint}) {
		if err != nil {
			return held, err
		}
		if !held.ByFingerprint(fingerprint).RevokedAt.IsZero() {
			return held, unacceptable(from, model.Say("accept.revoked", "name", held.Name))
		}
		return held, nil
	}
	return p.instance, e.storeUpload(tx, actor, p)
}

// handOver makes the certificate that a resource presents the one that it should present.
func (e *Engine) handOver(tx model.Tx, actor model.Actor, from, resource model.ID, owner *model.Instance, seen *found) error {
	c, err := e.loadFacts(tx, actor, from)
	if err != nil {
		return err
	}
	if f := e.table.Check(rules.Accept, c); f != nil { // it has changed meanwhile
		return f
	}
	fingerprint := seen.instance.Versions[0].Fingerprint
	v := owner.ByFingerprint(fingerprint)
	place := ""
	if err := e.deployments.withResource(tx, resource, func(r *model.Resource) error {
		place = r.Place()
		if running, err := e.deployments.supersedeWaiting(tx, r); err != nil {
			return err
		} else if running {
			return &rules.Refusal{Action: rules.Accept, State: c.Instance.State, Instance: from, Reason: rules.ReasonBusy, Rule: "S2",
				Args: rules.Args{"job": model.Say("busy.at", "job", r.Operation.Kind, "place", place)}}
		}
		if r.Instance != owner.ID { // the credit was for renewals of the former one
			if err := e.deployments.disableAutoDeploy(tx, r); err != nil {
				return err
			}
		}
		r.StopWaiting()
		r.Instance, r.Version = owner.ID, v.Number
		r.Deployed, r.DeployedAt, r.Address, r.Failure = fingerprint, e.Now(), seen.binding.Address, model.Failure{}
		recordLook(r, seen.binding, seen.look)
		e.worker.recordPresented(r, fingerprint, v.NotAfter)
		return nil
	}); err != nil {
		return err
	}
	if err := e.closeInstallTasks(tx, owner.ID, resource, v.Number); err != nil {
		return err
	}
	told := []*model.Instance{c.Instance}
	if owner.ID != from {
		told = append(told, owner)
	}
	for _, i := range told {
		ev := e.journal.Event(actor, string(rules.Accept), i)
		ev.Resource, ev.Detail = resource, model.Say("log.accepted", "place", place, "name", owner.Name, "version", v.Number)
		if err := tx.Append(ev); err != nil {
			return err
		}
	}
	return nil
}
