package badger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"certquay/store/engine"
	"certquay/store/engine/badger"
)

// copyDir copies the files of a database as a process that is killed now
// leaves them: once more when tables were compacted meanwhile.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	manifest := func() string {
		b, err := os.ReadFile(filepath.Join(from, "MANIFEST"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for {
		to := filepath.Join(t.TempDir(), "db")
		before := manifest()
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil && manifest() == before {
			return to
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// everything is what an engine holds, in both directions.
func everything(t testing.TB, e engine.Engine, r engine.Range) string {
	t.Helper()
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b strings.Builder
	for _, r.Reverse = range []bool{false, true} {
		for p, err := range s.Scan(r) {
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Get(p.Key)
			if err != nil || !bytes.Equal(got, p.Value) {
				t.Fatalf("key %q: a scan gives %d bytes, Get %d, %v", p.Key, len(p.Value), len(got), err)
			}
			fmt.Fprintf(&b, "%q %x\n", p.Key, p.Value)
		}
	}
	return b.String()
}

// A Reader gives what Badger gives: of a database in use, of one whose process
// was killed, and of one that was closed, through tables of several levels.
func TestReaderGivesWhatBadgerGives(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	rnd := rand.New(rand.NewPCG(1, 2))
	ranges := []engine.Range{{}, {From: "k2", To: "k7"}, engine.Prefix("k1"), {From: "k5"}, {To: "k3"}, {From: "x", To: "y"}}
	compare := func(e engine.Engine, dir string) {
		t.Helper()
		r, err := badger.OpenReader(dir, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if len(r.TruncatedFiles()) > 0 {
			t.Errorf("something would be cut off of %v", r.TruncatedFiles())
		}
		for _, rg := range ranges {
			if got, want := everything(t, r, rg), everything(t, e, rg); got != want {
				t.Fatalf("range %+v differs: %d bytes, want %d", rg, len(got), len(want))
			}
		}
		s, err := r.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get("missing"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("a missing key: %v", err)
		}
		if err := r.Apply(context.Background(), &engine.Batch{}); !errors.Is(err, engine.ErrReadOnly) {
			t.Errorf("writing: %v", err)
		}
	}
	for life := range 12 {
		e := open(t, dir, true)
		for range 40 {
			var b engine.Batch
			used := map[string]bool{}
			for range 1 + rnd.IntN(8) {
				k := fmt.Sprintf("k%d", rnd.IntN(400))
				switch {
				case used[k]:
				case rnd.IntN(4) == 0:
					b.Delete(k)
				default:
					v := make([]byte, rnd.IntN(3000))
					for i := range v {
						v[i] = byte(rnd.Uint32())
					}
					b.Put(k, v)
				}
				used[k] = true
			}
			if err := e.Apply(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
		}
		killed := copyDir(t, dir)
		compare(e, killed)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		e = open(t, killed, false)
		compare(e, dir)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if life%3 == 0 { // go on with what the killed one left
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(killed, dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}
