package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// PackKind is what a pack holds (spec B4).
type PackKind string

// Kinds of packs.
const (
	PackCertificate PackKind = "certificate" // of one specification
	PackHosting     PackKind = "hosting"     // one year of managed hosting each
	PackCredit      PackKind = "credit"      // automatic deployments
)

// PackKinds lists every kind of pack.
var PackKinds = []PackKind{PackCertificate, PackHosting, PackCredit}

// PackRequest asks for prepaid units.
type PackRequest struct {
	Kind     PackKind
	Spec     model.Specification // of a certificate pack only
	Quantity int
}

// A unit of a pack is in one of these accounts; supply is what was bought,
// negative, so that the four sum to zero.
const (
	packSupply   = "pack supply"
	packFree     = "pack available"
	packReserved = "pack reserved"
	packUsed     = "pack used"
)

const (
	unitHosting = string(PackHosting)
	unitCredit  = string(PackCredit)
)

// maxPack is the most units one order may have.
const maxPack = 100_000

// unitOf is the ledger's unit of certificates of one specification.
func unitOf(s model.Specification) string {
	return strings.Join([]string{string(PackCertificate), string(s.Level), string(s.Type), s.Brand, string(s.Grade)}, "/")
}

func specOf(unit string) *model.Specification {
	p := strings.Split(unit, "/")
	if len(p) != 5 {
		return nil
	}
	return &model.Specification{Level: model.Level(p[1]), Type: model.DomainType(p[2]), Brand: p[3], Grade: model.Grade(p[4])}
}

func (r PackRequest) unit() string {
	if r.Kind == PackCertificate {
		return unitOf(r.Spec)
	}
	return string(r.Kind)
}

// QuotePack prices packs, or refuses what cannot be bought.
func (e *Engine) QuotePack(r PackRequest) (Quote, error) {
	r.Spec.Brand = model.Fold(r.Spec.Brand)
	l := model.OrderLine{Item: string(r.Kind) + " pack", Quantity: r.Quantity, Currency: e.policy.Currency}
	refuse := func(reason rules.Reason, args rules.Args) (Quote, error) {
		return Quote{}, &rules.Refusal{Action: rules.BuyPack, Reason: reason, Rule: "B4", Args: args}
	}
	if r.Quantity < 1 || r.Quantity > maxPack {
		return refuse(rules.ReasonPackQuantity, rules.Args{"quantity": r.Quantity, "most": maxPack})
	}
	each := int64(0)
	switch r.Kind {
	case PackCertificate:
		q, err := e.Quote(BuyRequest{Spec: r.Spec, Years: 1, Quantity: 1})
		if err != nil {
			return Quote{}, err
		}
		each, l.Spec, l.Years = q.Total, r.Spec, 1
	case PackHosting:
		each = e.policy.HostingFee
	case PackCredit:
		each = e.policy.CreditPrice
	default:
		return refuse(rules.ReasonNotForSale, rules.Args{
			"what": model.Say("sale.pack", "kind", r.Kind), "why": model.Say("sale.no-pack"),
			"possible": rules.OneOf(PackKinds),
		})
	}
	l.Amount = each * int64(r.Quantity)
	return Quote{Lines: []model.OrderLine{l}, Total: l.Amount, Currency: l.Currency}, nil
}

// BuyPack buys prepaid units: an order, its cost and the units, in one
// transaction. Packs are not refundable and do not expire.
func (e *Engine) BuyPack(ctx context.Context, actor model.Actor, r PackRequest) (model.Order, error) {
	r.Spec.Brand = model.Fold(r.Spec.Brand)
	o := model.Order{ID: e.newID(), At: e.Now(), By: actor.Name}
	q, err := e.QuotePack(r)
	if err == nil {
		o.Lines = q.Lines
		err = e.update(ctx, func(tx model.Tx) error {
			if f := e.table.Check(rules.BuyPack, &rules.Case{Actor: actor, Now: e.Now()}); f != nil {
				return f
			}
			if err := postPurchase(tx, &o); err != nil {
				return err
			}
			if err := e.move(tx, "supply/"+string(o.ID), "", packSupply, packFree, r.unit(), r.Quantity); err != nil {
				return err
			}
			ev := e.event(actor, string(rules.BuyPack), nil)
			ev.Name, ev.Detail = r.unit(), model.Say("log.units", "n", r.Quantity, "price", Money(q.Total, q.Currency))
			if err := tx.Append(ev); err != nil {
				return err
			}
			return tx.Put(&o)
		})
	}
	if err == nil && r.Kind == PackCredit {
		return o, e.deployWaiting(ctx)
	}
	return o, e.noteRefusal(ctx, actor, err)
}

// move takes units from one account to another. The id is derived from the
// operation, so that repeating it moves nothing.
func (e *Engine) move(tx model.Tx, id string, i model.ID, from, to, unit string, n int) error {
	en := transfer(id, e.Now(), from, to, unit, int64(n), model.Say("ledger.units", "n", n, "unit", unit))
	en.Instance = i
	return post(tx, en)
}

// reserve holds n free units for an instance, or refuses when there are fewer.
// All writes go through one goroutine, so of several buyers of the last unit
// exactly one succeeds.
func (e *Engine) reserve(tx model.Tx, id string, a rules.Action, i model.ID, unit string, n int) error {
	free, err := balance(tx, packFree, unit)
	if err != nil {
		return err
	}
	if free < int64(n) {
		return &rules.Refusal{
			Action: a, Reason: rules.ReasonNoUnits, Rule: "B4",
			Args: rules.Args{"unit": unit, "free": free, "needed": n}, Instead: []rules.Suggestion{buyUnit(unit)},
		}
	}
	return e.move(tx, "reserve/"+id, i, packFree, packReserved, unit, n)
}

