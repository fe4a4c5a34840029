package lifecycle_test

import (
	"testing"

	"certquay/model"
)

// TestKeysAndWhereTheyAreUsed lists the keys of what resources present, and those of one
// certificate with another that has the same and where that is presented.
// finding: U32
func TestKeysAndWhereTheyAreUsed(t *testing.T) {
	w := newWorld(t)
	a, b := w.issued("a.example.com"), w.issued("b.example.com")
	w.deploy(a, "a.example.com", "a.example.com:8443")
	w.deploy(b, "b.example.com")
	all, err := w.engine.By(operator).KeyUses("")
	w.check(err)
	if len(all.Keys) != 2 || all.More || len(all.Keys[0].Resources) != 2 || all.Keys[0].Instances[0].ID != a ||
		len(all.Keys[1].Resources) != 1 {
		t.Fatalf("%+v", all)
	}
	shared := w.get(b)
	shared.Versions[0].SPKI = w.get(a).Versions[0].SPKI
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { return tx.Put(&shared) }))
	for _, id := range []model.ID{a, b, ""} {
		got, err := w.engine.By(operator).KeyUses(id)
		w.check(err)
		if len(got.Keys) != 1 || len(got.Keys[0].Instances) != 2 || len(got.Keys[0].Resources) != 3 {
			t.Errorf("%q: %+v", id, got)
		}
	}
	paid := w.bought()
	if got, err := w.engine.By(operator).KeyUses(paid); err != nil || len(got.Keys) != 0 {
		t.Errorf("without a certificate: %+v, %v", got, err)
	}
}
