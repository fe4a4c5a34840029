package lifecycle

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// revoke is [Access.Revoke].
func (e *Engine) revoke(ctx context.Context, actor model.Actor, id model.ID, r RevokeRequest) (model.Job, error) {
	var j model.Job
	reason, err := revocationReason(r.Reason, rules.RevocationReasons[0])
	if err != nil {
		return j, err
	}
	i, err := e.reader.instance(id)
	if err != nil {
		return j, err
	}
	err = e.transition(ctx, actor, rules.RevokeAction(&i, r.Versions), id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		var versions []int
		for k := len(i.Versions) - 1; k >= 0; k-- {
			v := &i.Versions[k]
			if c.Revocable(v) && (len(r.Versions) == 0 || slices.Contains(r.Versions, v.Number)) {
				versions = append(versions, v.Number)
			}
		}
		if len(versions) == 0 {
			return &rules.Refusal{Action: rules.Revoke, State: i.State, Instance: i.ID, Reason: rules.ReasonAlreadyRevoked, Rule: "I4"}
		}
		if j, err = e.worker.startRevoke(tx, i, actor, versions, reason); err != nil {
			return err
		}
		ev.Result, ev.Detail = journal.ResultStarted, model.Say("log.revoking", "reason", j.Reason, "versions", rules.Numbers(j.Versions))
		return nil
	})
	if err == nil {
		e.worker.enqueue(j.ID, true)
	}
	return j, err
}

// revocationReason returns the reason that was typed as RFC 5280 names it, without
// regard to case; for "" the given one.
func revocationReason(typed, absent string) (string, error) {
	typed = cmp.Or(typed, absent)
	n := slices.IndexFunc(rules.RevocationReasons, func(s string) bool { return model.NormalizeName(s) == model.NormalizeName(typed) })
	if n < 0 {
		return "", &rules.Invalid{Field: "reason", Why: model.Say("invalid.no-reason", "value", typed),
			Example: rules.OneOf(rules.RevocationReasons)}
	}
	return rules.RevocationReasons[n], nil
}

// startRevoke commits the intent to revoke versions. It shows as the instance's
// operation unless another one is under way, which a superseded version need not wait
// for. The caller saves the instance.
func (w *worker) startRevoke(tx model.Tx, i *model.Instance, actor model.Actor, versions []int, reason string) (model.Job, error) {
	j := w.newJob(model.JobRevoke, i, actor)
	j.Step, j.Reason, j.Versions = model.StepRevoke, reason, versions
	if !i.Operation.Active() {
		i.Operation = model.Operation{Kind: model.JobRevoke, Job: j.ID, Since: w.Now(), Attempt: 1}
	}
	return j, tx.Put(&j)
}

