package lifecycle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func (w *world) contact() model.ID {
	w.t.Helper()
	if c, err := w.engine.By(model.Scheduler).Contact("ops"); err == nil {
		return c.ID
	}
	c, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	w.check(err)
	return c.ID
}

func (w *world) hosted(name string) model.ID {
	w.t.Helper()
	id := w.issued(name)
	w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: w.contact()}))
	return id
}

// spec: H1, H3, H4
func TestHostingCanBeSwitchedOnUntilExpiry(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	var inv *rules.Invalid
	if err := w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{}); !errors.As(err, &inv) || inv.Field != "contact" {
		t.Errorf("hosted without a contact: %v", err)
	}
	w.forward(360 * days) // the last days count
	w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: w.contact()}))
	costs, _ := w.engine.By(model.Scheduler).SpentByCurrency()
	if costs["EUR"] != 100_00+100_00+20_00 {
		t.Errorf("it cost %v", costs)
	}
	if b := w.balance("credit"); b.Available != 5 {
		t.Errorf("credits %+v", b)
	}
	w.refused(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{}), rules.ReasonHosted)
	w.forward(2 * days)
	i := w.get(id)
	if len(i.Versions) != 2 || i.Hosting.RenewalsLeft != 0 || !i.Hosting.On {
		t.Fatalf("after two days: %d versions, %+v", len(i.Versions), i.Hosting)
	}
	// With none left hosting can be bought again.
	w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{}))
	w.forward(366 * days)
	if i = w.get(id); len(i.Versions) != 3 || i.Hosting.RenewalsLeft != 0 {
		t.Fatalf("after the second year: %d versions, %+v", len(i.Versions), i.Hosting)
	}
	// Hosting ends with the last year it was paid for.
	w.forward(370 * days)
	if i = w.get(id); i.Hosting.On || i.Status(w.clock.Now()) != "expired" {
		t.Errorf("after its last year: %+v, %s", i.Hosting, i.Status(w.clock.Now()))
	}
	w.refused(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{}), rules.ReasonExpired)
	w.fsck()
}

// spec: H2, H4
func TestAnUploadIsHostedByStatingWhatItDoesNotTell(t *testing.T) {
	other := newWorld(t)
	oid := other.issued("a.example.com")
	files, err := other.engine.By(operator).Download(other.ctx(), oid, "pem")
	other.check(err)
	w := newWorld(t)
	var up lifecycle.UploadRequest
	for _, f := range files {
		if strings.HasSuffix(f.Name, ".pem") || f.Secret {
			up.Files = append(up.Files, bundle.File{Name: f.Name, Data: f.Data})
		}
	}
	res, err := w.engine.By(operator).Upload(w.ctx(), up)
	w.check(err)
	id := res.Instance.ID
	f := w.refused(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: w.contact()}), rules.ReasonStateSpec)
	if !strings.Contains(wayOut(f), "--brand") || !strings.Contains(wayOut(f), "--grade") || strings.Contains(wayOut(f), "--type") {
		t.Errorf("it asks for %q", wayOut(f))
	}
	w.refused(
		w.engine.By(operator).Host(
			w.ctx(),
			id,
			lifecycle.HostRequest{Contact: w.contact(), Spec: model.Specification{Level: model.EV, Brand: "scripted", Grade: model.Free}},
		),
		rules.ReasonNotForSale,
	)
	w.check(
		w.engine.By(operator).Host(
			w.ctx(),
			id,
			lifecycle.HostRequest{
				Contact: w.contact(),
				Spec:    model.Specification{Level: model.DV, Brand: "scripted", Grade: model.Standard},
			},
		),
	)
	before := w.get(id)
	w.forward(340 * days)
	after := w.get(id)
	if string(after.State) != "issued" || len(after.Versions) != 2 || after.ServiceEnd != model.AddYears(before.ServiceEnd, 1) ||
		after.Versions[1].Issuer != "scripted" {
		t.Errorf("a renewed upload is %s with %d versions, service to %s", after.State, len(after.Versions), after.ServiceEnd)
	}
}

// spec: H5
func TestARenewalThatNeedsARecordRaisesATask(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.issuer.Pending = 3
	w.issuer.Proofs = []model.Proof{{Domain: "a.example.com", Method: "dns", Name: "_acme-challenge.a.example.com", Value: "xyz"}}
	w.check(w.engine.By(operator).MoveClock(w.ctx(), w.get(id).Due.Add(time.Second)))
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	if len(tasks) != 1 || tasks[0].Kind != model.TaskProve ||
		!strings.Contains(inWords(tasks[0].Detail), "_acme-challenge.a.example.com  xyz") {
		t.Fatalf("tasks %+v", tasks)
	}
	w.forward(time.Hour)
	tasks, _ = w.engine.By(model.Scheduler).Tasks(0)
	if len(tasks) != 1 || tasks[0].Kind != model.TaskInstall || len(w.get(id).Versions) != 2 {
		t.Errorf("once the record is there: %d versions, tasks %+v", len(w.get(id).Versions), tasks)
	}
}

