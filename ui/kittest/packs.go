package kittest

import (
	"context"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// unit finds the balance of a kind and specification, made if need be.
func (b *Backend) unit(kind string, s *model.Specification) *ledger.Balance {
	for n := range b.Units {
		u := &b.Units[n]
		if u.Kind == kind && (s == nil || u.Specification != nil && *u.Specification == *s) {
			return u
		}
	}
	b.Units = append(b.Units, ledger.Balance{Kind: kind, Specification: s})
	return &b.Units[len(b.Units)-1]
}

// Balances implements app.Backend.
func (b *Backend) Balances() ([]ledger.Balance, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unit(string(ledger.PackCredit), nil)
	b.unit(string(ledger.PackHosting), nil)
	return append([]ledger.Balance(nil), b.Units...), nil
}

// CostsByOrder implements app.Backend.
func (b *Backend) CostsByOrder() ([]ledger.Cost, error) { return b.Orders, nil }

// CostsByMonth implements app.Backend.
func (b *Backend) CostsByMonth() ([]ledger.Cost, error) {
	var all []ledger.Cost
	for _, o := range b.Orders {
		if n := len(all) - 1; n >= 0 && all[n].Month == o.Month {
			all[n].Charged, all[n].Refunded = all[n].Charged+o.Charged, all[n].Refunded+o.Refunded
			continue
		}
		all = append(all, ledger.Cost{Month: o.Month, Charged: o.Charged, Refunded: o.Refunded, Currency: o.Currency})
	}
	return all, nil
}

// QuotePack implements app.Backend.
func (b *Backend) QuotePack(r lifecycle.PackRequest) (lifecycle.Quote, error) {
	if r.Quantity < 1 || r.Quantity > 100_000 {
		return lifecycle.Quote{}, &rules.Refusal{Action: rules.BuyPack, Reason: rules.ReasonPackQuantity,
			Args: rules.Args{"quantity": r.Quantity, "most": 100_000}}
	}
	l := model.OrderLine{Item: string(r.Kind) + " pack", Quantity: r.Quantity, Currency: b.policy.Currency}
	each := b.policy.HostingFee
	switch r.Kind {
	case ledger.PackCertificate:
		each, l.Spec, l.Years = b.policy.Price(r.Spec), r.Spec, 1
	case ledger.PackCredit:
		each = b.policy.CreditPrice
	}
	l.Amount = each * int64(r.Quantity)
	return lifecycle.Quote{Lines: []model.OrderLine{l}, Total: l.Amount, Currency: l.Currency}, nil
}

// BuyPack implements app.Backend.
func (b *Backend) BuyPack(_ context.Context, r lifecycle.PackRequest) (model.Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.table.Check(rules.BuyPack, &rules.Case{Actor: b.Actor()}); f != nil {
		return model.Order{}, f
	}
	if err := b.call("BuyPack %s %s x%d", r.Kind, r.Spec, r.Quantity); err != nil {
		return model.Order{}, err
	}
	s := &r.Spec
	if r.Kind != ledger.PackCertificate {
		s = nil
	}
	u := b.unit(string(r.Kind), s)
	u.Total, u.Available = u.Total+r.Quantity, u.Available+r.Quantity
	b.log(b.Actor(), string(rules.BuyPack), &model.Instance{Name: string(r.Kind)}, "")
	return model.Order{ID: b.newID()}, nil
}
