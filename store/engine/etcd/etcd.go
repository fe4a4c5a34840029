// Package etcd is the engine for a store past one machine on an etcd cluster, 3.4 or
// newer. Below a prefix there are the pairs, the format, the owner, whose key lives as
// long as its lease, and the id of the last batch.
package etcd

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"certquay/store/engine"
	"certquay/store/engine/etcd/wire"
)

// attemptTimeout is how long to wait for the answer to an attempt, which another node gets
// if this one hangs.
const attemptTimeout = 2 * time.Second

// Keys below the prefix.
const (
	formatKey = "format"
	ownerKey  = "owner"
	batchKey  = "batch"
	pairs     = "k/" // begins the keys of pairs
)

// Engine is an [engine.Engine] on an etcd cluster.
type Engine struct {
	*target
	log     *slog.Logger
	cluster cluster
	limit   engine.Limit
	guide   guide

	outage *engine.Outage
	apply  sync.Mutex // makes batches follow each other
	lease  atomic.Pointer[lease]
	mu     sync.Mutex // guards closed
	closed bool
}

var _ engine.Engine = (*Engine)(nil)

// cluster is a [wire.Client]; tests put something in between.
type cluster interface {
	Range(context.Context, wire.Range) (wire.Found, error)
	Txn(context.Context, wire.Txn) (wire.Done, error)
	Grant(ctx context.Context, wanted int64) (id, seconds int64, err error)
	Renew(ctx context.Context, id int64) (held bool, err error)
	Revoke(ctx context.Context, id int64) error
	Size(ctx context.Context) (int64, error)
	Close()
}

// newBatchID identifies a batch among all that were ever written.
func newBatchID() string { return rand.Text() }

// key returns the key below the prefix.
func (e *Engine) key(name string) string { return e.prefix + name }

// owned is the condition under which an owner writes: that its key is the one that was
// made with its lease, and that the last batch is the one that it wrote last.
func (e *Engine) owned(l *lease) []wire.Compare {
	return []wire.Compare{
		{Key: e.key(ownerKey), Target: wire.CreateRevision, Number: int64(l.Epoch())},
		{Key: e.key(batchKey), Target: wire.Value, Value: []byte(l.batch)},
	}
}

// Apply writes the batch. While the cluster cannot be reached it tries again, until the
// lease has ended. If the connection broke before the answer and the lease ends before the
// next one, it remains open whether the batch was written.
func (e *Engine) Apply(ctx context.Context, b *engine.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	size := b.Size()
	for _, c := range b.Compare {
		size += engine.Size(c.Key, c.Value)
	}
	if err := cmp.Or(b.CheckKeys(), e.limit.Check(size, max(len(b.Writes), len(b.Compare)+1))); err != nil {
		return err
	}
	e.apply.Lock()
	defer e.apply.Unlock()
	if err := e.open(); err != nil {
		return err
	}
	l := e.lease.Load()
	if err := e.keeper().Err(); err != nil {
		return err
	}
	id := newBatchID()
	txn := wire.Txn{
		If: e.owned(l), Then: e.writesOf(b, id), Else: []wire.Op{wire.Range{Key: e.key(ownerKey)}, wire.Range{Key: e.key(batchKey)}},
	}
	for _, c := range b.Compare {
		txn.If = append(txn.If, e.compare(c))
	}
	ctx = context.WithoutCancel(ctx)
	var at int64
	err := l.Insist(func() (err error) {
		at, err = e.attempt(ctx, l, id, txn)
		return err
	}, wire.Temporary)
	if err != nil {
		return e.explain(err)
	}
	l.batch = id
	l.revision.Store(at)
	return nil
}

func (e *Engine) compare(c engine.Compare) wire.Compare {
	key := e.key(pairs + c.Key)
	if c.Value == nil {
		return wire.Compare{Key: key, Target: wire.CreateRevision}
	}
	return wire.Compare{Key: key, Target: wire.Value, Value: c.Value}
}

func (e *Engine) writesOf(b *engine.Batch, id string) []wire.Op {
	ops := []wire.Op{wire.Put{Key: e.key(batchKey), Value: []byte(id)}}
	for _, w := range b.Writes {
		key := e.key(pairs + w.Key)
		if w.Delete {
			ops = append(ops, wire.Delete{Key: key})
		} else {
			ops = append(ops, wire.Put{Key: key, Value: w.Value})
		}
	}
	return ops
}

// attempt writes a batch, unless an earlier attempt did, and returns a revision in which
// it is there.
func (e *Engine) attempt(ctx context.Context, l *lease, id string, txn wire.Txn) (int64, error) {
	ctx, cancel := context.WithDeadline(ctx, l.Until())
	defer cancel()
	ctx, end := context.WithTimeout(ctx, attemptTimeout)
	defer end()
	done, err := e.cluster.Txn(ctx, txn)
	if err != nil || done.Succeeded {
		return done.Revision, err
	}
	owner, batch := done.Found[0].Pairs, done.Found[1].Pairs
	switch {
	case len(batch) == 1 && string(batch[0].Value) == id:
		return done.Revision, nil
	case len(owner) == 0 || owner[0].CreateRevision != int64(l.Epoch()):
		l.Lose()
		return 0, engine.ErrNotOwner
	}
	return 0, engine.ErrConflict
}

// Limit is that of the servers.
func (e *Engine) Limit() engine.Limit { return e.limit }

// Away returns an [engine.AwayError] while the database does not answer its owner, else nil.
func (e *Engine) Away() error { return e.outage.Err() }

// Size returns the size of the database of a node, in bytes, with what is not below the
// prefix, and with the history that is not compacted.
func (e *Engine) Size() (size int64, err error) {
	err = e.patiently(func(ctx context.Context) (err error) {
		size, err = e.cluster.Size(ctx)
		return err
	})
	if err != nil {
		return 0, e.explain(err)
	}
	return size, nil
}

// Name returns the address of the database, without a password.
func (e *Engine) Name() string { return e.name }

// open returns [engine.ErrClosed] after Close.
func (e *Engine) open() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return engine.ErrClosed
	}
	return nil
}

// Close gives the lease back, so that another process need not wait for its end, and
// closes the connections.
func (e *Engine) Close() error {
	e.mu.Lock()
	already := e.closed
	e.closed = true
	e.mu.Unlock()
	if already {
		return nil
	}
	e.apply.Lock()
	defer e.apply.Unlock()
	if l := e.lease.Load(); l != nil {
		if err := e.release(l); err != nil {
			e.log.Warn("the lease could not be given back, and ends by itself", "error", err)
		}
	}
	e.cluster.Close()
	return nil
}
