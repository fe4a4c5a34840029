package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/etcd/wire"
)

// The lease lasts for leaseSeconds from its last renewal, by the clock of the cluster's
// leader; a cluster that elects slowly makes it longer.
var leaseSeconds int64 = 6 // tests change it

// lease is the lease of this engine.
type lease struct {
	*engine.Keeper
	id       int64
	batch    string       // the last one written; guarded by apply
	revision atomic.Int64 // in which the last batch is there
}

// keeper returns what renews the lease, or nil.
func (e *Engine) keeper() *engine.Keeper {
	if l := e.lease.Load(); l != nil {
		return l.Keeper
	}
	return nil
}

// owner is the value of the key of the owner.
type owner struct {
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"` // by the clock of the holder, since etcd tells no time
}

// heldBy returns the error that says who holds the lease.
func heldBy(value []byte) error {
	var o owner
	if err := json.Unmarshal(value, &o); err != nil {
		return model.Fail("database.reading", "cause", err)
	}
	return &engine.HeldError{Holder: o.Holder, Since: o.Since}
}

// Acquire takes the lease if nobody holds it, and renews it until the engine is closed.
func (e *Engine) Acquire(ctx context.Context, holder string) (*engine.Lease, error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	if err := e.open(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	// Most who ask find another, for whom no lease need be made.
	found, err := e.cluster.Range(ctx, wire.Range{Key: e.key(ownerKey)})
	if err != nil {
		return nil, e.explain(err)
	}
	if len(found.Pairs) > 0 {
		return nil, heldBy(found.Pairs[0].Value)
	}
	l, err := e.campaign(ctx, holder)
	if err != nil {
		return nil, err
	}
	if old := e.lease.Swap(l); old != nil {
		old.Stop()
	}
	return l.Lease, nil
}

// campaign makes a lease, and with it the key of the owner unless there is one. Its number
// is the revision of that.
func (e *Engine) campaign(ctx context.Context, holder string) (*lease, error) {
	value, err := json.Marshal(owner{Holder: holder, Since: time.Now().UTC()})
	if err != nil {
		return nil, err
	}
	batch, begin := newBatchID(), time.Now()
	id, seconds, err := e.cluster.Grant(ctx, leaseSeconds)
	if err != nil {
		return nil, e.explain(err)
	}
	if seconds > leaseSeconds {
		e.log.Warn("the cluster elects slowly, so that the lease is longer", "seconds", seconds)
	}
	done, err := e.cluster.Txn(ctx, wire.Txn{
		If: []wire.Compare{{Key: e.key(ownerKey), Target: wire.CreateRevision}},
		Then: []wire.Op{
			wire.Put{Key: e.key(ownerKey), Value: value, Lease: id}, wire.Put{Key: e.key(batchKey), Value: []byte(batch)},
		},
		Else: []wire.Op{wire.Range{Key: e.key(ownerKey)}},
	})
	switch {
	case err != nil:
		err = e.explain(err)
	case !done.Succeeded:
		err = heldBy(done.Found[0].Pairs[0].Value)
	default:
		kept := engine.Keep(engine.NewLease(uint64(done.Revision)), begin, e.keeping(id, time.Duration(seconds)*time.Second))
		l := &lease{id: id, batch: batch, Keeper: kept}
		l.revision.Store(done.Revision)
		return l, nil
	}
	return nil, errors.Join(err, e.revoke(id, begin.Add(readTimeout))) // also when the answer was lost
}

// keeping returns how the lease with an id is kept.
func (e *Engine) keeping(id int64, length time.Duration) engine.Keeping {
	return engine.Keeping{
		Length: length, Explain: e.explain, Outage: e.outage, Log: e.log,
		Renew: func(ctx context.Context) (bool, error) { return e.cluster.Renew(ctx, id) },
		Probe: func(ctx context.Context) error {
			_, err := e.cluster.Range(ctx, wire.Range{Key: e.key(batchKey)})
			return err
		},
	}
}

// release ends renewing, and the lease.
func (e *Engine) release(l *lease) error {
	if !l.Stop() {
		return nil
	}
	return e.revoke(l.id, l.Until())
}

// revoke ends a lease, and with it the key of the owner.
func (e *Engine) revoke(id int64, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	if err := e.cluster.Revoke(ctx, id); err != nil {
		return e.explain(err)
	}
	return nil
}
