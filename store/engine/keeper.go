package engine

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"certquay/model"
)

// How often a lease is renewed, how soon once more if that failed, how long it may take, and
// how often a database that does not answer is asked once the lease is lost.
const (
	renewEvery   = 2 * time.Second
	renewRetry   = 200 * time.Millisecond
	renewTimeout = 2 * time.Second
	probeEvery   = time.Second
)

// How long to wait before something is asked again that the database did not answer.
const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = 500 * time.Millisecond
)

// awayPart is the part of the length of a lease for which the database may not have answered
// before it counts as away.
const awayPart = 2.0 / 3

// Keeper renews a lease that a database ends unless it is renewed in time (spec E2). It
// counts from before it asked, by its own monotonic clock, which goes on while the process
// is stopped: it always gives up before another process can take over. It is safe for
// concurrent use.
type Keeper struct {
	*Lease
	Keeping
	end  atomic.Pointer[time.Time]
	stop context.CancelFunc
	done chan struct{} // closed when renewing, and asking a database that is away, has ended
}

// Keeping is how a lease is kept.
type Keeping struct {
	Length time.Duration // of the lease, from its last renewal
	// Renew reports whether the lease is still held, and now lasts for its length from now on.
	Renew func(context.Context) (held bool, err error)
	// Probe asks the database for anything.
	Probe func(context.Context) error
	// Explain puts an error of the database into words.
	Explain func(error) error
	Outage  *Outage // is told whether the database answers
	Log     *slog.Logger
}

// Keep renews a lease that was asked for at begin, until [Keeper.Stop].
func Keep(l *Lease, begin time.Time, how Keeping) *Keeper {
	k := &Keeper{Lease: l, Keeping: how, done: make(chan struct{})}
	k.extend(begin)
	k.Outage.End()
	var ctx context.Context
	ctx, k.stop = context.WithCancel(context.Background())
	go k.keep(ctx)
	return k
}

// Until returns when the lease ends unless it is renewed.
func (k *Keeper) Until() time.Time { return *k.end.Load() }

func (k *Keeper) extend(from time.Time) {
	end := from.Add(k.Length)
	k.end.Store(&end)
}

func (k *Keeper) isLost() bool {
	select {
	case <-k.Lost():
		return true
	default:
		return false
	}
}

// Held reports whether no other process can hold the lease. Under a nil Keeper, which never
// had one, it can.
func (k *Keeper) Held() bool { return k != nil && !k.isLost() && time.Now().Before(k.Until()) }

// Err returns nil unless the lease is lost. The error wraps [ErrNotOwner], and an [AwayError]
// if the database does not answer. A nil Keeper is never the owner.
func (k *Keeper) Err() error {
	switch {
	case k == nil:
		return ErrNotOwner
	case !k.isLost():
		return nil
	}
	return k.notOwner()
}

func (k *Keeper) notOwner() error {
	if away := k.Outage.Err(); away != nil {
		return (&model.Error{Text: model.TextOf(away)}).Wrapping(away, ErrNotOwner)
	}
	return ErrNotOwner
}

// Stop ends renewing, and reports whether there is a lease to give back.
func (k *Keeper) Stop() bool {
	k.stop()
	<-k.done
	return !k.isLost()
}

// keep renews the lease until it is lost or ctx ends. If it is lost because the database does
// not answer, keep goes on to ask until it does.
func (k *Keeper) keep(ctx context.Context) {
	defer close(k.done)
	answered := time.Now()
	for wait := renewEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-k.Lost():
			return
		case <-time.After(wait):
		}
		begin := time.Now()
		held, err := k.renewOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		over := !time.Now().Before(k.Until())
		switch {
		case err == nil:
			answered = begin
			k.Outage.End()
		case over, time.Since(answered) > time.Duration(awayPart*float64(k.Length)):
			k.Outage.Begin(k.Explain(err))
		}
		switch {
		case err == nil && held:
			k.extend(begin)
			wait = renewEvery
		case err == nil, over:
			k.Log.Error("the lease is lost", "epoch", k.Epoch(), "error", err)
			k.Lose()
			k.awaitAnswer(ctx)
			return
		default:
			k.Log.Warn("the lease could not be renewed", "epoch", k.Epoch(), "error", err)
			wait = min(renewRetry, time.Until(k.Until()))
		}
	}
}

func (k *Keeper) renewOnce(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, min(renewTimeout, time.Until(k.Until())))
	defer cancel()
	return k.Renew(ctx)
}

// awaitAnswer asks a database that does not answer until it does or ctx ends.
func (k *Keeper) awaitAnswer(ctx context.Context) {
	for k.Outage.Err() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(probeEvery):
		}
		once, end := context.WithTimeout(ctx, renewTimeout)
		if k.Probe(once) == nil {
			k.Outage.End()
		}
		end()
	}
}

// Insist writes a batch: it attempts until an attempt succeeds, fails for another reason
// than a database that does not answer (temporary), or the lease has ended. Then it remains
// open whether the batch was written.
func (k *Keeper) Insist(attempt func() error, temporary func(error) bool) error {
	again := func(err error) bool {
		if temporary(err) {
			k.Log.Warn("a batch is written again, since the database did not answer", "error", err)
			return true
		}
		return false
	}
	err := Retry(k.Lost(), attempt, again)
	switch {
	case err == nil:
		k.Outage.End()
	case temporary(err):
		return k.notOwner()
	}
	return err
}

// Retry attempts until an attempt succeeds or fails for good, as again says, or the end is
// closed, and returns the error of the last attempt.
func Retry(end <-chan struct{}, attempt func() error, again func(error) bool) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := attempt()
		if err == nil || !again(err) {
			return err
		}
		select {
		case <-end:
			return err
		case <-time.After(wait):
		}
	}
}
