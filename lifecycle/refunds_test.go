package lifecycle_test

import (
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// orderReader counts how many orders are read.
type orderReader struct {
	model.Reader
	orders int
}

func (r *orderReader) Load(key string, rec model.Record) error {
	if rec.RecordKind() == model.KindOrder {
		r.orders++
	}
	return r.Reader.Load(key, rec)
}

// What ending many instances would refund is what each would, with one look at each
// order: a list of a fleet asks for all of them.
//
// spec: B5
func TestRefundsOfManyReadEachOrderOnce(t *testing.T) {
	w := newWorld(t)
	policy := rules.DefaultPolicy()
	all := []model.Instance{w.get(w.issued("a.example.com")), w.get(w.hosted("b.example.com"))}
	_, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 2, Quantity: 3})
	w.check(err)
	all = append(all, made...)
	all = append(all, model.Instance{Order: "01K9NOSUCHORDER00000000000"}, model.Instance{})
	w.clock.MoveTo(w.engine.Now().Add(10 * days))
	w.check(w.store.View(func(r model.Reader) error {
		counting := &orderReader{Reader: r}
		got := ledger.Refunds(counting, &policy, all, w.engine.Now())
		if counting.orders != 4 {
			t.Errorf("%d orders were read, want 4", counting.orders)
		}
		for n := range all {
			want, _, err := ledger.RefundDue(r, &policy, &all[n], w.engine.Now())
			if err != nil {
				want = ledger.RefundPreview{}
			}
			if got[n] != want {
				t.Errorf("instance %d: %+v, want %+v", n, got[n], want)
			}
		}
		if got[2].Paid == 0 || got[2].Amount != got[2].Paid {
			t.Errorf("%+v", got[2])
		}
		return nil
	}))
}
