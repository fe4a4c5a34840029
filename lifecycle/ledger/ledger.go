package ledger

import (
	"errors"
	"fmt"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Items of an order.
const (
	ItemCertificate = "certificate"
	ItemFromPack    = "certificate from pack"
	ItemRenewal     = "hosted renewal"
	ItemHosting     = "managed hosting"
)

// Accounts of the ledger. A purchase transfers from the budget, a refund back to
// it (spec B2, B5).
const (
	accountBudget = "budget"
	accountSpent  = "certificates"
)

// PostEntry writes an entry and updates the sums of its accounts. An entry whose
// ID exists changes nothing, so that a replay is harmless.
func PostEntry(tx model.Tx, en model.Entry) error {
	sums := map[string]int64{}
	for _, p := range en.Postings {
		sums[p.Unit] += p.Amount
	}
	for unit, sum := range sums {
		if sum != 0 {
			return model.Fail("ledger.off", "entry", en.ID, "by", sum, "unit", unit)
		}
	}
	if _, err := model.Get[model.Entry](tx, en.ID); err == nil {
		return nil
	} else if !errors.Is(err, model.ErrNotFound) {
		return rules.ReadError("entry", en.ID, err)
	}
	for _, p := range en.Postings {
		a := model.Account{Name: p.Account, Unit: p.Unit}
		if err := tx.Get(&a); err != nil && !errors.Is(err, model.ErrNotFound) {
			return rules.ReadError("account", p.Account, err)
		}
		a.Sum += p.Amount
		if err := tx.Put(&a); err != nil {
			return err
		}
	}
	return tx.Put(&en)
}

func transfer(id string, at time.Time, from, to, unit string, amount int64, text model.Text) model.Entry {
	return model.Entry{ID: id, At: at, Text: text, Postings: []model.Posting{
		{Account: from, Unit: unit, Amount: -amount}, {Account: to, Unit: unit, Amount: amount},
	}}
}

// Purchase charges an order, one entry for each line.
func Purchase(tx model.Tx, o *model.Order) error {
	for n, l := range o.Lines {
		en := transfer(fmt.Sprintf("purchase/%s/%d", o.ID, n), o.At, accountBudget, accountSpent,
			l.Currency, l.Amount, model.Say("ledger.purchase", "item", l.Item, "spec", l.Spec))
		en.Order, en.Instance = o.ID, l.Instance
		if err := PostEntry(tx, en); err != nil {
			return err
		}
	}
	return nil
}

// RefundDue returns what ending the instance at a time refunds, and the order
// line (spec B5).
func RefundDue(r model.Reader, p *rules.Policy, i *model.Instance, now time.Time) (RefundPreview, model.OrderLine, error) {
	if i.Order == "" {
		return RefundPreview{Currency: p.Currency, Why: model.Say("refund.not-bought")}, model.OrderLine{}, nil
	}
	o, err := model.Get[model.Order](r, string(i.Order))
	if err != nil {
		return RefundPreview{Currency: p.Currency}, model.OrderLine{}, rules.ReadError("order", i.Order, err)
	}
	return refundOf(&o, p, i, now)
}

// Refunds returns what [RefundDue] does for each of some instances, and reads each order
// once. A preview is zero, without a currency, if its order cannot be read.
func Refunds(r model.Reader, p *rules.Policy, all []model.Instance, now time.Time) []RefundPreview {
	previews := make([]RefundPreview, len(all))
	orders := map[model.ID]*model.Order{} // nil: it cannot be read
	for n := range all {
		i := &all[n]
		if i.Order == "" {
			previews[n], _, _ = RefundDue(r, p, i, now) // reads nothing
			continue
		}
		o, known := orders[i.Order]
		if !known {
			if read, err := model.Get[model.Order](r, string(i.Order)); err == nil {
				o = &read
			}
			orders[i.Order] = o
		}
		if o == nil {
			continue
		}
		if preview, _, err := refundOf(o, p, i, now); err == nil {
			previews[n] = preview
		}
	}
	return previews
}

// refundOf is [RefundDue] for the order of an instance.
func refundOf(o *model.Order, p *rules.Policy, i *model.Instance, now time.Time) (RefundPreview, model.OrderLine, error) {
	none := RefundPreview{Currency: p.Currency}
	if i.Line >= len(o.Lines) {
		return none, model.OrderLine{}, model.Fail("ledger.no-line", "order", i.Order, "line", i.Line)
	}
	line := o.Lines[i.Line]
	none.Currency = line.Currency
	hosted := false
	for _, l := range o.Lines {
		if l.Instance == i.ID {
			none.Paid += l.Amount
			hosted = hosted || l.Item == ItemHosting
		}
	}
	if hosted {
		none.Why = model.Say("refund.with-hosting")
		return none, line, nil
	}
	if line.Amount == 0 {
		none.Why = model.Say("refund.free")
		return none, line, nil
	}
	full := RefundPreview{Amount: line.Amount, Currency: line.Currency, Paid: none.Paid}
	switch p.Refund {
	case rules.RefundNone:
		none.Why = model.Say("refund.policy")
		return none, line, nil
	case rules.RefundPaid7d:
		if end := o.At.Add(7 * 24 * time.Hour); now.After(end) {
			none.Why = model.Say("refund.paid-long-ago")
			return none, line, nil
		}
		full.Why, full.Until = model.Say("refund.paid-lately"), o.At.Add(7*24*time.Hour)
	default:
		if len(i.Versions) == 0 {
			full.Why = model.Say("refund.not-issued")
			return full, line, nil
		}
		if end := i.Versions[0].Issued.Add(30 * 24 * time.Hour); now.After(end) {
			none.Why = model.Say("refund.issued-long-ago")
			return none, line, nil
		}
		full.Why, full.Until = model.Say("refund.issued-lately"), i.Versions[0].Issued.Add(30*24*time.Hour)
	}
	return full, line, nil
}

// Refund posts the refund that is due, at most once for each order line.
func Refund(tx model.Tx, p *rules.Policy, i *model.Instance, now time.Time) (RefundPreview, error) {
	due, line, err := RefundDue(tx, p, i, now)
	if err != nil || due.Amount == 0 {
		return due, err
	}
	en := transfer(fmt.Sprintf("refund/%s/%d", i.Order, i.Line), now, accountSpent, accountBudget,
		due.Currency, due.Amount, model.Say("ledger.refund", "item", line.Item, "spec", line.Spec))
	en.Order, en.Instance = i.Order, i.ID
	return due, PostEntry(tx, en)
}
