// Package mem is the in-memory engine, for forecasts and tests. Its data lives as long
// as the value: it can be used again after Close, as a database file can be reopened.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/tree"
)

// Engine is an [engine.Engine] in memory. The zero value is empty and ready.
type Engine struct {
	mu   sync.Mutex // of writers, and of data
	data tree.Map[[]byte]
	read atomic.Uint64
}

var _ engine.Engine = (*Engine)(nil)

// limit equals that of etcd and is close to Badger's, so that what works here works
// there.
const limit = 2 << 20

// New makes an empty engine.
func New() *Engine { return &Engine{} }

// Snapshot returns a view of the present data in constant time.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &snapshot{e, e.data}, nil
}

// Apply writes the batch.
func (e *Engine) Apply(ctx context.Context, b *engine.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.Size() > limit {
		return model.Fail("database.too-large-by", "bytes", b.Size(), "most", limit).Wrapping(engine.ErrTooLarge)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range b.Compare {
		if v, ok := e.data.Get(c.Key); ok != (c.Value != nil) || !bytes.Equal(v, c.Value) {
			return fmt.Errorf("%w: key %q", engine.ErrConflict, c.Key)
		}
	}
	data := e.data
	for _, w := range b.Writes {
		if w.Delete {
			data = data.Delete(w.Key)
		} else {
			data = data.Put(w.Key, w.Value)
		}
	}
	e.data = data
	return nil
}

// Limit is 2 MiB.
func (e *Engine) Limit() int { return limit }

// KeysRead counts keys read since the engine was made.
func (e *Engine) KeysRead() uint64 { return e.read.Load() }

// Close keeps the data.
func (e *Engine) Close() error { return nil }

type snapshot struct {
	e    *Engine
	data tree.Map[[]byte]
}

func (s *snapshot) Get(key string) ([]byte, error) {
	s.e.read.Add(1)
	v, ok := s.data.Get(key)
	if !ok {
		return nil, fmt.Errorf("%w: %q", engine.ErrNotFound, key)
	}
	return v, nil
}

func (s *snapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	return func(yield func(engine.Pair, error) bool) {
		all := s.data.Ascend(r.From, r.To)
		if r.Reverse {
			all = s.data.Descend(r.From, r.To)
		}
		for k, v := range all {
			s.e.read.Add(1)
			if r.KeysOnly {
				v = nil
			}
			if !yield(engine.Pair{Key: k, Value: v}, nil) {
				return
			}
		}
	}
}

func (s *snapshot) Close() {}
