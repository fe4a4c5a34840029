package outbox

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// leadTimes returns the times before the expiry of a version at which notices are
// sent, the longest first (spec N1).
func (o *Outbox) leadTimes(v *model.Version) []time.Duration {
	if d := v.Validity(); d < 90*rules.Day {
		return []time.Duration{d / 3, d / 6, d / 12}
	}
	ls := slices.Clone(o.policy.LeadTimes)
	slices.SortFunc(ls, func(a, b time.Duration) int { return int(b/time.Second - a/time.Second) })
	return ls
}

// NextExpiryNotice returns the time of the next notice of expiry of the current
// version: the first lead time that was not handled and at which the instance
// will be expiring (spec T6) unless something changes. Zero for never, and for what
// is replaced. Times before certquay got the certificate do not count.
func (o *Outbox) NextExpiryNotice(i *model.Instance) time.Time {
	v := i.Current()
	if v == nil || i.State.Group() != model.GroupIssued || i.Deleted || i.Replaced {
		return time.Time{}
	}
	told := v.Issued
	if i.LastNoticeVersion == v.Number && i.LastExpiryNotice.After(told) {
		told = i.LastExpiryNotice
	}
	row := i.Row()
	from := row.ExpiringFrom()
	for _, lead := range o.leadTimes(v) {
		if at := v.NotAfter.Add(-lead); at.After(told) && !at.Before(from) {
			return at
		}
	}
	return time.Time{}
}

// noticeExpiries handles all due notices of expiry. If several lead times of an
// instance have passed only the latest counts.
func (o *Outbox) noticeExpiries() error {
	for {
		now := o.journal.Now()
		var ids []model.ID
		err := o.journal.Store.View(func(r model.Reader) error {
			for key, err := range r.Keys(model.Scan{Kind: model.KindInstance, Index: "tell", To: model.TimeKey(now) + "~"}) {
				if err != nil {
					return err
				}
				if id := model.ID(key); !o.journal.IsUnreadable(model.KindInstance, id) {
					ids = append(ids, id)
				}
				if len(ids) == batchSize {
					break
				}
			}
			return nil
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		// One transaction each: a hundred instances of many versions are more
		// than one can hold.
		var errs []error
		for _, id := range ids {
			if err := o.journal.CheckInstance(id); err != nil {
				continue // already reported
			}
			if err := o.journal.Update(o.ctx, func(tx model.Tx) error { return o.noticeExpiry(tx, id, now) }); err != nil {
				errs = append(errs, model.Fail("error.do-due", "id", id, "cause", err))
			}
		}
		if errs != nil {
			return errors.Join(errs...)
		}
	}
}

// noticeExpiry handles the lead times of one instance up to now and thereby moves
// it on in the index, whether or not it produces a notice.
func (o *Outbox) noticeExpiry(tx model.Tx, id model.ID, now time.Time) error {
	i, err := model.Get[model.Instance](tx, string(id))
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v := i.Current()
	if v == nil || i.NextExpiryNotice.IsZero() || i.NextExpiryNotice.After(now.Add(time.Millisecond)) {
		return o.save(tx, &i) // changed meanwhile
	}
	latest := i.NextExpiryNotice
	for _, lead := range o.leadTimes(v) {
		if at := v.NotAfter.Add(-lead); at.After(latest) && !at.After(now) {
			latest = at
		}
	}
	i.LastExpiryNotice, i.LastNoticeVersion = latest, v.Number
	row := i.Row()
	if row.Has(model.Expired, now) || row.Has(model.Expiring, now) {
		ev := o.journal.Event(model.Scheduler, actionExpiry, &i)
		ev.Detail = model.Say("log.expires", "in", inDays(v.NotAfter.Sub(now)), "at", v.NotAfter)
		if row.Has(model.Expired, now) {
			ev.Detail = model.Say("log.expired", "at", v.NotAfter)
		}
		if err := tx.Append(ev); err != nil {
			return err
		}
	}
	return o.save(tx, &i)
}

// inDays expresses a duration in days, or in hours below two days.
func inDays(d time.Duration) model.Text {
	if d = d.Round(time.Hour); d < 48*time.Hour {
		return model.Say("span.hours", "n", int(d.Hours()))
	}
	return model.Say("span.days", "n", int((d+12*time.Hour).Hours()/24))
}

// replanExpiryNotices computes the next notices of instances that were stored
// under other lead times than those configured now, or by a version without
// notices.
func (o *Outbox) replanExpiryNotices() error {
	plan := fmt.Sprint(o.policy.LeadTimes)
	cell := model.KV{Namespace: "notify", Name: "plan"}
	var ids []model.ID
	err := o.journal.Store.View(func(r model.Reader) error {
		err := r.Get(&cell)
		if err != nil && !errors.Is(err, model.ErrNotFound) || string(cell.Data) == plan {
			return err
		}
		for key, err := range r.Keys(model.Scan{Kind: model.KindInstance, Index: "window"}) {
			if err != nil {
				return err
			}
			ids = append(ids, model.ID(key))
		}
		return nil
	})
	if err != nil || string(cell.Data) == plan {
		return err
	}
	for _, id := range ids {
		if o.journal.CheckInstance(id) != nil {
			continue // already reported
		}
		err := o.journal.Update(o.ctx, func(tx model.Tx) error {
			i, err := model.Get[model.Instance](tx, string(id))
			if errors.Is(err, model.ErrNotFound) {
				return nil
			}
			if err != nil || o.NextExpiryNotice(&i).Equal(i.NextExpiryNotice) {
				return err
			}
			return o.save(tx, &i)
		})
		if err != nil {
			return err
		}
	}
	return o.journal.Store.Update(o.ctx, func(tx model.Tx) error {
		return tx.Put(&model.KV{Namespace: cell.Namespace, Name: cell.Name, Data: []byte(plan)})
	})
}
