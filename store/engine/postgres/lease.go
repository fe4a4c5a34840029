package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"certquay/store/engine"
)

// The lease lasts for leaseLength from its last renewal, by the clock of the database.
// The holder counts from before it asked, by its own monotonic clock, which goes on
// while the process is stopped: it always gives up before another can take over.
var leaseLength = 6 * time.Second // tests change it

const (
	renewEvery = 2 * time.Second
	renewRetry = 200 * time.Millisecond
)

// lease is the lease of this engine.
type lease struct {
	*engine.Lease
	batch batchID // the last one written; guarded by apply
	end   atomic.Pointer[time.Time]
	stop  context.CancelFunc
	done  chan struct{} // closed when renewing has ended
}

func (l *lease) until() time.Time { return *l.end.Load() }

func (l *lease) isLost() bool {
	select {
	case <-l.Lost():
		return true
	default:
		return false
	}
}

func (l *lease) extend(from time.Time) {
	end := from.Add(leaseLength)
	l.end.Store(&end)
}

// Acquire takes the lease if nobody holds it, and renews it until the engine is closed.
func (e *Engine) Acquire(ctx context.Context, holder string) (*engine.Lease, error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	if err := e.open(); err != nil {
		return nil, err
	}
	l := &lease{batch: newBatchID(), done: make(chan struct{})}
	var epoch uint64
	begin := time.Now()
	err := e.writes.QueryRow(ctx, acquireSQL, holder, l.batch[:], leaseLength.Seconds()).Scan(&epoch)
	if errors.Is(err, pgx.ErrNoRows) {
		held := &engine.HeldError{}
		if err := e.writes.QueryRow(ctx, holderSQL).Scan(&held.Holder, &held.Since); err != nil {
			return nil, e.explain(err)
		}
		return nil, held
	}
	if err != nil {
		return nil, e.explain(err)
	}
	l.Lease = engine.NewLease(epoch)
	l.extend(begin)
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	if old := e.lease.Swap(l); old != nil {
		old.stop()
		<-old.done
	}
	go e.keep(ctx, l)
	return l.Lease, nil
}

// keep renews a lease until it is lost or ctx ends.
func (e *Engine) keep(ctx context.Context, l *lease) {
	defer close(l.done)
	for wait := renewEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-l.Lost():
			return
		case <-time.After(wait):
		}
		begin := time.Now()
		switch held, err := e.renew(ctx, l); {
		case err == nil && held:
			l.extend(begin)
			wait = renewEvery
		case ctx.Err() != nil:
			return
		case err == nil, time.Now().After(l.until()):
			e.log.Error("the lease is lost", "epoch", l.Epoch(), "error", err)
			l.Lose()
			return
		default:
			e.log.Warn("the lease could not be renewed", "epoch", l.Epoch(), "error", err)
			wait = min(renewRetry, time.Until(l.until()))
		}
	}
}

// renew reports whether the lease is still held, and now lasts from now on.
func (e *Engine) renew(ctx context.Context, l *lease) (bool, error) {
	ctx, cancel := context.WithDeadline(ctx, l.until())
	defer cancel()
	tag, err := e.writes.Exec(ctx, renewSQL, l.Epoch(), leaseLength.Seconds())
	return tag.RowsAffected() == 1, err
}

// release ends renewing, and the lease.
func (e *Engine) release(l *lease) error {
	l.stop()
	<-l.done
	if l.isLost() {
		return nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), l.until())
	defer cancel()
	_, err := e.writes.Exec(ctx, releaseSQL, l.Epoch())
	return err
}
