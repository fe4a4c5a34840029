package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// quote is [Access.Quote].
func (e *Engine) quote(r BuyRequest) (Quote, error) {
	r.Spec.Brand = model.NormalizeName(r.Spec.Brand)
	refuse := func(reason rules.Reason, args rules.Args) (Quote, error) {
		return Quote{}, &rules.Refusal{Action: rules.Buy, Reason: reason, Rule: "B1", Args: args}
	}
	is, ok := e.issuers.Port(r.Spec.Brand)
	if !ok {
		var brands []string
		for b := range e.issuers.Usable() {
			brands = append(brands, b)
		}
		slices.Sort(brands)
		why := model.Say("sale.no-issuer")
		if there, found := e.issuers.Find(r.Spec.Brand); found {
			why = there.Problem
		}
		return refuse(rules.ReasonNotForSale, rules.Args{
			"what": model.Say("sale.brand", "brand", r.Spec.Brand), "why": why, "possible": rules.OneOf(brands),
		})
	}
	caps := is.Capabilities(e.Now())
	notForSale := func(why, possible model.Text) (Quote, error) {
		return refuse(rules.ReasonNotForSale, rules.Args{"what": model.Say("sale.spec", "spec", r.Spec), "why": why, "possible": possible})
	}
	switch {
	case r.Spec.Level == model.EV && r.Spec.Type == model.Wildcard:
		return notForSale(model.Say("sale.no-ev-wildcard"), model.Say("sale.instead-of-ev-wildcard"))
	case !slices.Contains(caps.Levels, r.Spec.Level):
		return notForSale(model.Say("sale.no-level", "brand", r.Spec.Brand), model.Say("sale.levels", "these", rules.Strings(caps.Levels)))
	case !slices.Contains(caps.Types, r.Spec.Type):
		return notForSale(model.Say("sale.no-type", "brand", r.Spec.Brand), model.Say("sale.types", "these", rules.Strings(caps.Types)))
	case !slices.Contains(caps.Grades, r.Spec.Grade):
		return notForSale(model.Say("sale.no-grade", "brand", r.Spec.Brand), model.Say("sale.grades", "these", rules.Strings(caps.Grades)))
	case r.Years < 1 || r.Years > 2:
		return refuse(rules.ReasonYears, rules.Args{"years": r.Years})
	case r.Quantity < 1 || r.Quantity > 100:
		return refuse(rules.ReasonQuantity, rules.Args{"quantity": r.Quantity})
	}
	for n, brand := range r.Fallback {
		brand = model.NormalizeName(brand)
		if brand == r.Spec.Brand || slices.Contains(normalized(r.Fallback[:n]), brand) {
			return Quote{}, &rules.Invalid{Field: "brand", Why: model.Say("invalid.brand-twice", "brand", brand), Rule: "C10",
				Example: model.Quoted("", "letsencrypt,zerossl")}
		}
		next := r
		next.Spec.Brand, next.Fallback = brand, nil
		if _, err := e.quote(next); err != nil {
			return Quote{}, err
		}
	}
	q := Quote{Currency: e.policy.Currency}
	add := func(item string, amount int64) {
		q.Lines = append(q.Lines, model.OrderLine{
			Item: item, Spec: r.Spec, Years: r.Years, Quantity: 1, Amount: amount, Currency: q.Currency,
		})
		q.Total += amount
	}
	price := e.policy.Price(r.Spec) * int64(r.Years)
	switch {
	case r.FromPack && (r.Years != 1 || r.Hosting):
		return refuse(rules.ReasonFromPack, rules.Args{})
	case r.Hosting && r.Years != 1:
		return refuse(rules.ReasonHostingYears, rules.Args{})
	}
	for range r.Quantity {
		switch {
		case r.FromPack:
			add(ledger.ItemFromPack, 0)
		case r.Hosting:
			add(ledger.ItemCertificate, price)
			add(ledger.ItemRenewal, price)
			add(ledger.ItemHosting, e.policy.HostingFee)
		default:
			add(ledger.ItemCertificate, price)
		}
	}
	return q, nil
}

// withFallback returns a purchase with the issuers that are asked next, if it names none
// itself: those of the issuer's settings that sell the same.
func (e *Engine) withFallback(r BuyRequest) BuyRequest {
	is, ok := e.issuers.Find(r.Spec.Brand)
	if !ok || r.Fallback != nil {
		return r
	}
	for _, brand := range is.Fallback() {
		next := r
		next.Spec.Brand, next.Fallback = brand, nil
		if _, err := e.quote(next); err == nil && !slices.Contains(r.Fallback, brand) {
			r.Fallback = append(r.Fallback, brand)
		}
	}
	return r
}

// recentOrders is how many orders are looked at for the brand that a person uses.
const recentOrders = 100

