package lifecycle_test

import (
	"testing"

	"certquay/model"
)

// TestContactNames names who is told of each, and passes over what has nobody
// or is gone. spec: H8
func TestContactNames(t *testing.T) {
	w := newWorld(t)
	id, bare := w.hosted("a.example.com"), w.issued("b.example.com")
	names, err := w.engine.By(model.Scheduler).ContactNames([]model.ID{id, bare, "01K9NOSUCHINSTANCE00000000"})
	if err != nil || len(names) != 1 || names[id] != "Ops" {
		t.Errorf("%v, %v; want Ops for the first alone", names, err)
	}
}