// use turns reserved units into used ones.
func (e *Engine) use(tx model.Tx, id string, i model.ID, unit string, n int) error {
	return e.move(tx, "use/"+id, i, packReserved, packUsed, unit, n)
}

// release gives reserved units back.
func (e *Engine) release(tx model.Tx, id string, i model.ID, unit string, n int) error {
	return e.move(tx, "release/"+id, i, packReserved, packFree, unit, n)
}

// Used tells which prepaid units a ledger entry uses up, and how many; 0 when
// it uses none.
func Used(en *model.Entry) (PackKind, int) {
	for _, p := range en.Postings {
		if p.Account == packUsed && p.Amount > 0 {
			if specOf(p.Unit) != nil {
				return PackCertificate, int(p.Amount)
			}
			return PackKind(p.Unit), int(p.Amount)
		}
	}
	return "", 0
}

func balance(r model.Reader, account, unit string) (int64, error) {
	a := model.Account{Name: account, Unit: unit}
	if err := r.Get(&a); err != nil && !errors.Is(err, model.ErrNotFound) {
		return 0, rules.CannotRead("account", account, err)
	}
	return a.Sum, nil
}

// buyUnit suggests to buy one unit.
func buyUnit(unit string) rules.Suggestion {
	if s := specOf(unit); s != nil {
		return rules.Suggestion{
			Action: rules.BuyPack,
			Args:   append([]string{string(PackCertificate), "--quantity", "1"}, rules.SpecFlags(*s)...),
		}
	}
	return rules.Suggestion{Action: rules.BuyPack, Args: []string{unit, "--quantity", "1"}}
}

// Balances lists what is held prepaid: what was bought, is reserved, used and
// still available (spec B4). Hosting and credits are always listed.
func (e *Engine) Balances() ([]Balance, error) {
	units := map[string]*Balance{unitHosting: {Kind: unitHosting}, unitCredit: {Kind: unitCredit}}
	err := e.store.View(func(r model.Reader) error {
		for a, err := range model.All[model.Account](r, model.Scan{Prefix: "pack "}) {
			if err != nil {
				return err
			}
			b := units[a.Unit]
			if b == nil {
				b = &Balance{Kind: string(PackCertificate), Specification: specOf(a.Unit)}
				units[a.Unit] = b
			}
			switch a.Name {
			case packSupply:
				b.Total = int(-a.Sum)
			case packReserved:
				b.Reserved = int(a.Sum)
			case packUsed:
				b.Used = int(a.Sum)
			case packFree:
				b.Available = int(a.Sum)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for u := range units {
		names = append(names, u)
	}
	slices.Sort(names)
	all := make([]Balance, 0, len(names))
	for _, u := range names {
		all = append(all, *units[u])
	}
	return all, nil
}

// Cost is what was charged and paid back in one month or by one order.
type Cost struct {
	Month    string // "2026-11"
	Order    model.ID
	By       string
	Text     model.Text
	Charged  int64
	Refunded int64
	Currency string
}

// CostsByOrder lists what each order cost, the newest first, and CostsByMonth
// the sums by month and currency.
func (e *Engine) CostsByOrder() ([]Cost, error) {
	byOrder := map[model.ID]*Cost{}
	var list []*Cost
	err := e.store.View(func(r model.Reader) error {
		for o, err := range model.All[model.Order](r, model.Scan{Reverse: true}) {
			if err != nil {
				return err
			}
			c := &Cost{Month: o.At.UTC().Format("2006-01"), Order: o.ID, By: o.By, Charged: o.Total(), Text: orderText(&o)}
			if len(o.Lines) > 0 {
				c.Currency = o.Lines[0].Currency
			}
			byOrder[o.ID] = c
			list = append(list, c)
		}
		for en, err := range model.All[model.Entry](r, model.Scan{Prefix: "refund/"}) {
			if err != nil {
				return err
			}
			if c := byOrder[en.Order]; c != nil {
				for _, p := range en.Postings {
					if p.Account == accountBudget {
						c.Refunded += p.Amount
					}
				}
			}
		}
		return nil
	})
	all := make([]Cost, len(list))
	for n, c := range list {
		all[n] = *c
	}
	return all, err
}

// orderText says what was ordered.
func orderText(o *model.Order) model.Text {
	if len(o.Lines) == 0 {
		return ""
	}
	l := o.Lines[0]
	n := 0
	for _, other := range o.Lines {
		if other.Item == l.Item {
			n += max(other.Quantity, 1)
		}
	}
	if l.Spec == (model.Specification{}) {
		return model.Say("order.items", "n", n, "item", l.Item)
	}
	return model.Say("order.items-of", "n", n, "item", l.Item, "spec", l.Spec)
}

// CostsByMonth sums charges and refunds by the month of the entry, the newest
// first.
func (e *Engine) CostsByMonth() ([]Cost, error) {
	sums := map[[2]string]*Cost{}
	err := e.store.View(func(r model.Reader) error {
		for _, prefix := range []string{"purchase/", "refund/"} {
			for en, err := range model.All[model.Entry](r, model.Scan{Prefix: prefix}) {
				if err != nil {
					return err
				}
				for _, p := range en.Postings {
					if p.Account != accountBudget {
						continue
					}
					k := [2]string{en.At.UTC().Format("2006-01"), p.Unit}
					if sums[k] == nil {
						sums[k] = &Cost{Month: k[0], Currency: k[1]}
					}
					if p.Amount > 0 {
						sums[k].Refunded += p.Amount
					} else {
						sums[k].Charged -= p.Amount
					}
				}
			}
		}
		return nil
	})
	all := make([]Cost, 0, len(sums))
	for _, c := range sums {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Cost) int { return strings.Compare(b.Month+b.Currency, a.Month+a.Currency) })
	return all, err
}
