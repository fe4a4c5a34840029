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
// leader; a cluster that elects slowly makes it longer. The holder counts from before it
// asked, by its own monotonic clock, which goes on while the process is stopped: it always
// gives up before another can take over.
var leaseSeconds int64 = 6 // tests change it

const (
	renewEvery = 2 * time.Second
	renewRetry = 200 * time.Millisecond
)

// lease is the lease of this engine.
type lease struct {
	*engine.Lease
	id       int64
	length   time.Duration
	batch    string       // the last one written; guarded by apply
	revision atomic.Int64 // in which the last batch is there
	end      atomic.Pointer[time.Time]
	stop     context.CancelFunc
	done     chan struct{} // closed when renewing has ended
}

func (l *lease) until() time.Time { return *l.end.Load() }

// next is when to give up an attempt.
func (l *lease) next() time.Time {
	next := time.Now().Add(attemptTimeout)
	if end := l.until(); end.Before(next) {
		return end
	}
	return next
}

func (l *lease) isLost() bool {
	select {
	case <-l.Lost():
		return true
	default:
		return false
	}
}

// held reports whether no other process can hold the lease.
func (l *lease) held() bool { return !l.isLost() && time.Now().Before(l.until()) }

func (l *lease) extend(from time.Time) {
	end := from.Add(l.length)
	l.end.Store(&end)
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
	whole := context.WithoutCancel(ctx)
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
	whole, l.stop = context.WithCancel(whole)
	if old := e.lease.Swap(l); old != nil {
		old.stop()
		<-old.done
	}
	go e.keep(whole, l)
	return l.Lease, nil
}

// campaign makes a lease, and with it the key of the owner unless there is one. Its number
// is the revision of that.
func (e *Engine) campaign(ctx context.Context, holder string) (*lease, error) {
	value, err := json.Marshal(owner{Holder: holder, Since: time.Now().UTC()})
	if err != nil {
		return nil, err
	}
	l := &lease{batch: newBatchID(), done: make(chan struct{})}
	begin := time.Now()
	id, seconds, err := e.cluster.Grant(ctx, leaseSeconds)
	if err != nil {
		return nil, e.explain(err)
	}
	l.id, l.length = id, time.Duration(seconds)*time.Second
	l.extend(begin)
	if seconds > leaseSeconds {
		e.log.Warn("the cluster elects slowly, so that the lease is longer", "seconds", seconds)
	}
	done, err := e.cluster.Txn(ctx, wire.Txn{
		If: []wire.Compare{{Key: e.key(ownerKey), Target: wire.CreateRevision}},
		Then: []wire.Op{
			wire.Put{Key: e.key(ownerKey), Value: value, Lease: l.id}, wire.Put{Key: e.key(batchKey), Value: []byte(l.batch)},
		},
		Else: []wire.Op{wire.Range{Key: e.key(ownerKey)}},
	})
	switch {
	case err != nil:
		err = e.explain(err)
	case !done.Succeeded:
		err = heldBy(done.Found[0].Pairs[0].Value)
	default:
		l.Lease = engine.NewLease(uint64(done.Revision))
		l.revision.Store(done.Revision)
		return l, nil
	}
	return nil, errors.Join(err, e.revoke(l)) // also when the answer was lost
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
		case err == nil, !time.Now().Before(l.until()):
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
	ctx, cancel := context.WithDeadline(ctx, l.next())
	defer cancel()
	return e.cluster.Renew(ctx, l.id)
}

// release ends renewing, and the lease.
func (e *Engine) release(l *lease) error {
	l.stop()
	<-l.done
	if l.isLost() {
		return nil
	}
	return e.revoke(l)
}

// revoke ends the lease, and with it the key of the owner.
func (e *Engine) revoke(l *lease) error {
	ctx, cancel := context.WithDeadline(context.Background(), l.until())
	defer cancel()
	if err := e.cluster.Revoke(ctx, l.id); err != nil {
		return e.explain(err)
	}
	return nil
}
