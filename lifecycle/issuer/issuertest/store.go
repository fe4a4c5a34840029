// Package issuertest helps the tests of issuers and products.
package issuertest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/model"
)

// Store is a small ports.Store in memory that knows cells only. What it
// cannot do panics. It is safe for concurrent use; its fields are set before.
type Store struct {
	// Refuse, when not nil, makes an Update fail before anything is written,
	// or, when it says so, after everything was: an answer that got lost.
	Refuse func() (before, after error)

	mu      sync.RWMutex
	cells   map[string]model.KV
	updates int
}

// NewStore makes an empty one.
func NewStore() *Store { return &Store{cells: map[string]model.KV{}} }

// Updates counts the transactions that were committed.
func (s *Store) Updates() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.updates
}

// Cells copies the cells whose key begins with prefix, by key.
func (s *Store) Cells(prefix string) map[string]model.KV {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := map[string]model.KV{}
	for k, c := range s.cells {
		if strings.HasPrefix(k, prefix) {
			out[k] = clone(c)
		}
	}
	return out
}

// Clear forgets the cells whose keys begin with one of the prefixes.
func (s *Store) Clear(prefixes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.cells {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(k, p) }) {
			delete(s.cells, k)
		}
	}
}

// Copy is a store with the same cells, as after a restart or a restore.
func (s *Store) Copy() *Store { return &Store{cells: s.Cells("")} }

// View runs fn on a snapshot.
func (s *Store) View(fn func(model.Reader) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return fn(&tx{cells: s.cells})
}

// Update runs fn alone.
func (s *Store) Update(ctx context.Context, fn func(model.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var before, after error
	if s.Refuse != nil {
		before, after = s.Refuse()
	}
	if before != nil {
		return before
	}
	t := &tx{cells: map[string]model.KV{}}
	for k, c := range s.cells {
		t.cells[k] = c
	}
	if err := fn(t); err != nil {
		return err
	}
	s.cells = t.cells
	s.updates++
	return after
}

// Watch is not supported.
func (*Store) Watch(context.Context) <-chan model.ChangeSet { panic("issuertest.Store does not watch") }

// WaitForTable implements [ports.Store].
func (*Store) WaitForTable(context.Context) error { return nil }

// Query is not supported.
func (*Store) Query(model.Query) (model.Page, error) { panic("issuertest.Store has no instances") }

// Expiries is not supported.
func (*Store) Expiries(time.Time, int) (model.Expiries, error) {
	panic("issuertest.Store has no instances")
}

// Counts is not supported.
func (*Store) Counts(time.Time) (model.Counts, error) { panic("issuertest.Store has no instances") }

type tx struct{ cells map[string]model.KV }

func clone(c model.KV) model.KV {
	c.Data = slices.Clone(c.Data)
	if !c.Secret.Empty() {
		c.Secret = model.NewSecret(slices.Clone(c.Secret.Reveal()))
	}
	return c
}

func (t *tx) Get(r model.Record) error { return t.Load(r.RecordKey(), r) }

func (t *tx) Load(key string, r model.Record) error {
	c, ok := t.cells[key]
	if !ok {
		return fmt.Errorf("cell %s: %w", key, model.ErrNotFound)
	}
	*r.(*model.KV) = clone(c)
	return nil
}

func (t *tx) Keys(s model.Scan) iter.Seq2[string, error] {
	if s.Kind != model.KindKV || s.Index != "" {
		panic("issuertest.Store scans cells by key only")
	}
	return func(yield func(string, error) bool) {
		var keys []string
		for k := range t.cells {
			if strings.HasPrefix(k, s.Prefix) && k >= s.From && (s.To == "" || k < s.To) {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for n, k := range keys {
			if s.Limit > 0 && n == s.Limit || !yield(k, nil) {
				return
			}
		}
	}
}

func (t *tx) Rows(model.Scan) iter.Seq2[model.InstanceRow, error] {
	panic("issuertest.Store has no instances")
}

func (t *tx) Count(string) (int, error) { return 0, errors.New("issuertest.Store counts nothing") }

func (t *tx) Put(r model.Record) error {
	t.cells[r.RecordKey()] = clone(*r.(*model.KV))
	return nil
}

func (t *tx) Fresh(model.Record) {}

func (t *tx) Delete(r model.Record) error {
	delete(t.cells, r.RecordKey())
	return nil
}

func (t *tx) Append(model.Event) error { return errors.New("issuertest.Store has no log") }
