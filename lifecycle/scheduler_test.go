package lifecycle_test

import (
	"fmt"
	"testing"

	"certquay/lifecycle"
	"certquay/model"
)

// What is due and refused does not keep a pass from what stands behind it:
// more instances than a pass starts belong to an issuer that was taken out of
// the configuration.
//
// spec: T5
func TestWhatIsRefusedDoesNotHoldUpTheRest(t *testing.T) {
	w := newWorld(t)
	w.issuer.limit = 90 * days
	id := w.issued("late.example.com")
	gone := w.get(id)
	gone.Spec.Brand = "gone"
	gone.Deployments = model.Deployments{}
	for from := 0; from < 1200; from += 300 {
		w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
			for n := from; n < from+300; n++ {
				i := gone
				i.ID = model.ID(fmt.Sprintf("01STUCK%019d", n))
				i.Name = fmt.Sprintf("stuck%d.example.com", n)
				i.Due = gone.Due.Add(-1 * days)
				if err := tx.Put(&i); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	w.forward(gone.Due.Sub(w.clock.Now()) + days)
	if got := len(w.get(id).Versions); got != 2 {
		t.Fatalf("the one behind 1,200 refused ones has %d versions", got)
	}
	events, err := w.engine.Activity(lifecycle.ActivityFilter{Instance: "01STUCK0000000000000000001"})
	w.check(err)
	if len(events) != 0 {
		t.Fatalf("passing over writes events: %+v", events[0])
	}
}

// Successive versions do not pile up tasks: the newest asks in place of those
// before it.
//
// spec: D7
func TestALaterVersionAsksInPlaceOfTheOneBefore(t *testing.T) {
	w := newWorld(t)
	w.issuer.limit = 45 * days
	id := w.issued("a.example.com")
	w.forward(120 * days)
	tasks, err := w.engine.Tasks(0)
	w.check(err)
	i := w.get(id)
	if len(i.Versions) < 4 || len(tasks) != 1 || tasks[0].Version != i.Newest().Number {
		t.Fatalf("%d versions, tasks %+v", len(i.Versions), tasks)
	}
	w.fsck()
}
