package kittest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// load reads the records from the store.
func (w *World) load() {
	w.t.Helper()
	w.Clock = w.World.Clock.Now()
	err := w.Store.View(func(r model.Reader) error {
		return errors.Join(
			refresh(r, &w.Instances), refresh(r, &w.Places), values(r, &w.People, model.Scan{}),
			values(r, &w.Watched, model.Scan{}), values(r, &w.Firms, model.Scan{}), values(r, &w.Open, model.Scan{Index: "open"}),
		)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// refresh updates records in place and appends new ones.
func refresh[T any, P interface {
	*T
	model.Record
}](r model.Reader, all *[]*T) error {
	known := map[string]*T{}
	for _, p := range *all {
		known[P(p).RecordKey()] = p
	}
	for v, err := range model.All[T, P](r, model.Scan{}) {
		if err != nil {
			return err
		}
		if p := known[P(&v).RecordKey()]; p != nil {
			*p = v
		} else {
			*all = append(*all, &v)
		}
	}
	return nil
}

func values[T any, P interface {
	*T
	model.Record
}](r model.Reader, all *[]T, s model.Scan) error {
	*all = nil
	for v, err := range model.All[T, P](r, s) {
		if err != nil {
			return err
		}
		*all = append(*all, v)
	}
	return nil
}

// write stores all records.
func (w *World) write() {
	w.t.Helper()
	w.update(func(tx model.Tx) error {
		var errs []error
		put := func(rs ...model.Record) {
			for _, r := range rs {
				errs = append(errs, tx.Put(r))
			}
		}
		for _, i := range w.Instances {
			w.job(i.ID, "", &i.Operation, put)
			put(i)
			for n := range i.Versions {
				put(versionRecords(i, &i.Versions[n])...)
			}
		}
		for _, r := range w.Places {
			w.job(r.Instance, r.ID, &r.Operation, put)
			put(r)
		}
		for n := range w.Receipts {
			put(&w.Receipts[n])
		}
		for _, ds := range w.Papers {
			for n := range ds {
				put(&ds[n])
			}
		}
		for n := range w.Open {
			put(&w.Open[n])
		}
		for n := range w.Told {
			put(&w.Told[n])
		}
		for n := range w.People {
			put(&w.People[n])
		}
		for n := range w.Watched {
			put(&w.Watched[n])
		}
		for n := range w.Firms {
			put(&w.Firms[n])
		}
		for n := range w.Members {
			put(&w.Members[n])
		}
		for n := range w.Orders {
			put(w.order(&w.Orders[n])...)
		}
		for _, u := range w.Units {
			put(units(u)...)
		}
		for _, ev := range slices.Backward(w.Events) {
			if !w.writtenEvents[ev.Seq] {
				w.writtenEvents[ev.Seq] = true
				errs = append(errs, tx.Append(ev))
			}
		}
		w.markers++
		put(marker(w.markers))
		errs = append(errs, accounts(tx))
		return errors.Join(errs...)
	})
}

// job stores the job of an operation, with the key of a certificate that is being
// issued.
func (w *World) job(instance, resource model.ID, op *model.Operation, put func(...model.Record)) {
	if !op.Active() || op.Job != "" {
		return
	}
	of := string(instance)
	if resource != "" {
		of = string(resource)
	}
	j := model.Job{
		ID: model.ID("01K9JB" + of[6:]), Kind: op.Kind, Instance: instance, Resource: resource, Step: "order", StepStarted: true,
		Actor: "anna", Via: "terminal", Cause: journal.CauseRequested, Created: op.Since, Attempt: max(op.Attempt, 1), Next: op.Next,
		Error: op.Error, WaitFor: op.WaitFor, Version: 1,
	}
	op.Job = j.ID
	switch op.Kind {
	case model.JobIssue, model.JobReissue, model.JobRenew:
		key := key(of)
		key.ID, key.Instance = model.ID("01K9KY"+of[6:]), instance
		j.KeyID = key.ID
		put(key)
	default:
		j.Step = string(op.Kind)
	}
	switch op.WaitFor.Code() {
	case "":
	case model.AwaitReviewer:
		j.Step = "review"
	default:
		j.Step, j.IssuerRef = "wait", "ref-"+string(j.ID)
	}
	put(&j)
}

// setUpPorts makes the products present what the resources say, and the CAs know the
// pending orders.
func (w *World) setUpPorts() {
	w.t.Helper()
	for _, r := range w.Places {
		pl := ports.Target{Region: r.Region, Name: r.Name}
		n := slices.IndexFunc(w.Wares, func(p lifecycle.NamedProduct) bool { return p.Name == r.Product })
		if n < 0 {
			continue
		}
		p := w.Product(r.Product)
		p.Where[pl] = r.Address
		if c := certificates.of(r.Presented); c != nil {
			p.Put(pl, ports.KeyPair{Fingerprint: r.Presented, Chain: c.chain})
		}
	}
	for _, i := range w.Instances {
		ca := w.CAs[i.Spec.Brand]
		if code := i.Operation.WaitFor.Code(); ca == nil || code == "" || code == model.AwaitReviewer {
			continue
		}
		key := string(i.Operation.Job)
		ca.Orders[key] = &ports.Order{
			Ref: "ref-" + key, Status: ports.OrderPending, WaitFor: i.Operation.WaitFor, Proofs: i.Proofs,
		}
	}
}

// order returns an order with its ledger entries.
func (w *World) order(o *model.Order) (all []model.Record) {
	all = append(all, o)
	for n, l := range o.Lines {
		all = append(all, entry(fmt.Sprintf("purchase/%s/%d", o.ID, n), o, &l, "budget", "certificates", l.Amount))
	}
	if back := w.Refunds[o.ID]; back != 0 {
		all = append(all, entry(fmt.Sprintf("refund/%s/0", o.ID), o, &o.Lines[0], "certificates", "budget", back))
	}
	return all
}

func entry(id string, o *model.Order, l *model.OrderLine, from, to string, amount int64) *model.Entry {
	return &model.Entry{ID: id, At: o.At, Order: o.ID, Instance: l.Instance, Postings: []model.Posting{
		{Account: from, Unit: l.Currency, Amount: -amount}, {Account: to, Unit: l.Currency, Amount: amount},
	}}
}

// units returns the ledger entry that supplies the units of packs: the sum of
// available, reserved and used ones.
func units(b ledger.Balance) []model.Record {
	unit := b.Kind
	if s := b.Specification; s != nil {
		unit = strings.Join([]string{b.Kind, string(s.Level), string(s.Type), s.Brand, string(s.Grade)}, "/")
	}
	return []model.Record{&model.Entry{ID: "supply/" + unit, Postings: []model.Posting{
		{Account: "pack supply", Unit: unit, Amount: -int64(b.Available + b.Reserved + b.Used)},
		{Account: "pack available", Unit: unit, Amount: int64(b.Available)},
		{Account: "pack reserved", Unit: unit, Amount: int64(b.Reserved)}, {Account: "pack used", Unit: unit, Amount: int64(b.Used)},
	}}}
}

// accounts stores the sums of the ledger's accounts.
func accounts(tx model.Tx) error {
	sums := map[model.Account]int64{}
	for en, err := range model.All[model.Entry](tx, model.Scan{}) {
		if err != nil {
			return err
		}
		for _, p := range en.Postings {
			sums[model.Account{Name: p.Account, Unit: p.Unit}] += p.Amount
		}
	}
	for a, sum := range sums {
		a.Sum = sum
		if err := tx.Put(&a); err != nil {
			return err
		}
	}
	return nil
}
