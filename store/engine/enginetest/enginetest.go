// Package enginetest is the contract suite of engines.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"certquay/store/engine"
)

// Database is an empty database.
type Database struct {
	// Open connects to it. The first engine is opened before others; if the database
	// can only be open once, opening it again fails with an error that wraps
	// [engine.ErrInUse].
	Open func() (engine.Engine, error)
	// EndLease ends the lease of whoever holds it, as if it could not be renewed. It is
	// nil for a database that can only be open once.
	EndLease func() error
}

// Run tests an engine. Each call of fresh returns an empty database.
func Run(t *testing.T, fresh func(t *testing.T) Database) {
	for _, c := range []struct {
		name string
		test func(*testing.T, engine.Engine)
	}{
		{"scans equal those of a sorted list", scans},
		{"a scan may call others", nested},
		{"a snapshot does not see later writes", isolated},
		{"a batch whose compare fails writes nothing", compares},
		{"a batch over the limit is refused", limited},
		{"keys are as long as the limit, and no longer", longKeys},
		{"keys read are counted", counted},
		{"a database tells its size", sized},
		{"an ended context writes nothing", cancelled},
		{"closing again does nothing", closed},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, own(t, open(t, fresh(t)))) })
	}
	t.Run("one engine owns the database", func(t *testing.T) { owned(t, fresh(t)) })
	t.Run("a deposed owner writes nothing", func(t *testing.T) {
		if d := fresh(t); d.EndLease != nil {
			deposed(t, d)
		}
	})
}

// open opens an engine until the test ends.
func open(t *testing.T, d Database) engine.Engine {
	t.Helper()
	e, err := d.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// own makes an engine the owner of its database.
func own(t *testing.T, e engine.Engine) engine.Engine {
	t.Helper()
	if _, err := e.Acquire(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	return e
}

// owned passes the ownership from one engine to another.
func owned(t *testing.T, d Database) {
	first := open(t, d)
	lease, err := first.Acquire(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	put(t, first, "k", "1")
	second, err := d.Open()
	if d.EndLease == nil {
		if !errors.Is(err, engine.ErrInUse) {
			t.Fatalf("opened twice: %v", err)
		}
	} else {
		held := new(engine.HeldError)
		if _, err := second.Acquire(t.Context(), "second"); !errors.As(err, &held) || held.Holder != "first" || held.Since.IsZero() {
			t.Fatalf("acquired twice: %v", err)
		}
		var b engine.Batch
		b.Put("k", []byte("2"))
		if err := second.Apply(t.Context(), &b); !errors.Is(err, engine.ErrNotOwner) {
			t.Errorf("written without the lease: %v", err)
		}
		read(t, second, func(s engine.Snapshot) {
			if v, err := s.Get("k"); err != nil || string(v) != "1" {
				t.Errorf("the other reads %q, %v", v, err)
			}
		})
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lease.Lost():
		t.Error("a lease that was given back counts as lost")
	default:
	}
	if d.EndLease == nil {
		second = open(t, d)
	}
	defer func() { _ = second.Close() }()
	next, err := second.Acquire(t.Context(), "second")
	if err != nil {
		t.Fatal(err)
	}
	if d.EndLease != nil && next.Epoch() <= lease.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), lease.Epoch())
	}
	put(t, second, "k", "2")
}

// deposed takes the lease from an owner that does not know it.
func deposed(t *testing.T, d Database) {
	first, second := open(t, d), open(t, d)
	lease, err := first.Acquire(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	put(t, first, "k", "1")
	if err := d.EndLease(); err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		var b engine.Batch
		b.Put("k", []byte(when))
		if err := first.Apply(t.Context(), &b); !errors.Is(err, engine.ErrNotOwner) {
			t.Errorf("%s: the deposed owner writes: %v", when, err)
		}
	}
	refused("ended")
	own(t, second)
	refused("passed on")
	<-lease.Lost()
	if _, err := first.Acquire(t.Context(), "first"); !errors.Is(err, engine.ErrInUse) {
		t.Errorf("acquired twice: %v", err)
	}
	refused("asked for")
	put(t, second, "l", "2")
	read(t, second, func(s engine.Snapshot) {
		if v, err := s.Get("k"); err != nil || string(v) != "1" {
			t.Errorf("k is %q, %v", v, err)
		}
	})
}

