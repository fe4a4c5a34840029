package lifecycle

import (
	"context"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// PackRequest is a purchase of prepaid units.
type PackRequest struct {
	Kind     ledger.PackKind
	Spec     model.Specification // of a certificate pack only
	Quantity int
}

// maxPack is the most units one order may have.
const maxPack = 100_000

func (r PackRequest) unit() string {
	if r.Kind == ledger.PackCertificate {
		return ledger.CertificateUnit(r.Spec)
	}
	return string(r.Kind)
}

// quotePack is [Access.QuotePack].
func (e *Engine) quotePack(r PackRequest) (Quote, error) {
	r.Spec.Brand = model.NormalizeName(r.Spec.Brand)
	l := model.OrderLine{Item: string(r.Kind) + " pack", Quantity: r.Quantity, Currency: e.policy.Currency}
	refuse := func(reason rules.Reason, args rules.Args) (Quote, error) {
		return Quote{}, &rules.Refusal{Action: rules.BuyPack, Reason: reason, Rule: "B4", Args: args}
	}
	if r.Quantity < 1 || r.Quantity > maxPack {
		return refuse(rules.ReasonPackQuantity, rules.Args{"quantity": r.Quantity, "most": maxPack})
	}
	each := int64(0)
	switch r.Kind {
	case ledger.PackCertificate:
		q, err := e.quote(BuyRequest{Spec: r.Spec, Years: 1, Quantity: 1})
		if err != nil {
			return Quote{}, err
		}
		each, l.Spec, l.Years = q.Total, r.Spec, 1
	case ledger.PackHosting:
		each = e.policy.HostingFee
	case ledger.PackCredit:
		each = e.policy.CreditPrice
	default:
		return refuse(rules.ReasonNotForSale, rules.Args{
			"what": model.Say("sale.pack", "kind", r.Kind), "why": model.Say("sale.no-pack"),
			"possible": rules.OneOf(ledger.PackKinds),
		})
	}
	l.Amount = each * int64(r.Quantity)
	return Quote{Lines: []model.OrderLine{l}, Total: l.Amount, Currency: l.Currency}, nil
}

// buyPack is [Access.BuyPack].
func (e *Engine) buyPack(ctx context.Context, actor model.Actor, r PackRequest) (model.Order, error) {
	r.Spec.Brand = model.NormalizeName(r.Spec.Brand)
	o := model.Order{ID: e.journal.NewID(), At: e.Now(), By: actor.Name}
	q, err := e.quotePack(r)
	if err == nil {
		o.Lines = q.Lines
		err = e.journal.Update(ctx, func(tx model.Tx) error {
			if f := e.table.Check(rules.BuyPack, &rules.Facts{Actor: actor, Now: e.Now()}); f != nil {
				return f
			}
			if err := ledger.Purchase(tx, &o); err != nil {
				return err
			}
			if err := ledger.AddUnits(tx, o.At, "supply/"+string(o.ID), "", r.unit(), r.Quantity); err != nil {
				return err
			}
			ev := e.journal.Event(actor, string(rules.BuyPack), nil)
			ev.Name, ev.Detail = r.unit(), model.Say("log.units", "n", r.Quantity, "price", ledger.Money(q.Total, q.Currency))
			if err := tx.Append(ev); err != nil {
				return err
			}
			return tx.Put(&o)
		})
	}
	if err == nil && r.Kind == ledger.PackCredit {
		return o, e.deployments.resumeWaitingDeploys(ctx)
	}
	return o, e.journal.LogRefusal(ctx, actor, err)
}

// refunds is [Access.Refunds].
func (e *Engine) refunds(all []model.Instance) (previews []ledger.RefundPreview, err error) {
	err = e.store.View(func(r model.Reader) error {
		previews = ledger.Refunds(r, &e.policy, all, e.Now())
		return nil
	})
	return previews, err
}

// refund is [Access.Refund].
func (e *Engine) refund(id model.ID) (p ledger.RefundPreview, err error) {
	err = e.store.View(func(r model.Reader) error {
		c, err := e.loadFacts(r, model.Scheduler, id)
		if err != nil {
			return err
		}
		p, _, err = ledger.RefundDue(r, &e.policy, c.Instance, c.Now)
		return err
	})
	return p, err
}
