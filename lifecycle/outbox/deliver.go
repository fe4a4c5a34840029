package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const (
	// maxIdle is the longest pause between rounds of delivery.
	maxIdle = 10 * time.Minute
	// maxSenders bounds how many channels are served concurrently.
	maxSenders = 16
	// maxConsecutiveFailures is the number of failures after which a channel is
	// not called again in this round.
	maxConsecutiveFailures = 3
	// retention is how long delivered notices are kept, and how long delivery of
	// others is retried.
	retention = 90 * rules.Day
	// batchSize bounds what one query reads and one transaction deletes.
	batchSize = 100
)

// Run delivers notices until the engine closes. It waits for no job, and no job
// waits for it.
func (o *Outbox) Run() {
	var planned, wrote, read, found journal.LogFilter
	if err := o.journal.Guard("outbox.plan", o.replanExpiryNotices); planned.IsNew(o.ctx, err) {
		o.journal.Log.Error("the days before expiry could not be planned", "error", err)
	}
	for {
		if err := errors.Join(
			o.journal.Guard("outbox.expiry", o.noticeExpiries), o.journal.Guard("outbox.prune", o.pruneNotices),
		); wrote.IsNew(o.ctx, err) {
			o.journal.Log.Error("notices could not be written", "error", err)
		}
		if err := o.journal.Guard("outbox", func() error { _, err := o.deliverDue(); return err }); read.IsNew(o.ctx, err) {
			o.journal.Log.Error("notices could not be read", "error", err)
		}
		wait := maxIdle
		err := o.journal.Guard("outbox.next", func() error {
			at, err := o.Next(o.journal.Now())
			if !at.IsZero() {
				wait = min(wait, max(at.Sub(o.journal.Now()), 100*time.Millisecond))
			}
			return err
		})
		if found.IsNew(o.ctx, err) {
			o.journal.Log.Error("the next notice could not be found", "error", err)
		}
		select {
		case <-o.ctx.Done():
			return
		case <-o.wake:
		case <-o.journal.Clock.After(wait):
		}
	}
}

