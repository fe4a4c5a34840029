package lifecycle

import (
	"context"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// renew is [Access.Renew].
func (e *Engine) renew(ctx context.Context, actor model.Actor, id model.ID) (model.Instance, model.Job, error) {
	return e.renewWithCSR(ctx, actor, id, nil)
}

// renewWithCSR is [Access.RenewWithCSR].
func (e *Engine) renewWithCSR(ctx context.Context, actor model.Actor, id model.ID, csr []byte) (model.Instance, model.Job, error) {
	var next model.Instance
	var j model.Job
	c, err := e.readFacts(actor, id)
	if err != nil {
		return next, j, err
	}
	if f := e.table.Check(rules.Renew, c); f != nil {
		return next, j, e.journal.LogRefusal(ctx, actor, f)
	}
	q, err := e.quote(BuyRequest{Spec: c.Instance.Spec, Years: max(c.Instance.Years, 1), Quantity: 1})
	if err != nil {
		return next, j, e.journal.LogRefusal(ctx, actor, err)
	}
	app := c.Instance.Application
	if len(csr) > 0 {
		if err := checkCSR(csr, app.Domains); err != nil {
			return next, j, &rules.Invalid{
				Field:   "csr",
				Why:     model.TextOf(err),
				Example: model.Say("csr.for", "names", app.Domains),
				Rule:    "I6",
			}
		}
		app.CSR, app.KeyType = csr, ""
	}
	return e.buySuccessor(ctx, actor, rules.Renew, id, q, app, func(_ model.Tx, old, next *model.Instance) ([]model.ID, error) {
		next.Origin, next.RenewalOf, old.RenewedBy, old.ReorderedBy = model.OriginRenewal, old.ID, next.ID, ""
		if e.policy.CarryDays {
			next.CarriedOver = max(old.ServiceEnd.Sub(next.Created), 0)
		}
		return nil, nil // its resources are not moved
	})
}

// startReissue is [Access.Reissue].
func (e *Engine) startReissue(ctx context.Context, actor model.Actor, id model.ID, r ReissueRequest) (model.Job, error) {
	c, err := e.noteFacts(actor, id)
	if err != nil {
		return model.Job{}, err
	}
	return e.reissue(ctx, c, r)
}

// reissue is [Access.Reissue] for facts that were just read.
func (e *Engine) reissue(ctx context.Context, c *knownFacts, r ReissueRequest) (j model.Job, err error) {
	return e.reissueAs(ctx, c, rules.Reissue, r, func(model.Tx, *rules.Facts, *model.Job) error { return nil })
}

// reissueAs reissues by an action of the table. adjust completes the job, in the
// transaction that starts it, before it is written.
func (e *Engine) reissueAs(
	ctx context.Context, c *knownFacts, a rules.Action, r ReissueRequest, adjust func(model.Tx, *rules.Facts, *model.Job) error,
) (j model.Job, err error) {
	actor, id := c.Actor, c.Instance.ID
	if f := e.table.Check(a, c.Facts); f != nil {
		return j, e.journal.LogRefusal(ctx, actor, f)
	}
	app := c.Instance.Application
	if len(r.CSR) > 0 {
		if err := checkCSR(r.CSR, app.Domains); err != nil {
			return j, &rules.Invalid{Field: "csr", Why: model.TextOf(err), Example: model.Say("csr.for", "names", app.Domains)}
		}
		app.CSR, app.KeyType = r.CSR, ""
	}
	if r.NewKey && app.Manual() {
		// The manual request is for the old key: from now on certquay generates keys.
		app.CSR, app.KeyType = nil, model.ECDSAP256
	}
	if app.KeyType == "" && !app.Manual() {
		app.KeyType = model.ECDSAP256
	}
	var key *model.Key
	current := c.Instance.Current()
	if r.NewKey || !app.Manual() && (current == nil || current.KeyID == "") {
		if key, err = e.newKey(id, app); err != nil {
			return j, err
		}
	}
	csr, keyType := app.CSR, app.KeyType
	next := *c.Instance
	next.Application = app
	j = e.issueJob(&next, model.JobReissue, actor, key)
	signed := e.worker.signAhead(ctx, &next, &j, key)
	err = e.startSigned(ctx, c, a, &j, signed, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		c.Instance.Application.CSR, c.Instance.Application.KeyType = csr, keyType
		if err := e.startIssue(tx, c, a, model.JobReissue, actor, key, &j); err != nil {
			return err
		}
		if err := adjust(tx, c, &j); err != nil {
			return err
		}
		ev.Result, ev.Detail = journal.ResultStarted, model.Say("log.version", "version", j.Version)
		return nil
	})
	return j, err
}

// renewHosted starts the renewal that managed hosting prepaid: a new version and
// another year of service (spec H4). A manual request is used again; otherwise
// the key is new.
func (e *Engine) renewHosted(ctx context.Context, c *knownFacts) (j model.Job, err error) {
	id, app := c.Instance.ID, c.Instance.Application
	if app.KeyType == "" && !app.Manual() {
		app.KeyType = model.ECDSAP256
	}
	key, err := e.newKey(id, app)
	if err != nil {
		return j, err
	}
	next := *c.Instance
	next.Application = app
	j = e.issueJob(&next, model.JobRenew, model.Scheduler, key)
	signed := e.worker.signAhead(ctx, &next, &j, key)
	err = e.startSigned(ctx, c, rules.RenewHosted, &j, signed, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		if err := e.startIssue(tx, c, rules.RenewHosted, model.JobRenew, model.Scheduler, key, &j); err != nil {
			return err
		}
		ev.Result, ev.Detail = journal.ResultStarted, model.Say("log.version", "version", j.Version)
		return nil
	})
	return j, err
}
