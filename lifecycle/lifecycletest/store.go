package lifecycletest

import (
	"context"
	"sync"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// FaultyStore is a store that can be made to fail, or to know only a part of what
// it holds, as one whose search table is still being built. It is safe for
// concurrent use.
type FaultyStore struct {
	ports.Store

	mu            sync.Mutex
	reads, writes error
	partial       bool
	complete      chan struct{} // closed when it is no longer partial
}

var _ ports.NotingStore = (*FaultyStore)(nil)

// BreakReads lets every read fail from now on; a nil error mends it.
func (s *FaultyStore) BreakReads(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = err
}

// BreakWrites lets every write fail from now on; a nil error mends it.
func (s *FaultyStore) BreakWrites(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = err
}

// KnowPart lets pages hold at most one row and counts lack what is not counted by
// state, or no longer.
func (s *FaultyStore) KnowPart(partial bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case partial && !s.partial:
		s.complete = make(chan struct{})
	case !partial && s.partial:
		close(s.complete)
	}
	s.partial = partial
}

// WaitForTable implements [ports.Store].
func (s *FaultyStore) WaitForTable(ctx context.Context) error {
	s.mu.Lock()
	partial, complete := s.partial, s.complete
	s.mu.Unlock()
	if partial {
		select {
		case <-complete:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Store.WaitForTable(ctx)
}

func (s *FaultyStore) faults() (reads, writes error, partial bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads, s.writes, s.partial
}

// View implements [ports.Store].
func (s *FaultyStore) View(fn func(model.Reader) error) error {
	if err, _, _ := s.faults(); err != nil {
		return err
	}
	return s.Store.View(fn)
}

// ViewNoting implements [ports.NotingStore].
func (s *FaultyStore) ViewNoting(fn func(model.Reader) error) (unchanged func() bool, err error) {
	if err, _, _ := s.faults(); err != nil {
		return nil, err
	}
	return ports.ViewNoting(s.Store, fn)
}

// Update implements [ports.Store].
func (s *FaultyStore) Update(ctx context.Context, fn func(model.Tx) error) error {
	if _, err, _ := s.faults(); err != nil {
		return err
	}
	return s.Store.Update(ctx, fn)
}

// Query implements [ports.Store].
func (s *FaultyStore) Query(q model.Query) (model.Page, error) {
	err, _, partial := s.faults()
	if err != nil {
		return model.Page{}, err
	}
	p, err := s.Store.Query(q)
	if partial {
		p.Rows, p.Total, p.Partial = p.Rows[:min(len(p.Rows), 1)], min(p.Total, 1), true
	}
	return p, err
}

// Counts implements [ports.Store].
func (s *FaultyStore) Counts(now time.Time) (model.Counts, error) {
	err, _, partial := s.faults()
	if err != nil {
		return model.Counts{}, err
	}
	c, err := s.Store.Counts(now)
	if partial {
		c.Derived, c.Weeks, c.Partial = nil, [len(c.Weeks)]int{}, true
	}
	return c, err
}

// Expiries implements [ports.Store].
func (s *FaultyStore) Expiries(from time.Time, days int) (model.Expiries, error) {
	err, _, partial := s.faults()
	if err != nil {
		return model.Expiries{}, err
	}
	e, err := s.Store.Expiries(from, days)
	if partial {
		e.Before, e.Days, e.Partial = 0, make([]int, days), true
	}
	return e, err
}

// Gate holds up whoever passes while it is shut. It is open at first, and safe
// for concurrent use.
type Gate struct {
	mu   sync.Mutex
	shut chan struct{} // closed when it opens; nil while it is open
}

// Shut holds up who comes from now on.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

// Open lets go on who waits, and who comes.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// Pass returns once the gate is open.
func (g *Gate) Pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}
