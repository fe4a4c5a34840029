// Package enginetest is the contract suite of engines.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"certquay/store/engine"
)

// Run tests an engine. Each call of open returns an empty one, which Run closes.
func Run(t *testing.T, open func(t *testing.T) engine.Engine) {
	fresh := func(t *testing.T) engine.Engine {
		e := open(t)
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		return e
	}
	t.Run("scans equal those of a sorted list", func(t *testing.T) { scans(t, fresh(t)) })
	t.Run("a snapshot does not see later writes", func(t *testing.T) { isolated(t, fresh(t)) })
	t.Run("a batch whose compare fails writes nothing", func(t *testing.T) { compares(t, fresh(t)) })
	t.Run("a batch over the limit is refused", func(t *testing.T) { limited(t, fresh(t)) })
	t.Run("keys read are counted", func(t *testing.T) { counted(t, fresh(t)) })
	t.Run("an ended context writes nothing", func(t *testing.T) { cancelled(t, fresh(t)) })
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
	for _, k := range ks {
		out = append(out, k+"="+model[k])
	}
	return out
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
	for n := 0; b.Size()+engine.Size("0000", chunk) <= e.Limit(); n++ {
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
}

func counted(t *testing.T, e engine.Engine) {
	put(t, e, "a", "1", "b", "2", "c", "3")
	before := e.KeysRead()
	read(t, e, func(s engine.Snapshot) {
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
	if n := e.KeysRead() - before; n != 4 {
		t.Errorf("counted %d keys, want 4", n)
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
