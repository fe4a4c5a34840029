package lifecycle_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func (w *world) balance(kind string) ledger.Balance {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Balances()
	w.check(err)
	for _, b := range all {
		if b.Kind == kind {
			return b
		}
	}
	w.t.Fatalf("no balance of %s in %+v", kind, all)
	return ledger.Balance{}
}

func (w *world) pack(n int) {
	w.t.Helper()
	_, err := w.engine.By(operator).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: ledger.PackCertificate, Spec: spec, Quantity: n})
	w.check(err)
}

func (w *world) fromPack() (model.ID, error) {
	_, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1, FromPack: true})
	if err != nil {
		return "", err
	}
	return made[0].ID, nil
}

// spec: B4
func TestAUnitIsReservedUsedAndGivenBack(t *testing.T) {
	w := newWorld(t)
	w.pack(3)
	is := func(total, reserved, used, available int) {
		t.Helper()
		b := w.balance("certificate")
		if b.Total != total || b.Reserved != reserved || b.Used != used || b.Available != available || *b.Specification != spec {
			t.Errorf("balance %+v, want total %d reserved %d used %d available %d", b, total, reserved, used, available)
		}
	}
	is(3, 0, 0, 3)
	a, err := w.fromPack()
	w.check(err)
	b, err := w.fromPack()
	w.check(err)
	is(3, 2, 0, 1)
	w.issuer.Pending = 100
	j, err := w.engine.By(operator).Apply(
		w.ctx(),
		a,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
	)
	w.check(err)
	w.wait(j.ID)
	w.check(w.engine.By(operator).Withdraw(w.ctx(), a))
	is(3, 2, 0, 1) // withdrawn it goes on holding its unit
	w.issuer.Pending = 0
	w.done(w.engine.By(operator).Apply(w.ctx(), a, lifecycle.ApplyRequest{}))
	is(3, 1, 1, 1) // issued it has used it up
	w.check(w.engine.By(operator).CloseInstance(w.ctx(), b))
	is(3, 0, 1, 2) // closed it has given it back
	if i := w.get(b); string(i.State) != "closed" {
		t.Errorf("closing what came from a pack leads to %s", i.State)
	}
	w.done(w.engine.By(operator).Revoke(w.ctx(), a, lifecycle.RevokeRequest{}))
	is(3, 0, 1, 2) // revoked it is lost
	if i := w.get(a); string(i.State) != "revoked" || i.Origin != model.OriginPack {
		t.Errorf("revoking what came from a pack leads to %s", i.State)
	}
	_, _, err = w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 2, Quantity: 1, FromPack: true})
	w.refused(err, rules.ReasonFromPack)
	other := spec
	other.Grade = model.Free
	_, _, err = w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: other, Years: 1, Quantity: 1, FromPack: true})
	if f := w.refused(
		err,
		rules.ReasonNoUnits,
	); !strings.Contains(wayOut(f), "certquay buy-pack certificate") ||
		!strings.Contains(wayOut(f), "--grade free") {
		t.Errorf("the way out is %q", wayOut(f))
	}
	w.fsck()
}