// usualBrand is [Access.UsualBrand].
func (e *Engine) usualBrand(who string) (brand string, err error) {
	usable := e.issuers.Usable()
	err = e.store.View(func(r model.Reader) error {
		for o, err := range model.All[model.Order](r, model.Scan{Reverse: true, Limit: recentOrders}) {
			if err != nil {
				return err
			}
			last := o.Lines[len(o.Lines)-1].Spec.Brand
			if _, ok := usable[last]; ok && o.By == who {
				brand = last
				return nil
			}
		}
		return nil
	})
	if err != nil || brand != "" {
		return brand, err
	}
	all := e.issuers.All()
	for _, is := range all {
		if _, account := ports.Extension[ports.StatusReporter](usable[is.Name]); account {
			return is.Name, nil
		}
	}
	for _, is := range all {
		if is.Port != nil {
			return is.Name, nil
		}
	}
	return "", nil
}

func normalized(brands []string) (all []string) {
	for _, b := range brands {
		all = append(all, model.NormalizeName(b))
	}
	return all
}

// planBuy is [Access.PlanBuy].
func (e *Engine) planBuy(r BuyRequest) (Quote, error) {
	q, err := e.quote(r)
	if err != nil || !r.FromPack {
		return q, err
	}
	unit := ledger.CertificateUnit(q.Lines[0].Spec)
	return q, e.store.View(func(rd model.Reader) error {
		free, err := ledger.Available(rd, unit)
		if err == nil && free < int64(r.Quantity) {
			return ledger.NoUnits(rules.Buy, unit, int(free), r.Quantity)
		}
		return err
	})
}

// buy is [Access.Buy].
func (e *Engine) buy(ctx context.Context, actor model.Actor, r BuyRequest) (model.Order, []model.Instance, error) {
	var o model.Order
	var made []model.Instance
	r = e.withFallback(r)
	q, err := e.quote(r)
	if err == nil {
		err = e.journal.Update(ctx, func(tx model.Tx) error {
			c := &rules.Facts{Actor: actor, Now: e.Now()}
			if f := e.table.Check(rules.Buy, c); f != nil {
				return f
			}
			o, made, err = e.purchase(tx, actor, q, rules.Buy, func(i *model.Instance) error {
				i.Contact, i.Fallback = r.Contact, normalized(r.Fallback)
				if r.Hosting {
					i.Hosting.PrepaidRenewals = 1
				}
				if r.FromPack {
					i.Origin = model.OriginPack
					return ledger.Reserve(tx, e.Now(), string(i.ID), rules.Buy, i.ID, ledger.CertificateUnit(i.Spec), 1)
				}
				return nil
			})
			return err
		})
	}
	return o, made, e.journal.LogRefusal(ctx, actor, err)
}

// purchase saves an order with an instance for each certificate line. adjust, if
// not nil, changes each instance before it is saved.
func (e *Engine) purchase(
	tx model.Tx, actor model.Actor, q Quote, a rules.Action, adjust func(*model.Instance) error,
) (model.Order, []model.Instance, error) {
	now := e.Now()
	o := model.Order{ID: e.journal.NewID(), At: now, By: actor.Name, Lines: slices.Clone(q.Lines)}
	var made []model.Instance
	for n := range o.Lines {
		l := &o.Lines[n]
		if l.Item == ledger.ItemRenewal || l.Item == ledger.ItemHosting {
			l.Instance = made[len(made)-1].ID // what goes with the line before
			continue
		}
		i := model.Instance{
			ID: e.journal.NewID(), Origin: model.OriginBought, Spec: l.Spec, Years: l.Years,
			Order: o.ID, Line: n, Created: now,
		}
		e.table.Transition(rules.Buy).Apply(&i, false)
		i.Name = fmt.Sprintf("%s-%s-%s", l.Spec.Level, l.Spec.Type, strings.ToLower(i.ID.Short()))
		l.Instance = i.ID
		if adjust != nil {
			if err := adjust(&i); err != nil {
				return o, nil, err
			}
		}
		if err := e.saveInstance(tx, &i); err != nil {
			return o, nil, err
		}
		ev := e.journal.Event(actor, string(a), &i)
		ev.To, ev.Detail = string(
			i.State,
		), model.Say("log.bought", "spec", l.Spec, "years", l.Years, "price", ledger.Money(l.Amount, l.Currency))
		if err := tx.Append(ev); err != nil {
			return o, nil, err
		}
		made = append(made, i)
	}
	if err := ledger.Purchase(tx, &o); err != nil {
		return o, nil, err
	}
	return o, made, tx.Put(&o)
}

// closeInstance is [Access.CloseInstance].
func (e *Engine) closeInstance(ctx context.Context, actor model.Actor, id model.ID) error {
	return e.transition(ctx, actor, rules.Close, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		paid, err := ledger.Refund(tx, &e.policy, c.Instance, c.Now)
		if err != nil {
			return err
		}
		if c.Instance.Origin == model.OriginPack {
			if err := ledger.Release(tx, e.Now(), string(id), id, ledger.CertificateUnit(c.Instance.Spec), 1); err != nil {
				return err
			}
		}
		// What was paid for with the purchase and never began is void (B3).
		c.Instance.Hosting = model.Hosting{}
		e.table.Transition(rules.Close).Apply(c.Instance, paid.Amount > 0)
		ev.Detail = refundText(paid)
		return nil
	})
}

func refundText(p ledger.RefundPreview) model.Text {
	if p.Amount == 0 {
		return model.Say("log.no-refund", "why", p.Why)
	}
	return model.Say("log.refund", "amount", ledger.Money(p.Amount, p.Currency), "why", p.Why)
}
