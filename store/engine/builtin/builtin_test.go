package builtin_test

import (
	"testing"

	"certquay/store/engine"
	"certquay/store/engine/builtin"
	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/postgres/pgtest"
)

// Each engine that is built in has a name and a sentence, opens, and finds what
// was written in it.
func TestEachKindOpens(t *testing.T) {
	urls := map[string]string{"postgres": pgtest.Start(t).Database(t), "etcd": etcdtest.StartOne(t).Database()}
	seen := map[string]bool{}
	for _, k := range builtin.Kinds {
		if k.Name == "" || seen[k.Name] {
			t.Errorf("%+v", k)
		}
		seen[k.Name] = true
		e, err := k.Open(builtin.Setup{Dir: t.TempDir(), URL: urls[k.Name], Create: true})
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if _, err := e.Acquire(t.Context(), "test"); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		if err := e.Apply(t.Context(), &engine.Batch{Writes: []engine.Write{{Key: "a", Value: []byte("b")}}}); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		s, err := e.Snapshot()
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if v, err := s.Get("a"); err != nil || string(v) != "b" {
			t.Errorf("%s: %q, %v", k.Name, v, err)
		}
		s.Close()
		if err := e.Close(); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}