// spec: B4
func TestOneOfFortyBuyersGetsTheLastUnit(t *testing.T) {
	w := newWorld(t)
	w.pack(1)
	var got, refused atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, err := w.fromPack()
			var f *rules.Refusal
			switch {
			case err == nil:
				got.Add(1)
			case errors.As(err, &f) && f.Reason == rules.ReasonNoUnits:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 || refused.Load() != 39 {
		t.Errorf("%d got it, %d were refused", got.Load(), refused.Load())
	}
	w.fsck()
}

// spec: B3, H3, H4
func TestHostingAtPurchaseIsTwoYears(t *testing.T) {
	w := newWorld(t)
	r := lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 2, Hosting: true}
	q, err := w.engine.By(model.Scheduler).Quote(r)
	w.check(err)
	if len(q.Lines) != 6 || q.Total != 2*(2*100_00+20_00) {
		t.Errorf("%d lines, %d", len(q.Lines), q.Total)
	}
	o, made, err := w.engine.By(operator).Buy(w.ctx(), r)
	w.check(err)
	if len(made) != 2 || len(o.Lines) != 6 || o.Lines[5].Instance != made[1].ID {
		t.Fatalf("%d instances, lines %+v", len(made), o.Lines)
	}
	long := r
	long.Years = 2
	_, _, err = w.engine.By(operator).Buy(w.ctx(), long)
	w.refused(err, rules.ReasonHostingYears)

	id := made[0].ID
	if i := w.get(id); i.Hosting.On {
		t.Error("it is hosted before it is issued")
	}
	w.done(
		w.engine.By(operator).
			Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}}),
	)
	first := w.get(id)
	if !first.Hosting.On || first.Hosting.RenewalsLeft != 1 || first.Status(w.clock.Now()) != "hosted" {
		t.Errorf("after issue: %+v", first.Hosting)
	}
	if b := w.balance("credit"); b.Total != 5 || b.Available != 5 {
		t.Errorf("credits %+v, want 5", b)
	}
	_, _, err = w.engine.By(operator).Renew(w.ctx(), id)
	w.refused(err, rules.ReasonHostedRenews)
	w.refused(
		func() error {
			_, err := w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{})
			return err
		}(),
		rules.ReasonStopHosting,
	)
	if p, err := w.engine.By(model.Scheduler).Refund(id); err != nil || p.Amount != 0 || !strings.Contains(inWords(p.Why), "hosting") {
		t.Errorf("the refund would be %+v", p)
	}

	w.forward(334 * days)
	if i := w.get(id); len(i.Versions) != 1 {
		t.Error("it was renewed before the service window")
	}
	w.forward(2 * days)
	i := w.get(id)
	if len(i.Versions) != 2 || !i.Versions[1].AnnualRenewal || i.Hosting.RenewalsLeft != 0 ||
		i.ServiceEnd != model.AddYears(first.ServiceEnd, 1) {
		t.Errorf("after the window opened: %d versions, %+v, service to %s", len(i.Versions), i.Hosting, i.ServiceEnd)
	}
	if i.Versions[0].KeyID == i.Versions[1].KeyID {
		t.Error("the renewal has the old key")
	}

	// Closed before issue, what was paid for with it is void, and stays paid.
	w.check(w.engine.By(operator).CloseInstance(w.ctx(), made[1].ID))
	if i := w.get(made[1].ID); string(i.State) != "closed" || i.Hosting.PrepaidRenewals != 0 {
		t.Errorf("closed: %s, %+v", i.State, i.Hosting)
	}
	w.fsck()
}

// spec: B1, B4
func TestPacksArePricedAndBounded(t *testing.T) {
	w := newWorld(t)
	for kind, want := range map[ledger.PackKind]int64{ledger.PackCertificate: 100_00, ledger.PackHosting: 20_00, ledger.PackCredit: 5_00} {
		q, err := w.engine.By(model.Scheduler).QuotePack(lifecycle.PackRequest{Kind: kind, Spec: spec, Quantity: 7})
		w.check(err)
		if q.Total != 7*want {
			t.Errorf("7 × %s cost %d", kind, q.Total)
		}
	}
	for _, n := range []int{0, -1, 100_001} {
		_, err := w.engine.By(operator).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: ledger.PackCredit, Quantity: n})
		w.refused(err, rules.ReasonPackQuantity)
	}
	_, err := w.engine.By(operator).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: "luck", Quantity: 1})
	w.refused(err, rules.ReasonNotForSale)
}

// spec: B2
func TestCostsAreListedByOrderAndMonth(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	w.forward(40 * days)
	w.pack(2)
	w.check(w.engine.By(operator).CloseInstance(w.ctx(), id))
	orders, err := w.engine.By(model.Scheduler).CostsByOrder()
	w.check(err)
	if len(orders) != 2 || orders[0].Charged != 200_00 || orders[1].Charged != 100_00 || orders[1].Refunded != 100_00 {
		t.Errorf("by order: %+v", orders)
	}
	months, err := w.engine.By(model.Scheduler).CostsByMonth()
	w.check(err)
	if len(months) != 2 || months[0].Month != "2026-12" || months[0].Charged != 200_00 || months[0].Refunded != 100_00 ||
		months[1].Charged != 100_00 {
		t.Errorf("by month: %+v", months)
	}
}