func put(t *testing.T, e engine.Engine, pairs ...string) {
	t.Helper()
	var b engine.Batch
	for pair := range slices.Chunk(pairs, 2) {
		b.Put(pair[0], []byte(pair[1]))
	}
	if err := e.Apply(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, e engine.Engine, fn func(engine.Snapshot)) {
	t.Helper()
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fn(s)
}

var keys = rapid.OneOf(
	rapid.SampledFrom([]string{"a", "a\x00", "a\x00b", "aa", "ab", "b", "\xff", "\xff\xff", "\x01"}),
	rapid.StringN(1, 4, 8),
)

// scans compares an engine with a map after random batches.
func scans(t *testing.T, e engine.Engine) {
	model := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		b := engine.Batch{}
		written := map[string]bool{}
		for n := rapid.IntRange(0, 8).Draw(t, "writes"); n > 0; n-- {
			k := keys.Draw(t, "key")
			if written[k] {
				continue
			}
			written[k] = true
			if rapid.Bool().Draw(t, "delete") {
				b.Delete(k)
				delete(model, k)
				continue
			}
			v := rapid.StringN(0, 3, 3).Draw(t, "value")
			b.Put(k, []byte(v))
			model[k] = v
		}
		if err := e.Apply(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		r := engine.Range{Reverse: rapid.Bool().Draw(t, "reverse")}
		if rapid.Bool().Draw(t, "bounded") {
			r.From, r.To = keys.Draw(t, "from"), keys.Draw(t, "to")
		}
		r.Limit = rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "limit")
		var got []string
		want := sorted(model, r)
		s, err := e.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for p, err := range s.Scan(r) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.Key+"="+string(p.Value))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("scan %+v: got %q, want %q", r, got, want)
		}
	})
}

func sorted(model map[string]string, r engine.Range) (out []string) {
	var ks []string
	for k := range model {
		if r.Contains(k) {
			ks = append(ks, k)
		}
	}
	slices.Sort(ks)
	if r.Reverse {
		slices.Reverse(ks)
	}
	if r.Limit > 0 {
		ks = ks[:min(r.Limit, len(ks))]
	}
	for _, k := range ks {
		out = append(out, k+"="+model[k])
	}
	return out
}

