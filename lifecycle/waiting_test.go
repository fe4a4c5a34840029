package lifecycle_test

import (
	"fmt"
	"testing"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// waitForCredits stores so many resources of copies of an instance, ten each, on which
// the deployment of a yearly renewal waits for a credit.
func (w *world) waitForCredits(like model.ID, resources int) {
	w.t.Helper()
	i, r := w.get(like), w.resource(0).Resource
	i.Versions[len(i.Versions)-1].AnnualRenewal = true
	r.AutoDeploy, r.Waiting, r.Deployed = true, true, "an earlier one"
	for from := 0; from < resources; from += 500 {
		w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
			for n := from; n < min(from+500, resources); n++ {
				if i.ID = model.ID(fmt.Sprintf("01JD%022d", n/10)); n%10 == 0 {
					if err := tx.Put(&i); err != nil {
						return err
					}
				}
				r.ID, r.Instance = model.ID(fmt.Sprintf("01JE%022d", n)), i.ID
				r.Name = fmt.Sprintf("n%d.example.com", n)
				if err := tx.Put(&r); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// waiting is how many deployments wait.
func (w *world) waiting() (n int) {
	w.check(w.store.View(func(r model.Reader) error {
		for _, err := range r.Keys(model.Scan{Kind: model.KindResource, Index: "waiting"}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

// spec: D5, D6
func TestAPassReadsABoundedNumberOfWaitingDeployments(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.deploy(id)
	const waiting = 20_000
	w.waitForCredits(id, waiting)
	free := w.balance(ledger.UnitCredit).Available
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { // what comes with hosting is used elsewhere
		return ledger.Reserve(tx, w.clock.Now(), "elsewhere", rules.AutoDeploy, id, ledger.UnitCredit, free)
	}))
	tick := func() uint64 {
		t.Helper()
		before := w.base.Data.Read()
		_, err := w.engine.By(model.Scheduler).Tick(w.ctx())
		w.check(err)
		return w.base.Data.Read() - before
	}
	if n := tick(); n < waiting {
		t.Errorf("the first pass read %d keys: it looks at all that wait", n)
	}
	if n := tick(); n > 10_000 {
		t.Errorf("a pass read %d keys while %d deployments wait", n, waiting)
	}
	if n := w.waiting(); n != waiting {
		t.Fatalf("%d of %d wait without a credit", n, waiting)
	}
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
		return ledger.AddUnits(tx, w.clock.Now(), "three", id, ledger.UnitCredit, 3)
	}))
	tick()
	if n := w.waiting(); n != waiting-3 {
		t.Errorf("%d wait once there are 3 credits, want %d", n, waiting-3)
	}
}

// finding: R-H10
func TestMoreDeploymentsThanFitInATransactionStart(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.deploy(id)
	const waiting = 2_000
	w.waitForCredits(id, waiting)
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
		return ledger.AddUnits(tx, w.clock.Now(), "many", id, ledger.UnitCredit, waiting)
	}))
	for range 20 {
		if _, err := w.engine.By(model.Scheduler).Tick(w.ctx()); err != nil {
			t.Fatal(err)
		}
		if w.waiting() == 0 {
			return
		}
	}
	t.Errorf("%d deployments wait although there are credits for all", w.waiting())
}