// spec: H6, H7
func TestHostingPacksAtApplication(t *testing.T) {
	w := newWorld(t)
	w.pack(5)
	_, err := w.engine.By(operator).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: ledger.PackHosting, Quantity: 3})
	w.check(err)
	apply := func(id model.ID, n int) (model.Job, error) {
		return w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{
				HostingPacks: n,
				Contact:      w.contact(),
				Application:  model.Application{Domains: []string{"a.example.com"}},
			},
		)
	}
	_, err = apply(w.bought(), 1)
	w.refused(err, rules.ReasonHostingPacks)
	id, err := w.fromPack()
	w.check(err)
	_, err = apply(id, 4)
	w.refused(err, rules.ReasonHostingPacks)

	w.issuer.Pending = 1 << 30
	j, err := apply(id, 3)
	w.check(err)
	w.wait(j.ID)
	if b, h := w.balance("certificate"), w.balance("hosting"); b.Reserved != 4 || b.Available != 1 || h.Reserved != 3 {
		t.Errorf("applied with 3 hosting packs: %+v %+v", b, h)
	}
	w.check(w.engine.By(operator).Withdraw(w.ctx(), id))
	if b, h := w.balance("certificate"), w.balance("hosting"); b.Reserved != 1 || b.Available != 4 || h.Available != 3 {
		t.Errorf("withdrawn: %+v %+v", b, h)
	}
	w.issuer.Pending = 0
	w.done(apply(id, 2))
	i := w.get(id)
	if !i.Hosting.On || i.Hosting.RenewalsLeft != 2 || !i.Hosting.FromPack {
		t.Errorf("issued: %+v", i.Hosting)
	}
	if b, h, c := w.balance(
		"certificate",
	), w.balance(
		"hosting",
	), w.balance(
		"credit",
	); b.Used != 1 || b.Reserved != 2 || h.Used != 2 || h.Available != 1 ||
		c.Total != 0 {
		t.Errorf("issued: %+v %+v %+v", b, h, c)
	}
	w.forward(3 * 364 * days)
	if i = w.get(id); len(i.Versions) != 3 || i.ServiceEnd != model.AddYears(i.ServiceStart, 3) {
		t.Errorf("three years on: %d versions, service to %s", len(i.Versions), i.ServiceEnd)
	}
	if b := w.balance("certificate"); b.Used != 3 || b.Reserved != 0 {
		t.Errorf("three years on: %+v", b)
	}

	plain, err := w.fromPack()
	w.check(err)
	w.done(apply(plain, 0))
	w.refused(w.engine.By(operator).Host(w.ctx(), plain, lifecycle.HostRequest{Contact: w.contact()}), rules.ReasonPackNotHosted)
	w.fsck()
}

// spec: H10
func TestStoppingHostingGivesBackWhatWasNotUsed(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.deploy(id)
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
	w.check(w.engine.By(operator).StopHosting(w.ctx(), id))
	if i := w.get(id); i.Hosting.On || i.Deployments.Auto != 0 || w.resource(0).Reserved {
		t.Errorf("stopped: %+v, %+v", i.Hosting, w.resource(0))
	}
	if b := w.balance("credit"); b.Available != 5 || b.Reserved != 0 {
		t.Errorf("credits stay: %+v", b)
	}
	page, err := w.engine.By(model.Scheduler).Page(model.Query{Filter: model.Filter{Group: model.GroupUnissued}})
	w.check(err)
	if page.Total != 1 {
		t.Fatalf("%d instances came of the unused renewal", page.Total)
	}
	left := w.get(page.Rows[0].ID)
	if p, err := w.engine.By(model.Scheduler).Refund(left.ID); err != nil || p.Amount != 0 || left.Spec != spec {
		t.Errorf("it is %+v, refund %+v", left.Spec, p)
	}
	w.done(
		w.engine.By(operator).Apply(
			w.ctx(),
			left.ID,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"b.example.com"}}},
		),
	)
	w.refused(w.engine.By(operator).StopHosting(w.ctx(), id), rules.ReasonNotHosted)
	w.fsck()
}

