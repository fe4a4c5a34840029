package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"certquay/model"
)

// SpentByCurrency returns the total cost in minor units by currency, refunds
// subtracted.
func SpentByCurrency(r model.Reader) (map[string]int64, error) {
	costs := map[string]int64{}
	for a, err := range model.All[model.Account](r, model.Scan{Prefix: accountSpent + "|"}) {
		if err != nil {
			return nil, err
		}
		costs[a.Unit] = a.Sum
	}
	return costs, nil
}

// Cost is the sum of charges and refunds of a month or an order.
type Cost struct {
	Month    string // "2026-11"
	Order    model.ID
	By       string
	Text     model.Text
	Charged  int64
	Refunded int64
	Currency string
}

// CostsByOrder lists the cost of each order, the newest first.
func CostsByOrder(r model.Reader) ([]Cost, error) {
	byOrder := map[model.ID]*Cost{}
	var list []*Cost
	for o, err := range model.All[model.Order](r, model.Scan{Reverse: true}) {
		if err != nil {
			return nil, err
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
			return nil, err
		}
		if c := byOrder[en.Order]; c != nil {
			for _, p := range en.Postings {
				if p.Account == accountBudget {
					c.Refunded += p.Amount
				}
			}
		}
	}
	all := make([]Cost, len(list))
	for n, c := range list {
		all[n] = *c
	}
	return all, nil
}

// orderText describes the lines of an order.
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
func CostsByMonth(r model.Reader) ([]Cost, error) {
	sums := map[[2]string]*Cost{}
	for _, prefix := range []string{"purchase/", "refund/"} {
		for en, err := range model.All[model.Entry](r, model.Scan{Prefix: prefix}) {
			if err != nil {
				return nil, err
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
	all := make([]Cost, 0, len(sums))
	for _, c := range sums {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Cost) int { return strings.Compare(b.Month+b.Currency, a.Month+a.Currency) })
	return all, nil
}

// RefundPreview is what ending an instance now would refund (spec B5).
type RefundPreview struct {
	Amount   int64
	Currency string
	Why      model.Text
	// Until is the last time at which Amount is refunded; zero if there is no limit,
	// or nothing to refund.
	Until time.Time
	// Paid is what the purchase of the instance cost, with hosting bought along.
	Paid int64
}

// Balance is the balance of one kind of prepaid unit (spec B4).
type Balance struct {
	Kind          string // certificate, hosting, credit
	Specification *model.Specification
	Total         int
	Reserved      int
	Used          int
	Available     int
}

// Money formats minor units as an amount, "500.00 EUR".
func Money(amount int64, currency string) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, amount/100, amount%100, currency)
}
