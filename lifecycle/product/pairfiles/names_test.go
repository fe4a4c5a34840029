package pairfiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/runner"
)

// current is the name of the directory that is presented.
func current(t *testing.T, s *pairfiles.Set) string {
	t.Helper()
	at, err := os.Readlink(filepath.Join(s.Dir(), "current"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// commit puts a pair for good.
func commit(t *testing.T, s *pairfiles.Set, pair ports.KeyPair) {
	t.Helper()
	put(t, s, pair)
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// spec: P5
func TestAPlanNamesPairsBriefly(t *testing.T) {
	ca := producttest.NewCA(t, now)
	e := newEstate(t, ca, "chain and key")
	pair := ca.Pair(t, "a.example.com")
	plan, err := e.set(runner.Local{}).Plan(t.Context(), pair)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range plan {
		if strings.Contains(c.Subject, pair.Fingerprint[:17]) {
			t.Errorf("%s is long", c.Subject)
		}
	}
	s := e.set(runner.Local{})
	if commit(t, s, pair); current(t, s) != pair.Fingerprint[:16] {
		t.Errorf("it is named %s", current(t, s))
	}
}

// Directories were once named after whole fingerprints. spec: P3
func TestAPairUnderItsWholeFingerprintIsUsedOn(t *testing.T) {
	ca := producttest.NewCA(t, now)
	e := newEstate(t, ca, "chain and key")
	before := producttest.Tree(t, e.dir)
	s := e.set(runner.Local{})
	a, b := ca.Pair(t, "a.example.com"), ca.Pair(t, "a.example.com")
	commit(t, s, a)
	for _, name := range []string{a.Fingerprint, a.Fingerprint + "-again"} {
		if err := os.Rename(filepath.Join(s.Dir(), current(t, s)), filepath.Join(s.Dir(), name)); err != nil {
			t.Fatal(err)
		}
		if err := s.Host.Symlink(t.Context(), name, filepath.Join(s.Dir(), "current")); err != nil {
			t.Fatal(err)
		}
		if plan, err := s.Plan(t.Context(), a); err != nil || len(plan) != 0 {
			t.Errorf("%s: a plan of what is there is %v, %v", name, plan, err)
		}
		if changed, err := s.Put(t.Context(), a, idle); err != nil || changed || current(t, s) != name {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
	}
	put(t, s, b)
	if err := s.Restore(t.Context(), idle); err != nil || e.holds(t) != a.Fingerprint {
		t.Errorf("the pair of old is not back, %v", err)
	}
	if commit(t, s, b); e.holds(t) != b.Fingerprint {
		t.Error("the new pair is not there")
	}
	if err := s.Undeploy(t.Context(), idle); err != nil {
		t.Fatal(err)
	}
	if after := producttest.Tree(t, e.dir); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// Two pairs whose directories would have the same name are told apart by what is in them.
// spec: P3
func TestPairsWithTheSameDigitsAreToldApart(t *testing.T) {
	ca := producttest.NewCA(t, now)
	for layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			e := newEstate(t, ca, layout)
			s := e.set(runner.Local{})
			a, b := ca.Pair(t, "a.example.com"), ca.Pair(t, "a.example.com")
			// What a driver is given has been checked: here the digits are made the same.
			alike := b
			alike.Fingerprint = a.Fingerprint[:16] + b.Fingerprint[16:]
			commit(t, s, a)
			for range 2 {
				if plan, err := s.Plan(t.Context(), alike); err != nil || len(plan) == 0 {
					t.Fatalf("planned %v, %v", plan, err)
				}
				put(t, s, alike)
				if e.holds(t) != b.Fingerprint {
					t.Fatal("the second pair is not there")
				}
				if err := s.Restore(t.Context(), idle); err != nil || e.holds(t) != a.Fingerprint {
					t.Fatalf("the first pair is not back, %v", err)
				}
			}
			commit(t, s, alike)
			if plan, err := s.Plan(t.Context(), alike); err != nil || len(plan) != 0 {
				t.Errorf("a plan of what is there is %v, %v", plan, err)
			}
			if commit(t, s, a); e.holds(t) != a.Fingerprint {
				t.Error("the first pair is not there again")
			}
		})
	}
}
