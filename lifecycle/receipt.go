package lifecycle

import (
	"context"
	"errors"
	"strings"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// maxReceipts is how many receipts are kept of a resource.
const maxReceipts = 20

// newReceipt begins the receipt of a deployment (spec P10): what the product says it will
// change, and what is configured before.
func (w *worker) newReceipt(ctx context.Context, j *model.Job, s *deployTarget, now ports.Binding, pair ports.KeyPair) model.Receipt {
	r := model.Receipt{
		Job: j.ID, Resource: j.Resource, Instance: j.Instance,
		Product: s.res.Product, Region: s.res.Region, Name: s.res.Name,
		Version: j.Version, Actor: j.Actor, Via: j.Via, Cause: j.Cause, Began: w.Now(), Before: now.Fingerprint,
	}
	p, plans := ports.Part[ports.Planner](s.product)
	if !plans {
		return r
	}
	plan, err := p.Plan(ctx, s.place, pair)
	if err != nil { // deploying says what is wrong
		w.log.Warn("a product could not say what a deployment changes", "resource", j.Resource, "error", err)
	}
	for _, c := range plan.Changes {
		r.Changes = append(r.Changes, model.PlannedChange{Kind: string(c.Kind), Subject: c.Subject, Before: c.Before, After: c.After})
	}
	return r
}

// endReceipt completes the receipt of a job, to which its event leads, and forgets the oldest
// of its resource. A reason says that it failed.
func (w *worker) endReceipt(tx model.Tx, j *model.Job, at *model.Resource, ev *model.Event, reason model.Text) error {
	r, err := model.Get[model.Receipt](tx, model.ReceiptKey(j.Resource, j.ID))
	if err != nil {
		if errors.Is(err, model.ErrNotFound) { // a job of an earlier version
			return nil
		}
		return err
	}
	r.Ended, r.Address, r.ReadBack, r.Seen, r.Result, r.Reason = w.Now(), at.Address, at.ReadBack, at.Seen, journal.ResultOK, reason
	r.After = at.Configured
	if reason != "" {
		r.Result = journal.ResultFailed
	}
	if j.Rollout != "" {
		o, err := model.Get[model.Rollout](tx, string(j.Rollout))
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return err
		}
		if err == nil {
			r.Wave, r.Waves = j.Wave+1, o.Waves()
		}
	}
	if err := tx.Put(&r); err != nil {
		return err
	}
	ev.Receipt = r.Job
	var keys []string
	for key, err := range tx.Keys(model.Scan{Kind: model.KindReceipt, Prefix: model.ReceiptKey(j.Resource, "")}) {
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	for n := 0; n < len(keys)-maxReceipts; n++ {
		old, err := model.Get[model.Receipt](tx, keys[n])
		if err != nil {
			return err
		}
		if err := tx.Delete(&old); err != nil {
			return err
		}
	}
	return nil
}

// receipt is [Access.Receipt].
func (rd *reader) receipt(typed string) (found model.Receipt, err error) {
	var keys []string
	err = rd.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindReceipt}) {
			if err != nil {
				return err
			}
			_, job, _ := strings.Cut(key, "/")
			if strings.EqualFold(job, typed) || model.ID(job).HasTail(typed) {
				keys = append(keys, key)
			}
		}
		switch len(keys) {
		case 0:
			return &rules.NotFound{What: "receipt", Name: typed}
		case 1:
			found, err = model.Get[model.Receipt](r, keys[0])
			return err
		}
		a := &rules.Ambiguous{Name: typed}
		for _, key := range keys {
			_, job, _ := strings.Cut(key, "/")
			a.Candidates = append(a.Candidates, job)
		}
		return a
	})
	return found, err
}

// ReceiptFilter selects receipts: those of a resource, or else those of an instance.
type ReceiptFilter struct {
	Resource, Instance model.ID
	Limit              int // 0 means all
}

// receipts is [Access.Receipts].
func (rd *reader) receipts(f ReceiptFilter) (all []model.Receipt, err error) {
	scan := model.Scan{Kind: model.KindReceipt, Prefix: model.ReceiptKey(f.Resource, ""), Reverse: true, Limit: f.Limit}
	if f.Resource == "" {
		scan.Index, scan.Prefix = "instance", string(f.Instance)+"/"
	}
	err = rd.store.View(func(r model.Reader) error {
		for got, err := range model.All[model.Receipt](r, scan) {
			if err != nil {
				return err
			}
			all = append(all, got)
		}
		return nil
	})
	return all, err
}
