package pairfiles_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/runner"
)

// spec: P3
func TestWhoeverReadsMeanwhileFindsACompletePair(t *testing.T) {
	ctx := context.Background()
	ca := producttest.NewCA(t, now)
	for layout := range layouts {
		e := newEstate(t, ca, layout)
		s := e.set(watching{runner.Local{}, func() { e.holds(t) }})
		for range 2 {
			put(t, s, ca.Pair(t, "a.example.com"))
			if err := s.Commit(ctx); err != nil {
				t.Fatal(err)
			}
		}
		put(t, s, ca.Pair(t, "a.example.com"))
		if err := s.Restore(ctx, idle); err != nil {
			t.Fatal(err)
		}
		if layout == "nothing there yet" {
			continue // it is taken off file by file, and no server reads files that are not there
		}
		if err := s.Undeploy(ctx, idle); err != nil {
			t.Fatal(err)
		}
	}
}

// watching looks after each change.
type watching struct {
	runner.Runner
	look func()
}

func (w watching) Symlink(ctx context.Context, target, path string) error {
	defer w.look()
	return w.Runner.Symlink(ctx, target, path)
}

func (w watching) WriteFile(ctx context.Context, path string, data []byte, a runner.Attributes) error {
	defer w.look()
	return w.Runner.WriteFile(ctx, path, data, a)
}

func (w watching) Remove(ctx context.Context, path string) error {
	defer w.look()
	return w.Runner.Remove(ctx, path)
}

// spec: P3 D6
func TestEachCallGoesOnWhereItWasKilled(t *testing.T) {
	ctx := context.Background()
	ca := producttest.NewCA(t, now)
	a, b := ca.Pair(t, "a.example.com"), ca.Pair(t, "a.example.com")
	committed := func(t *testing.T, s *pairfiles.Set) {
		put(t, s, a)
		if err := s.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	putB := func(s *pairfiles.Set) error { _, err := s.Put(ctx, b, server(s.Host)); return err }
	restore := func(s *pairfiles.Set) error { return s.Restore(ctx, server(s.Host)) }
	undeploy := func(s *pairfiles.Set) error {
		if err := s.Undeploy(ctx, server(s.Host)); !errors.Is(err, ports.ErrNoResource) {
			return err
		}
		return nil
	}
	for _, c := range []struct {
		name    string
		prepare func(*testing.T, *pairfiles.Set)
		call    func(*pairfiles.Set) error
	}{
		{"first put", func(*testing.T, *pairfiles.Set) {}, putB},
		{"later put", committed, putB},
		{"first restore", func(t *testing.T, s *pairfiles.Set) { put(t, s, b) }, restore},
		{"later restore", func(t *testing.T, s *pairfiles.Set) { committed(t, s); put(t, s, b) }, restore},
		{"commit", func(t *testing.T, s *pairfiles.Set) { committed(t, s); put(t, s, b) },
			func(s *pairfiles.Set) error { return s.Commit(ctx) }},
		{"undeploy", committed, undeploy},
	} {
		for _, layout := range []string{"chain and key", "links", "one file", "nothing there yet"} {
			for _, late := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, late %v", c.name, layout, late), func(t *testing.T) {
					for n := 0; ; n++ {
						e := newEstate(t, ca, layout)
						before := producttest.Tree(t, e.dir)
						whole := e.set(runner.Local{})
						c.prepare(t, whole)
						loaded := e.holds(t)
						local := host{runner.Local{}, func() { loaded = e.holds(t) }}
						whole.Host = local
						prepared := producttest.Tree(t, e.dir)
						stopping := &producttest.Stopping{Runner: local, N: n, Late: late}
						err := c.call(e.set(stopping))
						if !stopping.Stopped() {
							if err != nil {
								t.Fatal(err)
							}
							return
						}
						if layout != "nothing there yet" {
							e.holds(t)
						}
						if c.name == "first put" || c.name == "later put" { // either way out
							if n%2 == 0 {
								if err := restore(whole); err != nil || loaded != e.holds(t) {
									t.Fatalf("after %d changes: %v, or the server has others loaded", n, err)
								}
								if after := producttest.Tree(t, e.dir); after != prepared {
									t.Fatalf("after %d changes: before\n%safter\n%s", n, prepared, after)
								}
							}
						}
						if err := c.call(whole); err != nil {
							t.Fatalf("after %d changes: %v", n, err)
						}
						if loaded != e.holds(t) {
							t.Fatalf("after %d changes the server has others loaded", n)
						}
						switch c.name {
						case "first restore", "undeploy":
							if after := producttest.Tree(t, e.dir); after != before {
								t.Fatalf("after %d changes: before\n%safter\n%s", n, before, after)
							}
						case "later restore":
							if e.holds(t) != a.Fingerprint {
								t.Fatalf("after %d changes the former pair is not there", n)
							}
						default:
							if e.holds(t) != b.Fingerprint {
								t.Fatalf("after %d changes the pair is not there", n)
							}
						}
						if err := undeploy(whole); err != nil {
							t.Fatal(err)
						}
						if after := producttest.Tree(t, e.dir); after != before {
							t.Fatalf("taken off after %d changes: before\n%safter\n%s", n, before, after)
						}
					}
				})
			}
		}
	}
}
