package outbox

import (
	"context"
	"errors"
	"slices"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Retry makes all notices that are not delivered due now and returns their number.
func (o *Outbox) Retry(ctx context.Context, actor model.Actor) (n int, err error) {
	var waiting []model.ID
	err = o.journal.Store.View(func(r model.Reader) error {
		for w, err := range model.All[model.Notice](r, model.Scan{Index: "queue"}) {
			if err != nil {
				return err
			}
			if w.Next.After(o.journal.Now()) {
				waiting = append(waiting, w.ID)
			}
		}
		return nil
	})
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	defer o.Wake()
	for some := range slices.Chunk(waiting, batchSize) {
		err := o.journal.Update(ctx, func(tx model.Tx) error {
			for _, id := range some {
				w, err := model.Get[model.Notice](tx, string(id))
				if errors.Is(err, model.ErrNotFound) || err == nil && !w.Open() {
					continue // pruned or delivered meanwhile
				}
				if err != nil {
					return err
				}
				rules.RetryNotice(&w, o.journal.Now())
				if err := tx.Put(&w); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(some)
	}
	return n, o.journal.Update(ctx, func(tx model.Tx) error {
		ev := o.journal.Event(actor, "retry", nil)
		ev.Detail = model.Say("log.retried-notices", "n", n)
		return tx.Append(ev)
	})
}

// Notices lists notices, the newest first.
func (o *Outbox) Notices(f NoticeFilter) (all []model.Notice, err error) {
	s := model.Scan{Reverse: true}
	if f.Instance != "" {
		s.Index, s.Prefix = "instance", string(f.Instance)+"/"
	}
	err = o.journal.Store.View(func(r model.Reader) error {
		for n, err := range model.All[model.Notice](r, s) {
			if err != nil {
				return err
			}
			if f.Open && !n.Open() || f.Failed && !n.Failed() {
				continue
			}
			if all = append(all, n); len(all) == f.Limit {
				return nil
			}
		}
		return nil
	})
	return all, err
}

// OpenNotices returns the number of notices that are not delivered yet.
func (o *Outbox) OpenNotices() (n int, err error) {
	err = o.journal.Store.View(func(r model.Reader) error {
		n, err = r.Count(model.OpenNotices)
		return err
	})
	return n, err
}