// DeliverNow attempts to deliver the due notices and waits for that.
func (o *Outbox) DeliverNow(ctx context.Context) error {
	if o.notifier == nil {
		return nil
	}
	if err := errors.Join(o.noticeExpiries(), o.pruneNotices()); err != nil {
		return err
	}
	working, err := o.deliverDue()
	for _, done := range working {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// queueHeads returns the next notice of each channel, without unreadable ones.
func (o *Outbox) queueHeads() (heads []model.Notice, err error) {
	bad := o.journal.CollectUnreadable(model.KindNotice)
	defer bad.Report()
	err = o.journal.Store.View(func(r model.Reader) error {
		for from := ""; ; {
			found := false
			err := journal.EachReadable(r, model.Scan{Index: "queue", From: from, Limit: 1}, bad.Add, func(n *model.Notice) bool {
				heads, found = append(heads, *n), true
				from = n.Channel + "!" // past the blank that ends a channel's part of the key
				return true
			})
			if err != nil || !found {
				return err
			}
		}
	})
	return heads, err
}

// Next returns the time after now of the next delivery or notice of expiry; zero
// for never.
func (o *Outbox) Next(now time.Time) (next time.Time, err error) {
	if o.notifier == nil {
		return next, nil
	}
	soonest := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	heads, err := o.queueHeads()
	if err != nil {
		return next, model.Fail("error.read-due", "cause", err)
	}
	for n := range heads {
		soonest(heads[n].Next)
	}
	bad := o.journal.CollectUnreadable(model.KindInstance)
	defer bad.Report()
	err = o.journal.Store.View(func(r model.Reader) error {
		return journal.EachReadable(
			r,
			model.Scan{Index: "tell", From: model.TimeKey(now), Limit: 2},
			bad.Add,
			func(i *model.Instance) bool {
				soonest(i.NextExpiryNotice)
				return true
			},
		)
	})
	if err != nil {
		return next, model.Fail("error.read-due", "cause", err)
	}
	return next, nil
}

// deliverDue starts delivery on every channel with a due notice. It returns, for
// each busy channel, a channel that is closed when it is idle again; a notice
// being sent is no longer due.
func (o *Outbox) deliverDue() (working []<-chan struct{}, err error) {
	now := o.journal.Now()
	heads, err := o.queueHeads()
	if err != nil {
		return nil, err
	}
	for n := range heads {
		if heads[n].Next.After(now) {
			continue
		}
		channel := heads[n].Channel
		o.mu.Lock()
		done, busy := o.busy[channel]
		if !busy {
			done = make(chan struct{})
			o.busy[channel] = done
		}
		o.mu.Unlock()
		if busy {
			continue
		}
		rest := func() {
			o.mu.Lock()
			delete(o.busy, channel)
			o.mu.Unlock()
			close(done)
		}
		if !o.spawn(func() {
			defer rest()
			var err error
			select {
			case o.slots <- struct{}{}:
				err = o.journal.Guard("outbox.channel", func() error { return o.deliverTo(channel) })
				<-o.slots
			case <-o.ctx.Done():
			}
			if err == nil {
				o.Wake()
			} else if o.ctx.Err() == nil {
				// Retried in the next round: an immediate retry would loop while
				// the store accepts no writes.
				o.journal.Log.Error("notices could not be delivered", "error", err)
			}
		}) {
			rest()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, done := range o.busy {
		working = append(working, done)
	}
	return working, nil
}

// deliverTo delivers the due notices of one channel in order. It returns errors
// of the store; those of the channel are recorded in the notices.
func (o *Outbox) deliverTo(channel string) error {
	failures := 0
	for o.ctx.Err() == nil {
		var due []model.Notice
		bad := o.journal.CollectUnreadable(model.KindNotice)
		err := o.journal.Store.View(func(r model.Reader) error {
			page := model.Scan{
				Index:  "queue",
				Prefix: channel + " ",
				To:     channel + " " + model.TimeKey(o.journal.Now()) + "~",
				Limit:  batchSize,
			}
			return journal.EachReadable(r, page, bad.Add, func(n *model.Notice) bool { due = append(due, *n); return true })
		})
		bad.Report()
		if err != nil {
			return rules.ReadError("notices", channel, err)
		}
		if len(due) == 0 {
			return nil
		}
		var last error
		for n := range due {
			tried := failures < maxConsecutiveFailures
			attempt, err := o.beginAttempt(due[n].ID, tried)
			if err != nil {
				return fmt.Errorf("keep what became of notice %s: %w", due[n].ID, err)
			}
			if !attempt {
				continue
			}
			if tried {
				last = o.send(&due[n])
			}
			if o.ctx.Err() != nil {
				o.cancelAttempt(&due[n])
				return nil //nolint:nilerr // it stays due; the next engine sends it
			}
			if failures++; last == nil {
				failures = 0
			}
			if err := o.recordAttempt(due[n].ID, last, tried); err != nil {
				return fmt.Errorf("keep what became of notice %s: %w", due[n].ID, err)
			}
		}
	}
	return nil
}

// send makes one attempt to deliver a notice.
func (o *Outbox) send(n *model.Notice) error {
	if o.policy.DryRun {
		return nil
	}
	var to string
	err := o.journal.Store.View(func(r model.Reader) (err error) {
		to, err = channelOf(r, n)
		return err
	})
	if err != nil {
		return rules.ReadError("channel", n.Channel, err)
	}
	ctx, cancel := context.WithTimeout(o.ctx, sendTimeout)
	defer cancel()
	return o.notifier.Send(
		ctx, to,
		ports.Message{ID: n.ID, Kind: n.Kind, At: n.At, Instance: n.Instance, Name: n.Name, Subject: n.Subject, Text: n.Text},
	)
}

// channelOf returns the complete URL that a notice goes to: without a contact it is
// the applicant's address.
func channelOf(r model.Reader, n *model.Notice) (string, error) {
	if n.Contact != "" {
		return directory.ChannelURL(r, n.Contact, n.Channel)
	}
	i, err := model.Get[model.Instance](r, string(n.Instance))
	if err == nil && i.Application.Email == "" {
		err = model.ErrNotFound
	}
	return directory.Mailto(i.Application.Email), err
}

// beginAttempt counts an attempt before it is made and schedules the next as if
// this one failed, so that a process that dies in the call does not repeat it at
// its next start. It reports whether to make the attempt: not if the notice is
// gone, or is set aside because the process died in it too often. Without calls
// nothing can crash, and only the attempt counts.
func (o *Outbox) beginAttempt(id model.ID, calls bool) (attempt bool, err error) {
	err = o.journal.Update(o.ctx, func(tx model.Tx) error {
		n, err := model.Get[model.Notice](tx, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return nil // pruned meanwhile
		}
		if err != nil {
			return err
		}
		if _, most := rules.CrashLimits(o.crashed); n.Crashes >= most {
			return o.setAside(tx, &n, model.TextOf(journal.ErrProcessDied))
		}
		attempt = true
		n.Attempt++
		if calls {
			n.Crashes++
		}
		n.Next = o.journal.Now().Add(rules.RetryAfter(n.Attempt, 0))
		return tx.Put(&n)
	})
	return attempt && err == nil, err
}

// cancelAttempt takes back an attempt that was interrupted because the engine
// closes.
func (o *Outbox) cancelAttempt(was *model.Notice) {
	err := o.journal.Store.Update(context.WithoutCancel(o.ctx), func(tx model.Tx) error {
		n, err := model.Get[model.Notice](tx, string(was.ID))
		if err != nil || !n.Open() {
			return err
		}
		n.Attempt, n.Next, n.Crashes = was.Attempt, was.Next, was.Crashes
		return tx.Put(&n)
	})
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		o.journal.Log.Warn("that a notice was not sent could not be kept; it is sent later", "notice", was.ID, "error", err)
	}
}

// setAside suspends a notice until a person retries it, and raises a task for its
// channel.
func (o *Outbox) setAside(tx model.Tx, n *model.Notice, why model.Text) error {
	n.Next, n.Error = model.Never, why
	if err := tx.Put(n); err != nil {
		return err
	}
	return o.journal.RaiseRetryTask(
		tx,
		&model.Task{Channel: n.Channel, Text: model.Say("todo.retry-notices", "to", n.To, "times", n.Crashes), Detail: n.Error},
	)
}

// recordAttempt records the result of an attempt, or of one that was skipped
// since the previous ones failed. The first failure is logged, and so is the
// success after it.
func (o *Outbox) recordAttempt(id model.ID, cause error, tried bool) error {
	err := o.journal.Update(o.ctx, func(tx model.Tx) error {
		n, err := model.Get[model.Notice](tx, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return nil // pruned meanwhile
		}
		if err != nil {
			return err
		}
		now := o.journal.Now()
		if tried && !errors.As(cause, new(*ports.Fault)) {
			n.Crashes = 0
		}
		ev := o.journal.Event(model.Scheduler, actionNotify, nil)
		ev.Instance, ev.Resource, ev.Name, ev.Detail = n.Instance, n.Resource, n.Name, model.Say("log.notice", "kind", n.Kind, "to", n.To)
		log, why := false, model.TextOf(cause).By("receiver")
		switch {
		case cause == nil:
			if err := o.followChannel(tx, &n, false); err != nil {
				return err
			}
			n.Done, n.Outcome, n.Error = now, model.NoticeDelivered, ""
			if o.policy.DryRun {
				n.Outcome = model.NoticeWithheld
			}
			log = n.Attempt > 1
		case errors.Is(cause, model.ErrNotFound):
			n.Done, n.Outcome, n.Error = now, model.NoticeGone, why
		case now.Sub(n.At) > retention:
			n.Done, n.Outcome, n.Error = now, model.NoticeGivenUp, why
			ev.Result, ev.Reason, log = journal.ResultFailed, model.Say("log.given-up", "cause", why), true
		case n.Crashes >= rules.MaxCrashes && errors.As(cause, new(*ports.Fault)):
			return o.setAside(tx, &n, why)
		default:
			n.Error, n.Next = why, now.Add(rules.RetryAfter(n.Attempt, 0))
			if n.Attempt >= rules.FailingAttempts {
				if err := o.followChannel(tx, &n, true); err != nil {
					return err
				}
			}
			ev.Result, ev.Reason, ev.SuppressNotice, log = journal.ResultFailed, n.Error, n.Attempt > 1, n.Attempt == 1
		}
		if err := tx.Put(&n); err != nil || !log {
			return err
		}
		return tx.Append(ev)
	})
	if err == nil && tried && cause != nil {
		o.journal.NoticeFailed()
	}
	return err
}

// followChannel raises or updates the task about the channel of a notice that keeps
// failing, or closes it once a notice is delivered (spec D9).
func (o *Outbox) followChannel(tx model.Tx, n *model.Notice, failing bool) error {
	var want []model.Task
	if failing {
		want = append(want, model.Task{
			Kind: model.TaskChannel, About: n.Channel, Text: model.Say("todo.channel", "to", n.To),
			Detail: model.Texts(n.Error, model.Say("todo.again", "at", n.Next)),
		})
	}
	mine := func(t *model.Task) bool { return t.Kind == model.TaskChannel && t.About == n.Channel }
	_, err := o.journal.FollowState(tx, journal.AboutCertquay, mine, want)
	return err
}

// pruneNotices deletes notices that ended before the retention period, a batch at
// a time.
func (o *Outbox) pruneNotices() error {
	before := model.TimeKey(o.journal.Now().Add(-retention))
	var old []model.ID
	err := o.journal.Store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindNotice, Index: "done", To: before, Limit: batchSize}) {
			if err != nil {
				return err
			}
			old = append(old, model.ID(key))
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return o.journal.Store.Update(o.ctx, func(tx model.Tx) error {
		for _, id := range old {
			if err := tx.Delete(&model.Notice{ID: id}); err != nil {
				return err
			}
		}
		return nil
	})
}

// NoticeFilter narrows the list of notices; its fields combine.
type NoticeFilter struct {
	Instance model.ID
	Open     bool // only those still to be delivered
	Failed   bool // only those of which an attempt failed: waiting, suspended or given up
	Limit    int  // 0 for all
}

// Flush attempts to deliver the due notices and waits for that until ctx ends.
// Notices that are not delivered stay queued.
func (o *Outbox) Flush(ctx context.Context) {
	if err := o.DeliverNow(ctx); err != nil && ctx.Err() == nil {
		o.journal.Log.Warn("what is due could not all be told", "error", err)
	}
}