// revokeStep revokes the first of the remaining versions. A resumed one revokes again,
// which changes nothing at the CA, in place of asking: a CRL may be out of reach.
func (w *worker) revokeStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	var is ports.Issuer
	var m model.Chain
	var key model.Key
	err := w.store.View(func(r model.Reader) error {
		i, err := model.Get[model.Instance](r, string(j.Instance))
		if err != nil {
			return rules.ReadError("instance", j.Instance, err)
		}
		brand := i.Spec.Brand
		if v := i.Version(j.Versions[0]); v != nil {
			brand = brandOfVersion(&i, v)
		}
		if is, err = w.issuerOf(&i, brand); err != nil {
			return err
		}
		if m, err = model.Get[model.Chain](r, model.ChainKey(i.ID, j.Versions[0])); err != nil {
			return err
		}
		if v := i.Version(j.Versions[0]); v != nil && v.KeyID != "" {
			key, err = model.Get[model.Key](r, string(v.KeyID))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(m.Certificates[0])
	if err != nil {
		return nil, &ports.PermanentError{Err: model.Fail("error.decode-version", "version", j.Versions[0], "cause", err)}
	}
	byKey := false
	err = is.Revoke(ctx, leaf, j.Reason)
	if errors.As(err, new(*ports.PermanentError)) && !key.PKCS8.Empty() {
		byKey, err = true, revokeByKey(ctx, is, leaf, key.PKCS8, j.Reason, err)
	}
	if err != nil {
		return nil, err
	}
	return func(tx model.Tx, j *model.Job) error { return w.afterRevoked(tx, j, byKey) }, nil
}

// revokeByKey revokes a certificate by its own key after the account was refused (RFC 8555
// section 7.6). It returns the refusal unless the CA may accept the key, now or later.
func revokeByKey(ctx context.Context, is ports.Issuer, leaf *x509.Certificate, pkcs8 model.Secret, reason string, refusal error) error {
	r, ok := is.(ports.KeyRevoker)
	if !ok {
		return refusal
	}
	key, err := bundle.UnmarshalKey(pkcs8)
	if err != nil {
		return refusal
	}
	err = r.RevokeByKey(ctx, leaf, key, reason)
	if errors.As(err, new(*ports.PermanentError)) {
		return refusal
	}
	return err
}

// afterRevoked marks a version as revoked. If no unexpired version is left the
// instance ends and is refunded as the policy says (spec I4, B5).
func (w *worker) afterRevoked(tx model.Tx, j *model.Job, byKey bool) error {
	c, err := w.loadFacts(tx, model.Scheduler, j.Instance)
	if err != nil {
		return err
	}
	i := c.Instance
	v := i.Version(j.Versions[0])
	v.RevokedAt, v.RevokedReason = c.Now, j.Reason
	j.Versions = j.Versions[1:]
	if err := monitor.LookAgain(tx, c.Now, v.Fingerprint); err != nil {
		return err
	}
	ev := w.jobEvent(j, journal.ResultOK)
	ev.Name, ev.Detail = i.Name, model.Say("log.revoked", "version", v.Number, "serial", v.Serial, "reason", j.Reason)
	if byKey {
		ev.Detail = model.Texts(ev.Detail, model.Say("log.revoked-by-key"))
	}
	if len(j.Versions) == 0 {
		if i.Operation.Job == j.ID {
			i.Operation, i.Failure = model.Operation{}, model.Failure{}
		}
		if !slices.ContainsFunc(i.Versions, func(v model.Version) bool { return c.Revocable(&v) }) {
			paid, err := ledger.Refund(tx, &w.policy, i, c.Now)
			if err != nil {
				return err
			}
			from, to := w.table.Transition(rules.Revoke).Apply(i, paid.Amount > 0)
			ev.From, ev.To = string(from), string(to)
			ev.Detail = model.Texts(ev.Detail, refundText(paid))
			i.Reason = model.Say("end.revoked", "reason", j.Reason)
		}
		if err := w.finish(tx, j, journal.ResultOK); err != nil {
			return err
		}
	}
	if err := closeRevokedTasks(tx, i, c.Now); err != nil {
		return err
	}
	rs, err := resourcesOf(tx, i.ID)
	if err != nil {
		return err
	}
	if err := w.saveWith(tx, i, rs); err != nil {
		return err
	}
	return tx.Append(ev)
}

// delete is [Access.Delete].
func (e *Engine) delete(ctx context.Context, actor model.Actor, id model.ID) error {
	return e.transition(ctx, actor, rules.Delete, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		if err := e.unlink(tx, i); err != nil {
			return err
		}
		destroyed := map[model.ID]bool{}
		for n := range i.Versions {
			if k := i.Versions[n].KeyID; k != "" && !destroyed[k] {
				destroyed[k] = true
				if err := tx.Delete(&model.Key{ID: k}); err != nil {
					return err
				}
			}
			if err := tx.Delete(&model.Chain{Instance: id, Number: i.Versions[n].Number}); err != nil {
				return err
			}
		}
		for _, d := range i.Application.Documents {
			if err := tx.Delete(&model.Document{ID: d}); err != nil {
				return err
			}
		}
		// Resources to which it was never deployed are deleted.
		var left []model.Resource
		for r, err := range model.All[model.Resource](tx, model.Scan{Index: "instance", Prefix: string(id)}) {
			if err != nil {
				return err
			}
			left = append(left, r)
		}
		for n := range left {
			if err := tx.Delete(&left[n]); err != nil {
				return err
			}
		}
		if err := deleteTasks(tx, id, ""); err != nil {
			return err
		}
		ev.Detail = model.Say("log.keys-destroyed", "n", len(destroyed))
		*i = model.Instance{
			ID: i.ID, Name: i.Name, State: i.State, Origin: i.Origin,
			Order: i.Order, Line: i.Line, Created: i.Created, Deleted: true,
		}
		return nil
	})
}

// sharesKey is [Access.SharesKey].
func (e *Engine) sharesKey(id model.ID) (others []model.Instance, err error) {
	err = e.store.View(func(r model.Reader) error {
		c, err := e.loadFacts(r, model.Scheduler, id)
		if err != nil {
			return err
		}
		seen := map[model.ID]bool{id: true}
		for n := range c.Instance.Versions {
			k := c.Instance.Versions[n].SPKI
			if k == "" {
				continue
			}
			for o, err := range model.All[model.Instance](r, model.Scan{Index: "spki", From: k, To: k + "\x00"}) {
				if err != nil {
					return err
				}
				if !seen[o.ID] {
					seen[o.ID] = true
					others = append(others, o)
				}
			}
		}
		return nil
	})
	return others, err
}
