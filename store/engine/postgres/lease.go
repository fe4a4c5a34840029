package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"certquay/model"
	"certquay/store/engine"
)

// The lease lasts for leaseLength from its last renewal, by the clock of the database.
// The holder counts from before it asked, by its own monotonic clock, which goes on
// while the process is stopped: it always gives up before another can take over.
var leaseLength = 6 * time.Second // tests change it

// How often the lease is renewed, how soon once more if that failed, how long it may take,
// and how often a database that does not answer is asked once the lease is lost.
const (
	renewEvery   = 2 * time.Second
	renewRetry   = 200 * time.Millisecond
	renewTimeout = 2 * time.Second
	probeEvery   = time.Second
)

// awayAfter is how long the database may not have answered before it counts as away.
var awayAfter = 4 * time.Second // tests change it

// lease is the lease of this engine.
type lease struct {
	*engine.Lease
	batch batchID // the last one written; guarded by apply
	end   atomic.Pointer[time.Time]
	stop  context.CancelFunc
	done  chan struct{} // closed when renewing, and asking a database that is away, has ended
}

// notOwner returns why the lease is not held: because the database does not answer, or
// another process holds the next one.
func (e *Engine) notOwner() error {
	if err := e.outage.Err(); err != nil {
		return (&model.Error{Text: model.TextOf(err)}).Wrapping(err, engine.ErrNotOwner)
	}
	return engine.ErrNotOwner
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
	e.outage.End()
	go e.keep(ctx, l)
	return l.Lease, nil
}

// keep renews a lease until it is lost or ctx ends. If it is lost because the database does
// not answer, keep goes on to ask until it does.
func (e *Engine) keep(ctx context.Context, l *lease) {
	defer close(l.done)
	answered := time.Now()
	for wait := renewEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-l.Lost():
			return
		case <-time.After(wait):
		}
		begin := time.Now()
		held, err := e.renew(ctx, l)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			answered = begin
			e.outage.End()
		}
		over := time.Now().After(l.until())
		if err != nil && (over || time.Since(answered) > awayAfter) {
			e.outage.Begin(e.explain(err))
		}
		switch {
		case err == nil && held:
			l.extend(begin)
			wait = renewEvery
		case err == nil, over:
			e.log.Error("the lease is lost", "epoch", l.Epoch(), "error", err)
			l.Lose()
			e.awaitAnswer(ctx)
			return
		default:
			e.log.Warn("the lease could not be renewed", "epoch", l.Epoch(), "error", err)
			wait = min(renewRetry, time.Until(l.until()))
		}
	}
}

// awaitAnswer asks a database that does not answer until it does or ctx ends.
func (e *Engine) awaitAnswer(ctx context.Context) {
	for e.outage.Err() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(probeEvery):
		}
		once, end := context.WithTimeout(ctx, renewTimeout)
		if _, err := e.writes.Exec(once, clockSQL); err == nil {
			e.outage.End()
		}
		end()
	}
}

// renew reports whether the lease is still held, and now lasts from now on.
func (e *Engine) renew(ctx context.Context, l *lease) (bool, error) {
	ctx, cancel := context.WithDeadline(ctx, earlier(l.until(), time.Now().Add(renewTimeout)))
	defer cancel()
	tag, err := e.writes.Exec(ctx, renewSQL, l.Epoch(), leaseLength.Seconds())
	return tag.RowsAffected() == 1, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
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
