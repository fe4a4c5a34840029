package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/mem"
)

// gated is an engine whose writes wait until they are let through, with an error or none.
type gated struct {
	engine.Engine
	gate chan error
}

func (g *gated) Apply(ctx context.Context, b *engine.Batch) error {
	if err := <-g.gate; err != nil {
		return err
	}
	return g.Engine.Apply(ctx, b)
}

// gatedStore is a store whose writes wait from now on.
func gatedStore(t *testing.T) (*store.Store, *gated) {
	t.Helper()
	g := &gated{Engine: mem.New(), gate: make(chan error)}
	open := make(chan struct{})
	go func() {
		for {
			select {
			case g.gate <- nil:
			case <-open:
				return
			}
		}
	}()
	s, err := store.With(g, store.Options{})
	close(open)
	if err != nil {
		t.Fatal(err)
	}
	return s, g
}

func named(n int) *model.Contact {
	return &model.Contact{ID: model.ID(fmt.Sprint("c", n)), Name: fmt.Sprint("contact ", n)}
}

func contacts(t *testing.T, r model.Reader) (n int) {
	t.Helper()
	for _, err := range r.Keys(model.Scan{Kind: model.KindContact, Index: "name"}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func stored(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	if err := s.View(func(r model.Reader) error { n = contacts(t, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// begin starts an update that adds a contact and an event, and reports what it saw.
func begin(t *testing.T, s *store.Store, n int) (saw chan int, result chan error) {
	saw, result = make(chan int, 1), make(chan error, 1)
	go func() {
		result <- s.Update(context.Background(), func(tx model.Tx) error {
			saw <- contacts(t, tx)
			return errors.Join(tx.Put(named(n)), tx.Append(model.Event{Actor: "ada", Action: fmt.Sprint("add ", n)}))
		})
	}()
	return saw, result
}

func TestCallersRunOnTopOfTheGroupThatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g := gatedStore(t)
		var results []chan error
		for n := range 5 { // the first is being written, the others wait on top of it
			saw, result := begin(t, s, n)
			if got := <-saw; got != n {
				t.Errorf("caller %d sees %d contacts", n, got)
			}
			synctest.Wait()
			results = append(results, result)
		}
		if n := stored(t, s); n != 0 {
			t.Errorf("%d contacts are read before they are durable", n)
		}
		g.gate <- nil
		if err := <-results[0]; err != nil {
			t.Error(err)
		}
		if n := stored(t, s); n != 1 {
			t.Errorf("%d contacts are read once the first is durable", n)
		}
		select {
		case <-results[1]:
			t.Error("a caller has its result before it is durable")
		default:
		}
		g.gate <- nil // the others are one group
		for _, r := range results[1:] {
			if err := <-r; err != nil {
				t.Error(err)
			}
		}
		if n := stored(t, s); n != 5 {
			t.Errorf("%d of 5 contacts are stored", n)
		}
		if r, err := s.Fsck(context.Background()); err != nil || !r.Sound() || r.Events != 5 {
			t.Errorf("%+v, %v", r, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatRanOnTopOfAGroupThatFailedFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g := gatedStore(t)
		saw, first := begin(t, s, 1)
		<-saw
		synctest.Wait()
		saw, second := begin(t, s, 2)
		<-saw
		synctest.Wait()
		g.gate <- engine.ErrNoSpace
		for n, r := range []chan error{first, second} {
			if err := <-r; !errors.Is(err, store.ErrDiskFull) {
				t.Errorf("caller %d: %v", n+1, err)
			}
		}
		if n := stored(t, s); n != 0 {
			t.Errorf("%d contacts of failed groups are stored", n)
		}
		saw, third := begin(t, s, 3)
		if got := <-saw; got != 0 {
			t.Errorf("a later caller sees %d contacts that were not written", got)
		}
		g.gate <- nil
		if err := <-third; err != nil {
			t.Error(err)
		}
		if r, err := s.Fsck(context.Background()); err != nil || !r.Sound() || r.Events != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCallersThatDoNotFitFormTheNextGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g := gatedStore(t)
		done := make(chan struct{})
		go func() {
			for {
				select {
				case g.gate <- nil:
				case <-done:
					return
				}
			}
		}()
		const callers, records = 20, 3000 // each is a fifth of what a batch holds
		var wg sync.WaitGroup
		for n := range callers {
			wg.Go(func() {
				if err := s.Update(context.Background(), func(tx model.Tx) error {
					for k := range records / 2 {
						if err := tx.Put(named(n*records + k)); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		close(done)
		if n := stored(t, s); n != callers*records/2 {
			t.Errorf("%d of %d contacts are stored", n, callers*records/2)
		}
		go func() { g.gate <- nil }()
		if err := s.Update(context.Background(), func(tx model.Tx) error { return tx.Put(named(-1)) }); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
