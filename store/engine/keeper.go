package engine

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"certquay/model"
)

const (
	renewEvery = 2 * time.Second
	renewRetry = 200 * time.Millisecond
	firstRetry = 20 * time.Millisecond // of what the database did not answer
	lastRetry  = 500 * time.Millisecond
)

// Keeper renews a lease that a database ends unless it is renewed in time (spec E2). It
// counts from before it asked, by its own monotonic clock, which goes on while the process
// is stopped: it always gives up before another process can take over. It is safe for
// concurrent use.
type Keeper struct {
	*Lease
	length  time.Duration
	renew   func(context.Context) (held bool, err error)
	explain func(error) error
	log     *slog.Logger

	end  atomic.Pointer[time.Time]
	away atomic.Pointer[error] // why the lease could not be renewed, once it is lost for that
	stop context.CancelFunc
	done chan struct{} // closed when renewing has ended
}

// Keep renews a lease that was asked for at begin and then lasts for a length, until
// [Keeper.Stop]. renew reports whether the lease is still held, and now lasts for its length
// from now on; explain puts an error of the database into words.
func Keep(
	l *Lease, begin time.Time, length time.Duration, log *slog.Logger,
	renew func(context.Context) (held bool, err error), explain func(error) error,
) *Keeper {
	k := &Keeper{Lease: l, length: length, renew: renew, explain: explain, log: log, done: make(chan struct{})}
	k.extend(begin)
	var ctx context.Context
	ctx, k.stop = context.WithCancel(context.Background())
	go k.keep(ctx)
	return k
}

// Until returns when the lease ends unless it is renewed.
func (k *Keeper) Until() time.Time { return *k.end.Load() }

func (k *Keeper) extend(from time.Time) {
	end := from.Add(k.length)
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

// Away reports whether the lease is lost because the database did not answer.
func (k *Keeper) Away() bool { return k != nil && k.away.Load() != nil }

// Err returns nil unless the lease is lost. The error wraps [ErrNotOwner], and says so if the
// database did not answer. A nil Keeper is never the owner.
func (k *Keeper) Err() error {
	switch {
	case k == nil:
		return ErrNotOwner
	case !k.isLost():
		return nil
	}
	if why := k.away.Load(); why != nil {
		return awayError(*why)
	}
	return ErrNotOwner
}

func awayError(cause error) error {
	return model.Fail("database.away", "cause", cause).Wrapping(ErrNotOwner)
}

// Stop ends renewing, and reports whether there is a lease to give back.
func (k *Keeper) Stop() bool {
	k.stop()
	<-k.done
	return !k.isLost()
}

func (k *Keeper) keep(ctx context.Context) {
	defer close(k.done)
	var away error // why the lease could not be renewed the last time, before its end
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
		if begin.Before(k.Until()) {
			away = err
		}
		switch {
		case err == nil && held:
			k.extend(begin)
			wait = renewEvery
		case ctx.Err() != nil:
			return
		case err == nil, !time.Now().Before(k.Until()):
			k.log.Error("the lease is lost", "epoch", k.Epoch(), "error", err)
			if away != nil {
				away = k.explain(away)
				k.away.Store(&away)
			}
			k.Lose()
			return
		default:
			k.log.Warn("the lease could not be renewed", "epoch", k.Epoch(), "error", err)
			wait = min(renewRetry, time.Until(k.Until()))
		}
	}
}

func (k *Keeper) renewOnce(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithDeadline(ctx, k.Until())
	defer cancel()
	return k.renew(ctx)
}

// Insist writes a batch: it attempts until an attempt succeeds, fails for another reason
// than a database that does not answer (temporary), or the lease has ended. Then it remains
// open whether the batch was written.
func (k *Keeper) Insist(attempt func() error, temporary func(error) bool) error {
	again := func(err error) bool {
		if temporary(err) {
			k.log.Warn("a batch is written again, since the database did not answer", "error", err)
			return true
		}
		return false
	}
	err := Retry(k.Lost(), attempt, again)
	if err != nil && temporary(err) {
		return awayError(k.explain(err))
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
