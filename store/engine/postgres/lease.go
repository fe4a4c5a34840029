package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"certquay/store/engine"
)

// The lease lasts for leaseLength from its last renewal, by the clock of the database.
var leaseLength = 6 * time.Second // tests change it

// lease is the lease of this engine.
type lease struct {
	*engine.Keeper
	batch batchID // the last one written; guarded by apply
}

// keeper returns what renews the lease, or nil.
func (e *Engine) keeper() *engine.Keeper {
	if l := e.lease.Load(); l != nil {
		return l.Keeper
	}
	return nil
}

// Acquire takes the lease if nobody holds it, and renews it until the engine is closed.
func (e *Engine) Acquire(ctx context.Context, holder string) (*engine.Lease, error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	if err := e.open(); err != nil {
		return nil, err
	}
	batch, begin := newBatchID(), time.Now()
	var epoch uint64
	err := e.writes.QueryRow(ctx, acquireSQL, holder, batch[:], leaseLength.Seconds()).Scan(&epoch)
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
	old := e.lease.Load()
	l := &lease{batch: batch, Keeper: engine.Keep(engine.NewLease(epoch), begin, e.keeping(epoch))}
	e.lease.Store(l)
	if old != nil {
		old.Stop()
	}
	return l.Lease, nil
}

// keeping returns how the lease with an epoch is kept.
func (e *Engine) keeping(epoch uint64) engine.Keeping {
	return engine.Keeping{
		Length: leaseLength, Explain: e.explain, Outage: e.outage, Log: e.log,
		Renew: func(ctx context.Context) (bool, error) {
			tag, err := e.writes.Exec(ctx, renewSQL, epoch, leaseLength.Seconds())
			return tag.RowsAffected() == 1, err
		},
		Probe: func(ctx context.Context) error {
			_, err := e.writes.Exec(ctx, clockSQL)
			return err
		},
	}
}

// release ends renewing, and the lease.
func (e *Engine) release(l *lease) error {
	if !l.Stop() {
		return nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), l.Until())
	defer cancel()
	_, err := e.writes.Exec(ctx, releaseSQL, l.Epoch())
	return err
}
