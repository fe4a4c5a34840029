package lifecycle

import (
	"context"
	"slices"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// ReorderRequest orders an instance again (spec I11).
type ReorderRequest struct {
	// Spec completes the specification of an uploaded certificate; empty parts
	// are taken from the instance.
	Spec model.Specification
}

// ReorderPlan is what ordering an instance again would do.
type ReorderPlan struct {
	Quote
	Resources []ResourceView // to which the new certificate will be deployed
}

// planReorder is [Access.PlanReorder].
func (e *Engine) planReorder(id model.ID, r ReorderRequest) (ReorderPlan, error) {
	i, err := e.reader.instance(id)
	if err != nil {
		return ReorderPlan{}, err
	}
	q, _, err := e.quoteReorder(&i, r)
	if err != nil {
		return ReorderPlan{}, err
	}
	rs, err := e.reader.everywhere(id)
	return ReorderPlan{q, rs}, err
}

// quoteReorder prices the purchase, and returns the application that will be submitted,
// which must be complete.
func (e *Engine) quoteReorder(i *model.Instance, r ReorderRequest) (Quote, model.Application, error) {
	app := i.Application
	if app.KeyType == "" && !app.Manual() {
		app.KeyType = model.ECDSAP256
	}
	spec, err := completeSpec(rules.Reorder, "I11", i, r.Spec)
	if err != nil {
		return Quote{}, app, err
	}
	q, err := e.quote(BuyRequest{Spec: spec, Years: max(i.Years, 1), Quantity: 1})
	if err != nil {
		return Quote{}, app, err
	}
	as := *i
	as.Spec = spec
	if missing := e.missing(&as, app); len(missing) > 0 {
		return Quote{}, app, missing[0]
	}
	return q, app, nil
}

// reorder is [Access.Reorder].
func (e *Engine) reorder(ctx context.Context, actor model.Actor, id model.ID, r ReorderRequest) (model.Instance, model.Job, error) {
	c, err := e.readFacts(actor, id)
	if err != nil {
		return model.Instance{}, model.Job{}, err
	}
	if f := e.table.Check(rules.Reorder, c); f != nil {
		return model.Instance{}, model.Job{}, e.journal.LogRefusal(ctx, actor, f)
	}
	q, app, err := e.quoteReorder(c.Instance, r)
	if err != nil {
		return model.Instance{}, model.Job{}, e.journal.LogRefusal(ctx, actor, err)
	}
	return e.buySuccessor(ctx, actor, rules.Reorder, id, q, app, func(tx model.Tx, old, next *model.Instance) ([]model.ID, error) {
		next.ReorderOf, old.ReorderedBy = old.ID, next.ID
		rs, err := everywhere(tx, old)
		ids := make([]model.ID, len(rs))
		for n := range rs {
			ids[n] = rs[n].ID
		}
		return ids, err
	})
}

// buySuccessor buys an instance that replaces another one and submits an application
// for it, in one transaction. link links the two, and returns the resources that the
// issued certificate is deployed to.
func (e *Engine) buySuccessor(
	ctx context.Context, actor model.Actor, a rules.Action, id model.ID, q Quote, app model.Application,
	link func(tx model.Tx, old, next *model.Instance) ([]model.ID, error),
) (next model.Instance, j model.Job, err error) {
	key, err := e.newKey("", app)
	if err != nil {
		return next, j, err
	}
	err = e.transition(ctx, actor, a, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		old := c.Instance
		var places []model.ID
		o, made, err := e.purchase(tx, actor, q, a, func(i *model.Instance) (err error) {
			i.Contact, i.Application, i.Fallback = old.Contact, app, slices.Clone(old.Fallback)
			i.Fallback = slices.DeleteFunc(i.Fallback, func(brand string) bool { return brand == i.Spec.Brand })
			i.Tags, i.Owner, i.Note = slices.Clone(old.Tags), old.Owner, old.Note
			i.Application.Saved, i.Application.Submitted = c.Now, c.Now
			i.Name = displayName(i)
			places, err = link(tx, old, i)
			return err
		})
		if err != nil {
			return err
		}
		next = made[0]
		if key != nil {
			key.Instance = next.ID
		}
		nc, err := e.loadFacts(tx, actor, next.ID)
		if err != nil {
			return err
		}
		if f := e.table.Check(rules.Apply, nc); f != nil {
			return f
		}
		if err := e.startIssue(tx, nc, rules.Apply, model.JobIssue, actor, key, &j); err != nil {
			return err
		}
		j.Deploy = places
		if err := tx.Put(&j); err != nil {
			return err
		}
		if err := e.saveInstance(tx, nc.Instance); err != nil {
			return err
		}
		applied := e.journal.Event(actor, string(rules.Apply), nc.Instance)
		applied.From, applied.To, applied.Detail = string(next.State), string(nc.Instance.State), domainsText(next.Application.Domains)
		if err := tx.Append(applied); err != nil {
			return err
		}
		next = *nc.Instance
		ev.Detail = model.Say("log.renewed-by", "other", next.ID.Short(), "order", o.ID.Short(), "price", ledger.Money(q.Total, q.Currency))
		return nil
	})
	if err == nil {
		e.worker.enqueue(j.ID, true)
	}
	return next, j, err
}