// spec: D5, D6
func TestAutoDeployUsesOneCreditForEachYearlyRenewal(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 200 * days
	plain := w.issued("p.example.com")
	w.deploy(plain)
	w.refused(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true), rules.ReasonNotHosted)
	w.done(w.engine.By(operator).Undeploy(w.ctx(), w.resource(0).ID))

	id := w.hosted("a.example.com")
	w.deploy(id)
	r := w.resource(0).ID
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), r, true))
	if b := w.balance("credit"); b.Reserved != 1 || b.Available != 4 {
		t.Errorf("switched on: %+v", b)
	}
	if i := w.get(id); i.Status(w.clock.Now()) != "auto-deploy" {
		t.Errorf("the label is %s", i.Status(w.clock.Now()))
	}
	w.forward(180 * days) // a reissue inside the paid period is deployed and costs nothing
	if v := w.resource(0); v.Version != 2 || v.State != model.ResourceDeployed {
		t.Errorf("after the reissue it presents version %d, %s", v.Version, v.State)
	}
	if b := w.balance("credit"); b.Used != 0 || b.Reserved != 1 {
		t.Errorf("a reissue used a credit: %+v", b)
	}
	w.forward(160 * days) // the yearly renewal
	if v, b := w.resource(0), w.balance("credit"); v.Version != 3 || v.State != model.ResourceDeployed || b.Used != 1 || b.Reserved != 0 {
		t.Errorf("after the renewal: version %d, %s, %+v", v.Version, v.State, b)
	}
	if v := w.resource(0); !v.AutoDeploy {
		t.Error("without renewals left auto-deploy went off")
	}
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	if slices.ContainsFunc(tasks, func(k model.Task) bool { return k.Instance == id }) {
		t.Errorf("tasks for what is deployed by itself: %+v", tasks)
	}
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), r, false))
	w.fsck()
}

// spec: D5
func TestADeploymentWaitsForACredit(t *testing.T) {
	w := newWorld(t)
	w.pack(2)
	_, err := w.engine.By(operator).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: ledger.PackHosting, Quantity: 2})
	w.check(err)
	id, err := w.fromPack() // hosted from packs: no credits come with it
	w.check(err)
	w.pack(2)
	w.done(
		w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{
				HostingPacks: 2,
				Contact:      w.contact(),
				Application:  model.Application{Domains: []string{"a.example.com"}},
			},
		),
	)
	w.deploy(id)
	f := w.refused(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true), rules.ReasonNoUnits)
	if !strings.Contains(wayOut(f), "certquay buy-pack credit") {
		t.Errorf("the way out is %q", wayOut(f))
	}
	credit := func() {
		t.Helper()
		_, err := w.engine.By(operator).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: ledger.PackCredit, Quantity: 1})
		w.check(err)
	}
	credit()
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
	w.forward(340 * days)
	if v := w.resource(0); v.Version != 2 || v.Reserved || !v.AutoDeploy {
		t.Fatalf("after the first renewal: %+v", v.Resource)
	}
	w.forward(365 * days)
	if v := w.resource(0); v.Version != 2 || v.State != model.ResourceWaiting {
		t.Fatalf("the second renewal without a credit: version %d, %s", v.Version, v.State)
	}
	credit()
	w.forward(time.Hour)
	if v, b := w.resource(0), w.balance("credit"); v.Version != 3 || v.State != model.ResourceDeployed || b.Used != 2 {
		t.Errorf("once a credit came: version %d, %s, %+v", v.Version, v.State, b)
	}
	w.fsck()
}

// spec: D5, H9
func TestAFailedAutomaticDeploymentUsesNoCreditAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.hosted("a.example.com")
		w.deploy(id)
		w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
		before := w.resource(0).Presented
		w.product.Stubborn = true
		due := w.get(id).Due
		w.check(w.engine.By(operator).MoveClock(w.ctx(), due.Add(time.Second)))
		if v, b := w.resource(0), w.balance("credit"); v.Presented != before || v.Failure.Message == "" || b.Used != 0 || b.Reserved != 1 {
			t.Errorf("failed: %+v, %+v", v.Resource, b)
		}
		w.forward(30 * time.Minute)
		tries := 0
		for _, c := range w.product.Calls() {
			if strings.HasPrefix(c, "deploy ") {
				tries++
			}
		}
		if tries != 4 { // by hand, then at 0, 1 and 11 minutes
			t.Errorf("tried %d times in half an hour", tries-1)
		}
		w.product.Stubborn = false
		w.forward(3 * time.Hour)
		if v, b := w.resource(0), w.balance("credit"); v.State != model.ResourceDeployed || v.Version != 2 || b.Used != 1 {
			t.Errorf("once it works: %s, version %d, %+v", v.State, v.Version, b)
		}
		w.fsck()
	})
}
