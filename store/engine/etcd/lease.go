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

// How often the lease is renewed, how soon once more if that failed, and how often a
// cluster that does not answer is asked once the lease is lost.
const (
	renewEvery = 2 * time.Second
	renewRetry = 200 * time.Millisecond
	probeEvery = time.Second
)

// awayAfter is how long the cluster may not have answered before it counts as away.
var awayAfter = 4 * time.Second // tests change it

// lease is the lease of this engine.
type lease struct {
	*engine.Lease
	id       int64
	length   time.Duration
	batch    string       // the last one written; guarded by apply
	revision atomic.Int64 // in which the last batch is there
	end      atomic.Pointer[time.Time]
	stop     context.CancelFunc
	done     chan struct{} // closed when renewing, and asking a cluster that is away, has ended
}

// notOwner returns why the lease is not held: because the cluster does not answer, or
// another process holds the next one.
func (e *Engine) notOwner() error {
	if err := e.outage.Err(); err != nil {
		return (&model.Error{Text: model.TextOf(err)}).Wrapping(err, engine.ErrNotOwner)
	}
	return engine.ErrNotOwner
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
	e.outage.End()
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

// keep renews a lease until it is lost or ctx ends. If it is lost because the cluster does
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
		over := !time.Now().Before(l.until())
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

// awaitAnswer asks a cluster that does not answer until it does or ctx ends.
func (e *Engine) awaitAnswer(ctx context.Context) {
	for e.outage.Err() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(probeEvery):
		}
		once, end := context.WithTimeout(ctx, attemptTimeout)
		if _, err := e.cluster.Range(once, wire.Range{Key: e.key(batchKey)}); err == nil {
			e.outage.End()
		}
		end()
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
