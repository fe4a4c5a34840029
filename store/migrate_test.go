package store

import (
	"context"
	"errors"
	"testing"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/mem"
)

func inMemory(t *testing.T, e engine.Engine, key string) *Store {
	t.Helper()
	s, err := With(e, Options{KeyFile: key, WorkFactor: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A downgrade is refused (exit 5).
func TestNewerStoreIsRefused(t *testing.T) {
	e, key := mem.New(), t.TempDir()+"/key"
	s := inMemory(t, e, key)
	if err := s.update(context.Background(), func(tx *tx) error { return tx.putSchema(schema + 1) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := With(e, Options{KeyFile: key}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("got %v", err)
	}
	if err := Peek(e, Options{KeyFile: key}, func(model.Reader) error { return nil }); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("looking into it: %v", err)
	}
}

func TestOlderStoreIsMigratedStepByStep(t *testing.T) {
	ctx := context.Background()
	s := inMemory(t, mem.New(), t.TempDir()+"/key")
	step := func(name string) migration {
		return func(t *tx, _ string) (string, error) { return "", t.Put(&model.KV{Namespace: "step", Name: name}) }
	}
	steps := map[int]migration{schema: step("one"), schema + 1: step("two"), schema + 2: func(t *tx, _ string) (string, error) {
		_, err := step("three")(t, "")
		return "", errors.Join(err, errors.New("no"))
	}}
	if err := s.migrate(ctx, schema+2, steps, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.migrate(ctx, schema+3, steps, nil); err == nil {
		t.Error("a failing step succeeded")
	}
	if err := s.migrate(ctx, schema+4, nil, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a missing step: %v", err)
	}
	err := s.view(func(v *view) error {
		n, err := v.schema()
		if n != schema+2 {
			t.Errorf("schema %d", n)
		}
		for name, want := range map[string]bool{"one": true, "two": true, "three": false} {
			if err := v.Get(&model.KV{Namespace: "step", Name: name}); (err == nil) != want {
				t.Errorf("step %s: %v", name, err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// failing is an engine whose writes fail from some moment on.
type failing struct {
	engine.Engine
	err error
}

func (f *failing) Apply(ctx context.Context, b *engine.Batch) error {
	if f.err != nil {
		return f.err
	}
	return f.Engine.Apply(ctx, b)
}

func TestAfterAFailedWriteTheStoreOnlyReads(t *testing.T) {
	ctx := context.Background()
	f := &failing{Engine: mem.New()}
	s := inMemory(t, f, t.TempDir()+"/key")
	put := func(name string) error {
		return s.Update(ctx, func(tx model.Tx) error { return tx.Put(&model.KV{Namespace: "s", Name: name}) })
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("input/output error")
	f.err = cause
	if err := put("during"); !errors.Is(err, ErrFailed) || !errors.Is(err, cause) {
		t.Errorf("during: %v", err)
	}
	f.err = nil
	if err := put("after"); !errors.Is(err, ErrFailed) {
		t.Errorf("after: %v", err)
	}
	err := s.View(func(r model.Reader) error {
		if err := r.Get(&model.KV{Namespace: "s", Name: "during"}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("what failed: %v", err)
		}
		return r.Get(&model.KV{Namespace: "s", Name: "before"})
	})
	if err != nil {
		t.Error(err)
	}
}
