package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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
	keepNotices = 90 * day
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
	if err := e.planTelling(); err != nil && e.ctx.Err() == nil {
		e.log.Error("the days before expiry could not be planned", "error", err)
	}
	for {
		if err := errors.Join(e.tellExpiry(), e.pruneNotices()); err != nil && e.ctx.Err() == nil {
			e.log.Error("notices could not be written", "error", err)
		}
		if _, err := e.deliverDue(); err != nil && e.ctx.Err() == nil {
			e.log.Error("notices could not be read", "error", err)
		}
		wait := resumeEvery
		err := e.store.View(func(r model.Reader) error {
			at, err := e.nextNotice(r, e.Now())
			if !at.IsZero() {
				wait = min(wait, max(at.Sub(e.Now()), 100*time.Millisecond))
			}
			return err
		})
		if err != nil {
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

// queueHeads are the notices that are next on each channel.
func queueHeads(r model.Reader) (heads []model.Notice, err error) {
	for from := ""; ; {
		found := false
		for n, err := range model.All[model.Notice](r, model.Scan{Index: "queue", From: from, Limit: 1}) {
			if err != nil {
				return nil, err
			}
			heads, found = append(heads, n), true
			from = n.Channel + "!" // past the blank that ends a channel's part of the key
		}
		if !found {
			return heads, nil
		}
	}
}

// nextNotice is when there is something to deliver or somebody to tell of an
// expiry next, after now; zero for never.
func (e *Engine) nextNotice(r model.Reader, now time.Time) (next time.Time, err error) {
	if e.notifier == nil {
		return next, nil
	}
	soonest := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	heads, err := queueHeads(r)
	if err != nil {
		return next, fmt.Errorf("find notices: %w", err)
	}
	for n := range heads {
		soonest(heads[n].Next)
	}
	for i, err := range model.All[model.Instance](r, model.Scan{Index: "tell", From: model.TimeKey(now), Limit: 2}) {
		if err != nil {
			return next, fmt.Errorf("find what expires: %w", err)
		}
		soonest(i.Tell)
	}
	return next, nil
}

// deliverDue starts delivery on every channel that has something due, and
// returns what is closed when a channel is at rest again.
func (e *Engine) deliverDue() (working []<-chan struct{}, err error) {
	now := e.Now()
	var heads []model.Notice
	if err := e.store.View(func(r model.Reader) (err error) {
		heads, err = queueHeads(r)
		return err
	}); err != nil {
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
		working = append(working, done)
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
			var err error
			select {
			case e.courier.slots <- struct{}{}:
				err = e.deliverTo(channel)
				<-e.courier.slots
			case <-e.ctx.Done():
			}
			rest()
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
	return working, nil
}

// deliverTo delivers what is due on one channel, in order. Its error is the
// store's; of those of the channel the notices tell.
func (e *Engine) deliverTo(channel string) error {
	failures := 0
	for e.ctx.Err() == nil {
		var due []model.Notice
		err := e.store.View(func(r model.Reader) error {
			for n, err := range model.All[model.Notice](r, model.Scan{Index: "queue", Prefix: channel + " ", To: channel + " " + model.TimeKey(e.Now()) + "~", Limit: pageOfNotices}) {
				if err != nil {
					return err
				}
				due = append(due, n)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read notices: %w", err)
		}
		if len(due) == 0 {
			return nil
		}
		var last error
		for n := range due {
			if failures < failuresInARow {
				last = e.send(&due[n])
			}
			if e.ctx.Err() != nil {
				return nil // it stays due; the next engine sends it
			}
			if failures++; last == nil {
				failures = 0
			}
			if err := e.noteSent(due[n].ID, last); err != nil {
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
		return fmt.Errorf("read the channel: %w", err)
	}
	ctx, cancel := context.WithTimeout(e.ctx, sendTimeout)
	defer cancel()
	return e.notifier.Send(ctx, to, Message{ID: n.ID, Kind: n.Kind, At: n.At, Instance: n.Instance, Name: n.Name, Subject: n.Subject, Text: n.Text})
}

// noteSent records what became of an attempt. The first that fails stands in
// the activity log, and so does the one that then succeeds.
func (e *Engine) noteSent(id model.ID, cause error) error {
	return e.store.Update(e.ctx, func(tx model.Tx) error {
		n, err := model.Get[model.Notice](tx, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return nil // pruned meanwhile
		}
		if err != nil {
			return err
		}
		now := e.Now()
		n.Attempt++
		ev := e.event(model.Scheduler, actionNotify, nil)
		ev.Instance, ev.Resource, ev.Name, ev.Detail = n.Instance, n.Resource, n.Name, fmt.Sprintf("%s, to %s", n.Kind, n.To)
		log := false
		switch {
		case cause == nil:
			n.Done, n.Outcome, n.Error = now, model.NoticeDelivered, ""
			if e.policy.Notify.Withhold {
				n.Outcome = model.NoticeWithheld
			}
			log = n.Attempt > 1
		case errors.Is(cause, model.ErrNotFound):
			n.Done, n.Outcome, n.Error = now, model.NoticeGone, cause.Error()
		case now.Sub(n.At) > keepNotices:
			n.Done, n.Outcome, n.Error = now, model.NoticeGivenUp, cause.Error()
			ev.Result, ev.Reason, log = ResultFailed, "given up: "+cause.Error(), true
		default:
			n.Error, n.Next = cause.Error(), now.Add(retryAfter(n.Attempt, 0))
			ev.Result, ev.Reason, ev.Repeat, log = ResultFailed, n.Error, n.Attempt > 1, n.Attempt == 1
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
