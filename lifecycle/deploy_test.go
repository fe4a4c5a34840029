package lifecycle_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// requestAndKey is a PKCS#10 request of a person's own, with its key as PEM.
func requestAndKey(t *testing.T, name string) (csr, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if csr, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{name}}, key); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return csr, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// deploy puts an instance on the product and expects it to succeed.
func (w *world) deploy(id model.ID, names ...string) {
	w.t.Helper()
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Resources: names})
	w.check(err)
	for _, j := range jobs {
		w.done(j, nil)
	}
}

func (w *world) resource(n int) lifecycle.ResourceView {
	w.t.Helper()
	rs, _, err := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{})
	w.check(err)
	return rs[n]
}

// spec: D2
func TestWhereADeploymentGoes(t *testing.T) {
	w := newWorld(t)
	w.product.RegionNames = []string{"east", "west"}
	id := w.issued("a.example.com")
	try := func(r lifecycle.DeployRequest) error {
		r.Product = "CDN"
		_, err := w.engine.By(operator).Deploy(w.ctx(), id, r)
		return err
	}
	w.refused(try(lifecycle.DeployRequest{}), rules.ReasonRegion)
	w.refused(try(lifecycle.DeployRequest{Regions: []string{"north"}}), rules.ReasonNoRegion)
	w.refused(try(lifecycle.DeployRequest{Regions: []string{"east"}, Resources: []string{"b.example.com"}}), rules.ReasonNotCovered)
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN", Regions: []string{"EAST", "west"}})
	w.check(err)
	for _, j := range jobs {
		w.done(j, nil)
	}
	if len(jobs) != 2 || w.resource(0).Region != "east" || w.resource(1).Name != "a.example.com" {
		t.Errorf("%d deployments, %+v", len(jobs), w.resource(0))
	}
	if i := w.get(id); i.Deployments.Deployed != 2 || !slices.Equal(i.Deployments.Products, []string{"CDN"}) {
		t.Errorf("the instance says %+v", i.Deployments)
	}
}

// spec: D3
func TestAFailedDeploymentIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, first := range []bool{true, false} {
			w := newWorld(t)
			id := w.issued("a.example.com")
			before := ""
			if !first {
				w.deploy(id)
				before = w.resource(0).Presented
				w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true}))
			}
			w.product.Stubborn = true
			jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
			w.check(err)
			p := w.wait(jobs[0].ID)
			if p.Job.Result != journal.ResultFailed || !strings.Contains(inWords(p.Job.Error), "handshake") {
				t.Fatalf("first %v: the job says %q, %q", first, p.Job.Result, p.Job.Error)
			}
			now := w.product.Bound[ports.Target{Region: "global", Name: "a.example.com"}]
			switch {
			case first && now != nil:
				t.Error("a first deployment that failed left its binding")
			case !first && (now == nil || now.Fingerprint != before):
				t.Errorf("the former binding is not back")
			}
			if r := w.resource(0); r.State != model.ResourceFailed || r.Deployed != before || r.Failure.Message == "" {
				t.Errorf("first %v: the row is %s: %+v", first, r.State, r.Failure)
			}
			if i := w.get(id); i.Status(w.clock.Now()) != "failing" {
				t.Errorf("the label is %s", i.Status(w.clock.Now()))
			}
			w.product.Stubborn = false
			w.deploy(id)
			if r := w.resource(0); r.State != model.ResourceDeployed || r.Failure.Kind != "" {
				t.Errorf("tried again it is %s", r.State)
			}
			w.fsck()
		}
	})
}

