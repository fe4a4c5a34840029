package ui

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
	"certquay/ui/action"
	"certquay/ui/kittest"
)

// real is an engine as certquay wires it, on a store in memory.
func real(t *testing.T) backend {
	t.Helper()
	return realWith(t, ports.SystemClock{}, func(ca ports.Issuer) ports.Issuer { return ca })
}

// realWith is real on a clock, with something between it and its CA.
func realWith(t *testing.T, clock ports.Clock, between func(ports.Issuer) ports.Issuer) backend {
	t.Helper()
	s, err := store.With(mem.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	// The search table is built at once when somebody needs it, so that no test
	// waits for that.
	if _, err := s.Query(model.Query{Sort: model.SortName}); err != nil {
		t.Fatal(err)
	}
	ca, err := embedded.New(s, embedded.Options{Now: clock.Now, Levels: model.Levels, Reviewed: []model.Level{model.OV, model.EV}})
	if err != nil {
		t.Fatal(err)
	}
	cdn, err := edge.Open(t.Context(), s, edge.Options{Product: "CDN", Regions: []string{"global"}, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cdn.Close() })
	e := lifecycle.New(lifecycle.Options{
		Store: s, Clock: clock, Policy: rules.DefaultPolicy(), Prober: product.Prober{},
		Issuers:   map[string]ports.Issuer{embedded.Brand: between(ca)},
		Products:  []lifecycle.NamedProduct{{Name: "CDN", Driver: "edge", Product: cdn}},
		SaveClock: func(context.Context, time.Duration) error { return nil },
	})
	t.Cleanup(e.Close)
	return backend{e.As(lifecycle.Fixed(boss)), e}
}

// backend is the engine as certquay hands it to the dashboard.
type backend struct {
	*lifecycle.Access
	engine *lifecycle.Engine
}

var contactOps = model.Contact{Name: "Ops", Email: "ops@example.com"}

var boss = model.Actor{Name: "anna", Role: model.Owner, Via: "terminal"}

// inState brings a new instance into a state by the actions that lead there.
func inState(t *testing.T, e backend, s model.State) model.ID {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	wait := func(j model.Job, err error) {
		t.Helper()
		check(err)
		_, err = e.Wait(ctx, j.ID)
		check(err)
	}
	buy := func(level model.Level, grade model.Grade) model.ID {
		_, made, err := e.Buy(ctx, lifecycle.BuyRequest{Spec: model.Specification{Level: level, Type: model.Single, Brand: embedded.Brand,
			Grade: grade}, Years: 1, Quantity: 1})
		check(err)
		return made[0].ID
	}
	issue := func(grade model.Grade) model.ID {
		id := buy(model.DV, grade)
		wait(e.Apply(ctx, id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}}))
		return id
	}
	reach := map[string]func() model.ID{
		"paid": func() model.ID { return buy(model.DV, model.Standard) },
		"verifying": func() model.ID {
			id := buy(model.OV, model.Standard)
			_, err := e.AddDocument(ctx, id, "register.png", kittest.PNG())
			check(err)
			org := model.Organization{Name: "Example GmbH", Type: "company", Phone: "110", OrganizationID: "HRB 1", Country: "DE",
				Province: "Berlin", City: "Berlin", Address: "Street 1", Zip: "10115"}
			wait(e.Apply(ctx, id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"},
				ApplicantName: "Anna", Phone: "110", Email: "a@example.com", IDNumber: "L01", Company: org}}))
			return id
		},
		"issued":   func() model.ID { return issue(model.Standard) },
		"uploaded": func() model.ID { return upload(t, e) },
		"revoked": func() model.ID {
			id := issue(model.Free)
			wait(e.Revoke(ctx, id, lifecycle.RevokeRequest{}))
			return id
		},
		"refunded": func() model.ID {
			id := issue(model.Standard)
			wait(e.Revoke(ctx, id, lifecycle.RevokeRequest{}))
			return id
		},
		"closed": func() model.ID {
			id := buy(model.DV, model.Free)
			check(e.CloseInstance(ctx, id))
			return id
		},
	}
	id := reach[string(s)]()
	if i, err := e.Instance(id); err != nil || i.State != s {
		t.Fatalf("it is %s, not %s: %v", i.State, s, err)
	}
	return id
}

func upload(t *testing.T, e backend, change ...func(*x509.Certificate)) model.ID {
	t.Helper()
	data := fresh(t, change...)
	res, err := e.Upload(t.Context(), lifecycle.UploadRequest{Files: []bundle.File{{Name: "a.pem", Data: data}}})
	if err != nil {
		t.Fatal(err)
	}
	return res.Instance.ID
}