// nested reads within a scan that is longer than what an engine fetches at once.
func nested(t *testing.T, e engine.Engine) {
	const many = 3000
	for done := 0; done < many; {
		var b engine.Batch
		for ; done < many && len(b.Writes) < e.Limit().Writes; done++ {
			b.Put(fmt.Sprintf("%04d", done), []byte{byte(done)})
		}
		if err := e.Apply(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	for _, reverse := range []bool{false, true} {
		read(t, e, func(s engine.Snapshot) {
			n := 0
			for p, err := range s.Scan(engine.Range{From: "0", To: "9", Reverse: reverse}) {
				if err != nil {
					t.Fatal(err)
				}
				key := fmt.Sprintf("%04d", n)
				if reverse {
					key = fmt.Sprintf("%04d", many-1-n)
				}
				if v, err := s.Get(p.Key); p.Key != key || err != nil || string(v) != string(p.Value) {
					t.Fatalf("pair %d is %q, %q, %v", n, p.Key, v, err)
				}
				n++
			}
			if n != many {
				t.Errorf("reverse %t: %d pairs", reverse, n)
			}
		})
	}
}

func isolated(t *testing.T, e engine.Engine) {
	put(t, e, "k", "old")
	read(t, e, func(s engine.Snapshot) {
		put(t, e, "k", "new", "l", "1")
		if v, err := s.Get("k"); err != nil || string(v) != "old" {
			t.Errorf("got %q, %v", v, err)
		}
		if _, err := s.Get("l"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	read(t, e, func(s engine.Snapshot) {
		if v, err := s.Get("k"); err != nil || string(v) != "new" {
			t.Errorf("got %q, %v", v, err)
		}
	})
}

func compares(t *testing.T, e engine.Engine) {
	put(t, e, "k", "1", "empty", "")
	for _, c := range []struct {
		compare engine.Compare
		holds   bool
	}{
		{engine.Compare{Key: "k", Value: []byte("1")}, true},
		{engine.Compare{Key: "k", Value: []byte("2")}, false},
		{engine.Compare{Key: "k"}, false},
		{engine.Compare{Key: "none"}, true},
		{engine.Compare{Key: "none", Value: []byte{}}, false},
		{engine.Compare{Key: "empty", Value: []byte{}}, true},
		{engine.Compare{Key: "empty"}, false},
	} {
		b := engine.Batch{Compare: []engine.Compare{c.compare}}
		b.Put("w", []byte(fmt.Sprint(c)))
		err := e.Apply(context.Background(), &b)
		if c.holds != (err == nil) || !c.holds && !errors.Is(err, engine.ErrConflict) {
			t.Errorf("%+v: got %v", c, err)
		}
		read(t, e, func(s engine.Snapshot) {
			if v, _ := s.Get("w"); (string(v) == fmt.Sprint(c)) != c.holds {
				t.Errorf("%+v: wrote %q", c, v)
			}
		})
	}
}

func limited(t *testing.T, e engine.Engine) {
	var b engine.Batch
	chunk := make([]byte, 64<<10)
	for n := 0; b.Size()+engine.Size("0000", chunk) <= e.Limit().Bytes; n++ {
		b.Put(fmt.Sprintf("%04d", n), chunk)
	}
	if err := e.Apply(context.Background(), &b); err != nil {
		t.Errorf("a batch of the limit: %v", err)
	}
	b.Put("x", chunk)
	b.Put("y", nil)
	if err := e.Apply(context.Background(), &b); !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("a batch over the limit: %v", err)
	}
	b = engine.Batch{}
	for n := range e.Limit().Writes {
		b.Put(fmt.Sprintf("%06d", n), nil)
	}
	if err := e.Apply(context.Background(), &b); err != nil {
		t.Errorf("as many writes as the limit: %v", err)
	}
	b.Delete("none")
	if err := e.Apply(context.Background(), &b); !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("more writes than the limit: %v", err)
	}
}

// longKeys writes keys that do not compress: an index of PostgreSQL takes longer ones only
// if they do.
func longKeys(t *testing.T, e engine.Engine) {
	key := make([]byte, engine.MaxKey+1)
	_, _ = rand.NewChaCha8([32]byte{}).Read(key) // never fails
	longest := string(key[:engine.MaxKey])
	put(t, e, longest, "1")
	read(t, e, func(s engine.Snapshot) {
		if v, err := s.Get(longest); err != nil || string(v) != "1" {
			t.Errorf("the longest key has %q, %v", v, err)
		}
	})
	var b engine.Batch
	b.Put("k", []byte("1"))
	b.Put(string(key), []byte("2"))
	if err := e.Apply(t.Context(), &b); !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("a longer key: %v", err)
	}
	b = engine.Batch{}
	b.Delete(string(key)) // of a database that was made without the limit
	if err := e.Apply(t.Context(), &b); err != nil {
		t.Errorf("a longer key is deleted: %v", err)
	}
	put(t, e, "k", "2")
}

// sized tests engines that tell the size of their database.
func sized(t *testing.T, e engine.Engine) {
	s, ok := e.(interface{ Size() (int64, error) })
	if !ok {
		return
	}
	put(t, e, "k", strings.Repeat("v", 1000))
	if n, err := s.Size(); err != nil || n < 1000 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// counted tests [Counter].
func counted(t *testing.T, e engine.Engine) {
	put(t, e, "a", "1", "b", "2", "c", "3")
	c := &Counter{Engine: e}
	read(t, c, func(s engine.Snapshot) {
		_, _ = s.Get("a")
		for _, err := range s.Scan(engine.Range{From: "a", To: "c"}) {
			if err != nil {
				t.Error(err)
			}
		}
		for _, err := range s.Scan(engine.Range{KeysOnly: true}) {
			if err != nil {
				t.Error(err)
			}
			break
		}
	})
	if n, open := c.Read(), c.Open(); n != 4 || open != 1 {
		t.Errorf("counted %d keys in %d scans without an end, want 4 and 1", n, open)
	}
}

func closed(t *testing.T, e engine.Engine) {
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Error(err)
	}
}

func cancelled(t *testing.T, e engine.Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var b engine.Batch
	b.Put("k", nil)
	if err := e.Apply(ctx, &b); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	read(t, e, func(s engine.Snapshot) {
		if _, err := s.Get("k"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}
