package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/mem"
	"certquay/store/engine/postgres/pgtest"
)

// filled returns a store with many records, secrets and events.
func filled(t *testing.T, b interface {
	Open(o store.Options) (*store.Store, error)
}, key string) *store.Store {
	t.Helper()
	s, err := b.Open(store.Options{KeyFile: key, WorkFactor: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for n := range 30 {
		err := s.Update(t.Context(), func(tx model.Tx) error {
			for m := range 20 {
				if err := tx.Put(&model.KV{Namespace: "copied", Name: fmt.Sprintf("%d-%d", n, m)}); err != nil {
					return err
				}
			}
			i, id := benchInstance(n), model.ID(fmt.Sprintf("01JD%022d", n))
			key := &model.Key{ID: id, Instance: i.ID, Type: model.ECDSAP256, PKCS8: model.NewSecret([]byte(fmt.Sprint("secret ", n)))}
			i.Versions = nil
			return errors.Join(tx.Put(i), tx.Put(key), tx.Append(model.Event{Action: "buy", Instance: i.ID}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// content returns the pairs of an engine.
func content(t *testing.T, e engine.Engine) map[string]string {
	t.Helper()
	all := map[string]string{}
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for p, err := range s.Scan(engine.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[p.Key] = string(p.Value)
	}
	return all
}

// spec: E1 - a store moves from files to PostgreSQL and back, and is the same.
func TestAStoreIsCopiedBetweenEngines(t *testing.T) {
	dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
	from := directory(filepath.Join(dir, "from"))
	s := filled(t, from, key)
	url := shared(pgtest.Start(t).Database(t))
	to, err := url.Engine()
	if err != nil {
		t.Fatal(err)
	}
	sum, report, err := s.CopyInto(t.Context(), to)
	if err != nil || report.Records != 690 || report.Events != 30 || report.Secrets != 30 || sum.Events != 30 {
		t.Fatalf("copied %+v, %+v: %v", sum, report, err)
	}
	there, err := url.Open(store.Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	back := directory(filepath.Join(dir, "back"))
	if _, again, err := there.CopyToDir(t.Context(), string(back)); err != nil || again.Records != report.Records {
		t.Fatalf("back: %+v: %v", again, err)
	}
	if err := errors.Join(there.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	s, err = back.Open(store.Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(func(r model.Reader) error {
		k, err := model.Get[model.Key](r, fmt.Sprintf("01JD%022d", 7))
		if err == nil && string(k.PKCS8.Reveal()) != "secret 7" {
			t.Errorf("the secret is %q", k.PKCS8.Reveal())
		}
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, place := range []interface{ Engine() (engine.Engine, error) }{from, url, back} {
		e, err := place.Engine()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content(t, e))
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.Equal(all[0], all[1]) || !maps.Equal(all[0], all[2]) {
		t.Errorf("%d, %d and %d pairs differ", len(all[0]), len(all[1]), len(all[2]))
	}
}

// breaking is an engine that fails from some batch on.
type breaking struct {
	engine.Engine
	left int
}

var errBroken = errors.New("input/output error")

func (b *breaking) Apply(ctx context.Context, batch *engine.Batch) error {
	if b.left--; b.left == 0 {
		return errBroken
	}
	return b.Engine.Apply(ctx, batch)
}

func TestACopyIsWholeOrNothing(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	home := directory(filepath.Join(t.TempDir(), "data"))
	s := filled(t, home, key)

	used := mem.New()
	if err := used.Apply(t.Context(), &engine.Batch{Writes: []engine.Write{{Key: "a", Value: []byte("b")}}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CopyInto(t.Context(), used); !errors.Is(err, store.ErrNotEmpty) || len(content(t, used)) != 1 {
		t.Errorf("into an engine that is used: %v, %v", err, content(t, used))
	}
	if _, _, err := s.CopyToDir(t.Context(), string(home)); !errors.Is(err, store.ErrOpen) {
		t.Errorf("into its own directory: %v", err)
	}
	for n := 1; n <= 2; n++ { // while it is filled, and at what makes it a store
		to := &breaking{mem.New(), n}
		if _, _, err := s.CopyInto(t.Context(), to); !errors.Is(err, errBroken) {
			t.Errorf("batch %d fails: %v", n, err)
		}
		if left := content(t, to); len(left) != 0 {
			t.Errorf("batch %d fails: %d pairs are left", n, len(left))
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	to := filepath.Join(t.TempDir(), "to")
	if _, _, err := s.CopyToDir(ended, to); !errors.Is(err, context.Canceled) || store.Exists(to) {
		t.Errorf("a copy that is ended: %v", err)
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := home.Engine()
	if err != nil {
		t.Fatal(err)
	}
	var b engine.Batch
	b.Delete("rkey\x00" + fmt.Sprintf("01JD%022d", 7))
	if err := errors.Join(e.Apply(t.Context(), &b), e.Close()); err != nil {
		t.Fatal(err)
	}
	s, err = home.Open(store.Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	empty := mem.New()
	if _, _, err := s.CopyInto(t.Context(), empty); !errors.Is(err, store.ErrUnsound) || len(content(t, empty)) != 0 {
		t.Errorf("a damaged store: %v", err)
	}
	if _, err := os.Stat(key); err != nil {
		t.Error(err)
	}
}