// TestEveryKeyInEveryStateChangesTheStoreOrSaysWhy presses every key of the
// table, in the real dashboard over the real engine, on a certificate in each
// state: either the store holds the action's event afterwards, or exactly the
// table's reason is on the screen and nothing but the refusal was written.
// spec: S3, V3, V4
func TestEveryKeyInEveryStateChangesTheStoreOrSaysWhy(t *testing.T) {
	var keys []string
	for _, r := range rules.NewTransitionTable().Transitions() {
		if r.Key != "" && !slices.Contains(keys, r.Key) {
			keys = append(keys, r.Key)
		}
	}
	for n, s := range model.States {
		for _, key := range keys {
			for _, deployed := range []bool{false, true} {
				if deployed && s.Group() != model.GroupIssued {
					continue
				}
				t.Run(fmt.Sprintf("%s-%s-deployed=%v", s, key, deployed), func(t *testing.T) {
					t.Parallel()
					pressReal(t, s, key, deployed, [][2]int{{80, 24}, {120, 40}}[n%2])
				})
			}
		}
	}
}

func pressReal(t *testing.T, s model.State, key string, deployed bool, size [2]int) {
	e := real(t)
	id := inState(t, e, s)
	if deployed {
		jobs, err := e.Deploy(t.Context(), id, lifecycle.DeployRequest{Product: "CDN"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Wait(t.Context(), jobs[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.AddContact(t.Context(), contactOps); err != nil {
		t.Fatal(err)
	}
	var rows []*rules.Transition
	for _, r := range e.Table().Transitions() {
		if r.Key == key {
			rows = append(rows, r)
		}
	}
	cs, err := e.Facts(id)
	if err != nil {
		t.Fatal(err)
	}
	row, refusal := action.Pick(e.Table(), rows, cs)
	count := func() (done, refused int) {
		events, err := e.Activity(lifecycle.ActivityFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			switch {
			case ev.Result == journal.ResultRefused:
				refused++
			case ev.Action == string(row.Action) || ev.Action == "draft",
				row.Action == rules.Download && ev.Action == rules.ActionDownloadKey:
				done++
			}
		}
		return done, refused
	}
	before, _ := count()
	d := drive(t, kittest.New(), size[0], size[1], func(o *Options) {
		o.Backend, o.Actor = e.Access, boss
		o.Read = func(string) ([]byte, error) { return fresh(t), nil }
		o.Save = func(name string, _ []byte, _ bool) (string, error) { return filepath.Join("/tmp", name), nil }
	})
	i := *cs.Instance
	d.keys(key)
	d.fits()
	if refusal != nil {
		d.sees(d.m.ctx.FormatRefusal(refusal), d.m.ctx.Hint(refusal), "State: "+string(s))
		d.keys("esc")
		if after, _ := count(); after != before {
			t.Errorf("a refused %s changed something", row.Action)
		}
		return
	}
	f, ok := finish[row.Action]
	if !ok {
		t.Fatalf("the table allows %s and this test does not know how it goes on:\n%s", row.Action, d.screen())
	}
	f(d, i.Name)
	if !await(t, e, func() bool { after, _ := count(); return after > before }) {
		t.Fatalf("%s in %s changed nothing:\n%s", row.Action, s, d.screen())
	}
}

// await looks with each change until the store is as it should be, and says
// whether it came to that in time.
func await(t *testing.T, e backend, ok func() bool) bool {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for changes := e.Watch(ctx); !ok(); {
		if _, open := <-changes; !open {
			return false
		}
	}
	return true
}

// fresh is a certificate nobody has yet, with its key.
func fresh(t *testing.T, change ...func(*x509.Certificate)) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"a.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(300 * 24 * time.Hour)}
	for _, c := range change {
		c(tmpl)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k})...)
}

// TestAChangedRowChangesTheKey changes one row at run time: the key is refused
// where the row no longer allows it, with the reason that follows from the row.
// spec: S3
func TestAChangedRowChangesTheKey(t *testing.T) {
	e := real(t)
	id := inState(t, e, "issued")
	e.Table().Transition(rules.Reissue).From = []model.State{"paid"}
	d := drive(t, kittest.New(), 120, 40, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.keys("n")
	d.sees("cannot reissue an instance that is issued: that needs paid")
	if i, err := e.Instance(id); err != nil || len(i.Versions) != 1 {
		t.Errorf("it was reissued: %v, %v", i.Versions, err)
	}
}

// rest waits until no job is at work. A result is written before its job ends.
func rest(t *testing.T, a *lifecycle.Access) {
	t.Helper()
	feed := a.Watch(t.Context())
	for a.Working() > 0 {
		select {
		case <-feed: // the end of a job is a change
		case <-time.After(10 * time.Millisecond): // and it is counted off after that
		}
	}
}