// spec: D4, D7
func TestDriftOutdatedAndTasks(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	place := ports.Target{Region: "global", Name: "a.example.com"}
	good := w.product.Shown[place]
	other := newWorld(t)
	oid := other.issued("a.example.com")
	other.deploy(oid)
	w.product.Shown[place] = other.product.Shown[place]
	j, err := w.engine.By(operator).Verify(w.ctx(), w.resource(0).ID)
	w.check(err)
	w.wait(j.ID)
	if r := w.resource(0); r.State != model.ResourceDrifted || r.DriftSince.IsZero() || r.Deployed == r.Presented {
		t.Errorf("another leaf there: %s", r.State)
	}
	w.product.Shown[place] = good
	w.done(w.engine.By(operator).Verify(w.ctx(), w.resource(0).ID))
	if r := w.resource(0); r.State != model.ResourceDeployed || !r.DriftSince.IsZero() {
		t.Errorf("the right leaf again: %s", r.State)
	}
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	if r := w.resource(0); r.State != model.ResourceOutdated {
		t.Errorf("after a reissue: %s", r.State)
	}
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	if len(tasks) != 1 || tasks[0].Resource != w.resource(0).ID {
		t.Fatalf("tasks: %+v", tasks)
	}
	w.deploy(id)
	if tasks, _ = w.engine.By(model.Scheduler).Tasks(0); len(tasks) != 0 {
		t.Errorf("the task is open though the leaf was seen: %+v", tasks)
	}
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	tasks, _ = w.engine.By(model.Scheduler).Tasks(0)
	_, err = w.engine.By(operator).DismissTask(w.ctx(), tasks[0].ID.Short())
	w.check(err)
	if tasks, _ = w.engine.By(model.Scheduler).Tasks(0); len(tasks) != 0 {
		t.Error("a dismissed task is open")
	}
}

// spec: D8
func TestUndeployingRemovesTheResource(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	w.done(w.engine.By(operator).Undeploy(w.ctx(), w.resource(0).ID))
	if rs, _, _ := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{}); len(rs) != 0 || len(w.product.Bound) != 0 {
		t.Errorf("left: %v, %v", rs, w.product.Bound)
	}
	if i := w.get(id); i.Deployments.Total != 0 {
		t.Errorf("the instance says %+v", i.Deployments)
	}
}

// spec: S3, S4
func TestRefusalsAndChangesAreEvents(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	_, err := w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{})
	f := w.refused(err, rules.ReasonNotApplied)
	if wayOut(f) == "" || !strings.Contains(inWords(f.AsText()), "paid") {
		t.Errorf("it says %q, %q", inWords(f.AsText()), wayOut(f))
	}
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Instance: id})
	w.check(err)
	if len(events) != 2 || events[0].Result != journal.ResultRefused || inWords(events[0].Reason) != inWords(f.AsText()) ||
		events[1].To != "paid" {
		t.Errorf("events: %+v", events)
	}
}

// A certificate of several names is deployed to each of them, not several
// times to the first.
//
// spec: D2 D3
func TestEachNameOfACertificateIsAPlaceOfItsOwn(t *testing.T) {
	w := newWorld(t)
	multi := spec
	multi.Type = model.Multi
	_, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: multi, Years: 1, Quantity: 1})
	w.check(err)
	id := made[0].ID
	w.done(
		w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com", "b.example.com"}}},
		),
	)
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
	w.check(err)
	if len(jobs) != 2 {
		t.Fatalf("%d deployments", len(jobs))
	}
	for _, j := range jobs {
		w.done(j, nil)
	}
	i := w.get(id)
	want := i.Current().Fingerprint
	for _, name := range []string{"a.example.com", "b.example.com"} {
		if got := w.product.Bound[ports.Target{Region: "global", Name: name}]; got == nil || got.Fingerprint != want {
			t.Errorf("%s presents %+v", name, got)
		}
	}
	b, err := w.engine.By(model.Scheduler).FindResource("CDN/global/b.example.com")
	w.check(err)
	w.done(w.engine.By(operator).Undeploy(w.ctx(), b.ID))
	if w.product.Bound[ports.Target{Region: "global", Name: "a.example.com"}] == nil ||
		w.product.Bound[ports.Target{Region: "global", Name: "b.example.com"}] != nil {
		t.Error("undeploying b.example.com took off another one")
	}
}
