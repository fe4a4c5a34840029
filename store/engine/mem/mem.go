// Package mem is the in-memory engine, for forecasts and tests. Its data lives as long
// as the value: it can be used again after Close, as a database file can be reopened.
package mem

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"certquay/store/engine"
	"certquay/store/engine/tree"
)

// Engine is an [engine.Engine] in memory: a connection to a database that others can
// have open too.
type Engine struct {
	db    *database
	lease *engine.Lease // guarded by the mutex of the database; nil without
}

// database is what the connections to it share.
type database struct {
	mu    sync.Mutex // of writers, and of everything below
	data  tree.Map[[]byte]
	epoch uint64        // of the last lease
	owner *engine.Lease // nil while nobody holds it
	held  engine.HeldError
}

var _ engine.Engine = (*Engine)(nil)

// limit is close to Badger's, so that what works here works there.
var limit = engine.Limit{Bytes: 2 << 20, Writes: 16 << 10}

// New makes an empty database, and returns a connection to it.
func New() *Engine { return &Engine{db: &database{}} }

// Connect returns another connection to the same database.
func (e *Engine) Connect() *Engine { return &Engine{db: e.db} }

// Snapshot returns a view of the present data in constant time.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	e.db.mu.Lock()
	defer e.db.mu.Unlock()
	return snapshot{e.db.data}, nil
}

// Apply writes the batch. It needs the lease once anybody has ever held it.
func (e *Engine) Apply(ctx context.Context, b *engine.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := cmp.Or(b.CheckKeys(), limit.Check(b.Size(), len(b.Writes))); err != nil {
		return err
	}
	e.db.mu.Lock()
	defer e.db.mu.Unlock()
	if e.db.epoch > 0 && (e.lease == nil || e.db.owner != e.lease) {
		return engine.ErrNotOwner
	}
	for _, c := range b.Compare {
		if v, ok := e.db.data.Get(c.Key); ok != (c.Value != nil) || !bytes.Equal(v, c.Value) {
			return fmt.Errorf("%w: key %q", engine.ErrConflict, c.Key)
		}
	}
	data := e.db.data
	for _, w := range b.Writes {
		if w.Delete {
			data = data.Delete(w.Key)
		} else {
			data = data.Put(w.Key, w.Value)
		}
	}
	e.db.data = data
	return nil
}

// Acquire takes the lease, which does not end by itself.
func (e *Engine) Acquire(_ context.Context, holder string) (*engine.Lease, error) {
	e.db.mu.Lock()
	defer e.db.mu.Unlock()
	if e.db.owner != nil {
		held := e.db.held
		return nil, &held
	}
	e.db.epoch++
	e.lease = engine.NewLease(e.db.epoch)
	e.db.owner, e.db.held = e.lease, engine.HeldError{Holder: holder, Since: time.Now()}
	return e.lease, nil
}

// EndLease ends the lease of whoever holds it, as if it could not be renewed.
func (e *Engine) EndLease() {
	e.db.mu.Lock()
	defer e.db.mu.Unlock()
	if e.db.owner != nil {
		e.db.owner.Lose()
		e.db.owner = nil
	}
}

// Limit is 2 MiB in 16,384 writes.
func (e *Engine) Limit() engine.Limit { return limit }

// Close gives the lease back and keeps the data.
func (e *Engine) Close() error {
	e.db.mu.Lock()
	defer e.db.mu.Unlock()
	if e.lease != nil && e.db.owner == e.lease {
		e.db.owner = nil
	}
	return nil
}

type snapshot struct{ data tree.Map[[]byte] }

func (s snapshot) Get(key string) ([]byte, error) {
	v, ok := s.data.Get(key)
	if !ok {
		return nil, fmt.Errorf("%w: %q", engine.ErrNotFound, key)
	}
	return v, nil
}

func (s snapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	return func(yield func(engine.Pair, error) bool) {
		all := s.data.Ascend(r.From, r.To)
		if r.Reverse {
			all = s.data.Descend(r.From, r.To)
		}
		n := 0
		for k, v := range all {
			if r.KeysOnly {
				v = nil
			}
			n++
			if !yield(engine.Pair{Key: k, Value: v}, nil) || n == r.Limit {
				return
			}
		}
	}
}

func (snapshot) Close() {}
