package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const (
	// senders bounds how many channels are delivered to at once.
	senders = 16
	// failuresInARow is after how many a channel is left alone until the next
	// attempt of each notice is due.
	failuresInARow = 3
	// keepNotices is how long a notice is kept that was delivered, and how long
	// one is tried that cannot be.
	keepNotices = 90 * rules.Day
	// pageOfNotices bounds what one look reads and one transaction deletes.
	pageOfNotices = 100
)

// courier delivers notices, each channel by itself, so that one that does not
// answer delays no other.
type courier struct {
	wake  chan struct{}
	slots chan struct{}
	mu    sync.Mutex
	busy  map[string]chan struct{} // by channel; closed when it is at rest
}

func newCourier() courier {
	return courier{wake: make(chan struct{}, 1), slots: make(chan struct{}, senders), busy: map[string]chan struct{}{}}
}

func (c *courier) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// deliverAll tells whom there is to tell until the engine closes. A job failing
// or waiting elsewhere does not hold it up, and it holds up none.
func (e *Engine) deliverAll() {
	var planned, wrote, read, found grumble
	if err := e.guard("courier.plan", e.planTelling); planned.fresh(e, err) {
		e.log.Error("the days before expiry could not be planned", "error", err)
	}
	for {
		if err := errors.Join(e.guard("courier.expiry", e.tellExpiry), e.guard("courier.prune", e.pruneNotices)); wrote.fresh(e, err) {
			e.log.Error("notices could not be written", "error", err)
		}
		if err := e.guard("courier", func() error { _, err := e.deliverDue(); return err }); read.fresh(e, err) {
			e.log.Error("notices could not be read", "error", err)
		}
		wait := resumeEvery
		err := e.guard("courier.next", func() error {
			at, err := e.nextNotice(e.Now())
			if !at.IsZero() {
				wait = min(wait, max(at.Sub(e.Now()), 100*time.Millisecond))
			}
			return err
		})
		if found.fresh(e, err) {
			e.log.Error("the next notice could not be found", "error", err)
		}
		select {
		case <-e.ctx.Done():
			return
		case <-e.courier.wake:
		case <-e.clock.After(wait):
		}
	}
}

