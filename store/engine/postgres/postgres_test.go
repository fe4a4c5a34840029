package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/store/engine"
	"certquay/store/engine/enginetest"
	"certquay/store/engine/postgres"
	"certquay/store/engine/postgres/pgtest"
)

func open(t *testing.T, url string) *postgres.Engine {
	t.Helper()
	e, err := postgres.Open(t.Context(), postgres.Options{URL: url, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// own opens a database and becomes its owner.
func own(t *testing.T, url string) (*postgres.Engine, *engine.Lease) {
	t.Helper()
	e := open(t, url)
	l, err := e.Acquire(t.Context(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return e, l
}

// endLease ends the lease of whoever holds it.
const endLease = "update certquay_owner set ends = clock_timestamp()"

func TestEngineContract(t *testing.T) {
	s := pgtest.Start(t)
	enginetest.Run(t, func(t *testing.T) enginetest.Database {
		url := s.Database(t)
		return enginetest.Database{
			Open: func() (engine.Engine, error) {
				e, err := postgres.Open(t.Context(), postgres.Options{URL: url, Create: true})
				if err != nil {
					return nil, err
				}
				return e, nil
			},
			EndLease: func() error { s.Exec(t, url, endLease); return nil },
		}
	})
}

// put returns a batch that counts how often it is written: it takes the count before for
// granted.
func counting(n int) *engine.Batch {
	b := &engine.Batch{Compare: []engine.Compare{{Key: "count"}}}
	if n > 1 {
		b.Compare[0].Value = fmt.Append(nil, n-1)
	}
	b.Put("count", fmt.Append(nil, n))
	return b
}

// The answer to a batch is lost after it was written: it is not written again, although
// its compare does not hold any more.
func TestABatchWhoseAnswerIsLostIsWrittenOnce(t *testing.T) {
	postgres.LongLeases(t)
	s := pgtest.Start(t)
	s.Database(t)
	p := s.Proxy(t)
	e, _ := own(t, p.URL("db1"))
	for n := 1; n <= 20; n++ {
		if n%3 == 0 {
			p.LoseAnswer()
		}
		if err := e.Apply(t.Context(), counting(n)); err != nil {
			t.Fatalf("batch %d: %v", n, err)
		}
		if !p.Lost() {
			t.Fatalf("no answer to batch %d was lost", n)
		}
	}
	if err := e.Apply(t.Context(), counting(20)); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("a batch whose compare fails: %v", err)
	}
}

// A batch that is held up on its way arrives after it was written again, and after the
// next one: it does not overwrite that.
func TestABatchThatArrivesLateIsNotWritten(t *testing.T) {
	s := pgtest.Start(t)
	s.Database(t)
	p := s.Proxy(t)
	e, _ := own(t, p.URL("db1"))
	write := func(n byte) {
		t.Helper()
		var b engine.Batch
		b.Put("k", bytes.Repeat([]byte{n}, 100<<10))
		if err := e.Apply(t.Context(), &b); err != nil {
			t.Fatalf("batch %d: %v", n, err)
		}
	}
	write(1)
	release := p.Hold()
	write(2)
	write(3)
	release()
	snap, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if v, err := snap.Get("k"); err != nil || v[0] != 3 {
		t.Errorf("batch %d is what is there: %v", v[0], err)
	}
}

// While the database restarts, a batch and a snapshot wait for it.
func TestARestartOfTheDatabaseIsWaitedFor(t *testing.T) {
	postgres.LongLeases(t)
	s := pgtest.Start(t)
	e, l := own(t, s.Database(t))
	n := 0
	for _, end := range []func(testing.TB){s.Stop, s.Kill} {
		n++
		if err := e.Apply(t.Context(), counting(n)); err != nil {
			t.Fatal(err)
		}
		end(t)
		done := make(chan error)
		go func() { done <- e.Apply(t.Context(), counting(n+1)) }()
		s.Run(t)
		if err := <-done; err != nil {
			t.Fatalf("after the restart: %v", err)
		}
		n++
		snap, err := e.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := snap.Get("count"); err != nil || string(v) != fmt.Sprint(n) {
			t.Errorf("count is %q, %v", v, err)
		}
		snap.Close()
	}
	select {
	case <-l.Lost():
		t.Error("the lease was lost")
	default:
	}
}

// An owner that is cut off from the database for longer than the lease stops by itself,
// before another takes over, and writes nothing once the way is free again.
func TestAnOwnerThatIsCutOffStopsBeforeTheNextBegins(t *testing.T) {
	s := pgtest.Start(t)
	url := s.Database(t)
	p := s.Proxy(t)
	cut, lease := own(t, p.URL("db1"))
	next := open(t, url)
	if err := cut.Apply(t.Context(), counting(1)); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- cut.Apply(t.Context(), counting(2)) }()
	over := waittest.Eventually(time.Minute, func() bool {
		_, err := next.Acquire(t.Context(), "the next")
		if err != nil && !errors.Is(err, engine.ErrInUse) {
			t.Error(err)
		}
		return err == nil
	})
	if !over {
		t.Fatal("the lease does not end")
	}
	select {
	case <-lease.Lost():
	default:
		t.Error("another owns the database, and the one that was cut off does not know")
	}
	t.Logf("taken over after %v", time.Since(begin))
	if err := <-done; !errors.Is(err, engine.ErrNotOwner) {
		t.Errorf("a write that began before: %v", err)
	}
	enginetest.Away(t, cut, p.Heal)
	if err := cut.Apply(t.Context(), counting(2)); !errors.Is(err, engine.ErrNotOwner) {
		t.Errorf("a write after the cut: %v", err)
	}
	if err := next.Apply(t.Context(), counting(2)); err != nil {
		t.Errorf("the next owner: %v", err)
	}
}

// The lease of a process that ended without a word is renewed no more; one that is held
// outlives its length.
func TestALeaseIsRenewed(t *testing.T) {
	s := pgtest.Start(t)
	url := s.Database(t)
	e, l := own(t, url)
	other := open(t, url)
	if waittest.Eventually(8*time.Second, func() bool {
		_, err := other.Acquire(t.Context(), "another")
		return !errors.Is(err, engine.ErrInUse)
	}) {
		t.Fatal("acquired beside its owner")
	}
	select {
	case <-l.Lost():
		t.Fatal("lost")
	default:
	}
	if err := e.Apply(t.Context(), counting(1)); err != nil {
		t.Error(err)
	}
}