// tellAll tells what there is to tell now and waits until it was attempted.
func (e *Engine) tellAll(ctx context.Context) error {
	if e.notifier == nil {
		return nil
	}
	if err := errors.Join(e.tellExpiry(), e.pruneNotices()); err != nil {
		return err
	}
	working, err := e.deliverDue()
	for _, done := range working {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// queueHeads are the notices that are next on each channel. One that cannot be
// read counts as not there.
func (e *Engine) queueHeads() (heads []model.Notice, err error) {
	bad := e.later(model.KindNotice)
	defer bad.tell()
	err = e.store.View(func(r model.Reader) error {
		for from := ""; ; {
			found := false
			err := readable(r, model.Scan{Index: "queue", From: from, Limit: 1}, bad.add, func(n *model.Notice) bool {
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

// nextNotice is when there is something to deliver or somebody to tell of an
// expiry next, after now; zero for never.
func (e *Engine) nextNotice(now time.Time) (next time.Time, err error) {
	if e.notifier == nil {
		return next, nil
	}
	soonest := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	heads, err := e.queueHeads()
	if err != nil {
		return next, model.Fail("error.read-due", "cause", err)
	}
	for n := range heads {
		soonest(heads[n].Next)
	}
	bad := e.later(model.KindInstance)
	defer bad.tell()
	err = e.store.View(func(r model.Reader) error {
		return readable(r, model.Scan{Index: "tell", From: model.TimeKey(now), Limit: 2}, bad.add, func(i *model.Instance) bool {
			soonest(i.NextExpiryNotice)
			return true
		})
	})
	if err != nil {
		return next, model.Fail("error.read-due", "cause", err)
	}
	return next, nil
}

// deliverDue starts delivery on every channel that has something due, and
// returns, for each channel at work, what is closed when it is at rest again:
// what is being sent just now is not due any more.
func (e *Engine) deliverDue() (working []<-chan struct{}, err error) {
	now := e.Now()
	heads, err := e.queueHeads()
	if err != nil {
		return nil, err
	}
	for n := range heads {
		if heads[n].Next.After(now) {
			continue
		}
		channel := heads[n].Channel
		e.courier.mu.Lock()
		done, busy := e.courier.busy[channel]
		if !busy {
			done = make(chan struct{})
			e.courier.busy[channel] = done
		}
		e.courier.mu.Unlock()
		if busy {
			continue
		}
		rest := func() {
			e.courier.mu.Lock()
			delete(e.courier.busy, channel)
			e.courier.mu.Unlock()
			close(done)
		}
		if !e.spawn(func() {
			defer rest()
			var err error
			select {
			case e.courier.slots <- struct{}{}:
				err = e.guard("courier.channel", func() error { return e.deliverTo(channel) })
				<-e.courier.slots
			case <-e.ctx.Done():
			}
			if err == nil {
				e.courier.nudge()
			} else if e.ctx.Err() == nil {
				// Attempted again with the next look: at once would be without
				// end while the store takes nothing.
				e.log.Error("notices could not be delivered", "error", err)
			}
		}) {
			rest()
		}
	}
	e.courier.mu.Lock()
	defer e.courier.mu.Unlock()
	for _, done := range e.courier.busy {
		working = append(working, done)
	}
	return working, nil
}

// deliverTo delivers what is due on one channel, in order. Its error is the
// store's; of those of the channel the notices tell.
func (e *Engine) deliverTo(channel string) error {
	failures := 0
	for e.ctx.Err() == nil {
		var due []model.Notice
		bad := e.later(model.KindNotice)
		err := e.store.View(func(r model.Reader) error {
			page := model.Scan{
				Index:  "queue",
				Prefix: channel + " ",
				To:     channel + " " + model.TimeKey(e.Now()) + "~",
				Limit:  pageOfNotices,
			}
			return readable(r, page, bad.add, func(n *model.Notice) bool { due = append(due, *n); return true })
		})
		bad.tell()
		if err != nil {
			return rules.CannotRead("notices", channel, err)
		}
		if len(due) == 0 {
			return nil
		}
		var last error
		for n := range due {
			tried := failures < failuresInARow
			attempt, err := e.noteAttempt(due[n].ID, tried)
			if err != nil {
				return fmt.Errorf("keep what became of notice %s: %w", due[n].ID, err)
			}
			if !attempt {
				continue
			}
			if tried {
				last = e.send(&due[n])
			}
			if e.ctx.Err() != nil {
				e.notSent(&due[n])
				return nil // it stays due; the next engine sends it
			}
			if failures++; last == nil {
				failures = 0
			}
			if err := e.noteSent(due[n].ID, last, tried); err != nil {
				return fmt.Errorf("keep what became of notice %s: %w", due[n].ID, err)
			}
		}
	}
	return nil
}

// send makes one attempt.
func (e *Engine) send(n *model.Notice) error {
	if e.policy.Notify.Withhold {
		return nil
	}
	var to string
	err := e.store.View(func(r model.Reader) (err error) {
		to, err = channelURL(r, n.Contact, n.Channel)
		return err
	})
	if err != nil {
		return rules.CannotRead("channel", n.Channel, err)
	}
	ctx, cancel := context.WithTimeout(e.ctx, sendTimeout)
	defer cancel()
	return e.notifier.Send(
		ctx,
		to,
		ports.Message{ID: n.ID, Kind: n.Kind, At: n.At, Instance: n.Instance, Name: n.Name, Subject: n.Subject, Text: n.Text},
	)
}

// noteAttempt counts an attempt before it is made, and lets the next be due when
// it would be had this one failed: a process that dies in the call does not send
// again at its next start. It says whether the attempt is to be made: not where
// the notice is gone, or is set aside since the process died too often in it.
// Without calls nothing can die, and only the attempt counts.
func (e *Engine) noteAttempt(id model.ID, calls bool) (attempt bool, err error) {
	err = e.update(e.ctx, func(tx model.Tx) error {
		n, err := model.Get[model.Notice](tx, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return nil // pruned meanwhile
		}
		if err != nil {
			return err
		}
		if _, most := e.patience(); n.Crashes >= most {
			return e.noticeAside(tx, &n, model.TextOf(errDied))
		}
		attempt = true
		n.Attempt++
		if calls {
			n.Crashes++
		}
		n.Next = e.Now().Add(rules.RetryAfter(n.Attempt, 0))
		return tx.Put(&n)
	})
	return attempt && err == nil, err
}

// notSent takes an attempt back that was cut off because the engine ends.
func (e *Engine) notSent(was *model.Notice) {
	err := e.store.Update(context.WithoutCancel(e.ctx), func(tx model.Tx) error {
		n, err := model.Get[model.Notice](tx, string(was.ID))
		if err != nil || !n.Open() {
			return err
		}
		n.Attempt, n.Next, n.Crashes = was.Attempt, was.Next, was.Crashes
		return tx.Put(&n)
	})
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		e.log.Warn("that a notice was not sent could not be kept; it is sent later", "notice", was.ID, "error", err)
	}
}

// noticeAside leaves a notice unsent until a person wants it tried again, and
// asks for one, once a channel.
func (e *Engine) noticeAside(tx model.Tx, n *model.Notice, why model.Text) error {
	n.Next, n.Error = model.Never, why
	if err := tx.Put(n); err != nil {
		return err
	}
	return e.askToRetry(
		tx,
		&model.Task{Channel: n.Channel, Text: model.Say("todo.retry-notices", "to", n.To, "times", n.Crashes), Detail: n.Error},
	)
}

// noteSent records what became of an attempt, or of one that was left out since
// those before it had failed. The first that fails stands in the activity log,
// and so does the one that then succeeds.
func (e *Engine) noteSent(id model.ID, cause error, tried bool) error {
	return e.update(e.ctx, func(tx model.Tx) error {
		n, err := model.Get[model.Notice](tx, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return nil // pruned meanwhile
		}
		if err != nil {
			return err
		}
		now := e.Now()
		if tried && !errors.As(cause, new(*ports.Fault)) {
			n.Crashes = 0
		}
		ev := e.event(model.Scheduler, actionNotify, nil)
		ev.Instance, ev.Resource, ev.Name, ev.Detail = n.Instance, n.Resource, n.Name, model.Say("log.notice", "kind", n.Kind, "to", n.To)
		log, why := false, said("receiver", cause)
		switch {
		case cause == nil:
			n.Done, n.Outcome, n.Error = now, model.NoticeDelivered, ""
			if e.policy.Notify.Withhold {
				n.Outcome = model.NoticeWithheld
			}
			log = n.Attempt > 1
		case errors.Is(cause, model.ErrNotFound):
			n.Done, n.Outcome, n.Error = now, model.NoticeGone, why
		case now.Sub(n.At) > keepNotices:
			n.Done, n.Outcome, n.Error = now, model.NoticeGivenUp, why
			ev.Result, ev.Reason, log = ResultFailed, model.Say("log.given-up", "cause", why), true
		case n.Crashes >= maxCrashes && errors.As(cause, new(*ports.Fault)):
			return e.noticeAside(tx, &n, why)
		default:
			n.Error, n.Next = why, now.Add(rules.RetryAfter(n.Attempt, 0))
			ev.Result, ev.Reason, ev.SuppressNotice, log = ResultFailed, n.Error, n.Attempt > 1, n.Attempt == 1
		}
		if err := tx.Put(&n); err != nil || !log {
			return err
		}
		return tx.Append(ev)
	})
}

// pruneNotices forgets notices that were done with long ago, a page at a time.
func (e *Engine) pruneNotices() error {
	before := model.TimeKey(e.Now().Add(-keepNotices))
	var old []model.ID
	err := e.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindNotice, Index: "done", To: before, Limit: pageOfNotices}) {
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
	return e.store.Update(e.ctx, func(tx model.Tx) error {
		for _, id := range old {
			if err := tx.Delete(&model.Notice{ID: id}); err != nil {
				return err
			}
		}
		return nil
	})
}

// NoticeFilter narrows the list of notices; what is set combines.
type NoticeFilter struct {
	Instance model.ID
	Open     bool // only those still to be delivered
	Limit    int  // 0 for all
}

// Notices lists notices, the newest first.
func (e *Engine) Notices(f NoticeFilter) (all []model.Notice, err error) {
	s := model.Scan{Reverse: true}
	if f.Instance != "" {
		s.Index, s.Prefix = "instance", string(f.Instance)+"/"
	}
	err = e.store.View(func(r model.Reader) error {
		for n, err := range model.All[model.Notice](r, s) {
			if err != nil {
				return err
			}
			if f.Open && !n.Open() {
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

// OpenNotices counts the notices that are still to be delivered.
func (e *Engine) OpenNotices() (n int, err error) {
	err = e.store.View(func(r model.Reader) error {
		n, err = r.Count(model.OpenNotices)
		return err
	})
	return n, err
}

// Flush attempts what is due now and waits for it until ctx ends. What then
// happens to it is as without.
func (e *Engine) Flush(ctx context.Context) {
	if err := e.tellAll(ctx); err != nil && ctx.Err() == nil {
		e.log.Warn("what is due could not all be told", "error", err)
	}
}
