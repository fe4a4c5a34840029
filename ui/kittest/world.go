// Package kittest gives tests of the interface a real engine on an in-memory store that
// holds a fleet, with scripted CAs and products, at a fixed time. The clock moves only
// when a test moves it.
package kittest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const day = 24 * time.Hour

// World is a fleet and, once it is started, its engine. The fields are the records of
// its store, named apart from the methods of the embedded access. A test may change
// them before [World.Start], which writes them, and later inside [World.Change]; in
// between they are not updated, and the embedded access reads the store.
type World struct {
	*lifecycle.Access // nil until the world is started

	Clock     time.Time
	Instances []*model.Instance
	Places    []*model.Resource
	Events    []model.Event // newest first
	Receipts  []model.Receipt
	Open      []model.Task
	Told      []model.Notice
	People    []model.Contact
	Watched   []model.Watch
	Firms     []model.Company
	Members   []model.User // who may log in over SSH
	Papers    map[model.ID][]model.Document
	Units     []ledger.Balance // the units in packs
	Orders    []model.Order
	Refunds   map[model.ID]int64 // of the first line of an order, in minor units
	CAs       map[string]*lifecycletest.Issuer
	Wares     []lifecycle.NamedProduct
	Declared  []authority.Declaration // the issuers of the configuration
	DNS       []authority.Declaration // and its accounts at DNS providers
	// By returns who acts; nil means an operator.
	By func() model.Actor

	certbot bool // another client keeps a certificate on this machine

	*lifecycletest.World
	t             testing.TB
	accounts      map[string]*Account // of issuers that are declared, by name
	writtenEvents map[uint64]bool     // sequence numbers of events in the store
	lastRead      uint64              // the last event that NewEvents has returned
	feed          <-chan model.ChangeSet

	markers, markerSeen  int // numbers of markers written, and seen in the feed
	eventSeen, published uint64
}

// New returns a world with one contact, two CAs and five products.
func New() *World {
	w := &World{
		Clock: time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC), Papers: map[model.ID][]model.Document{}, Refunds: map[model.ID]int64{},
		CAs: map[string]*lifecycletest.Issuer{}, writtenEvents: map[uint64]bool{},
	}
	now := func() time.Time { return w.World.Clock.Now() }
	for brand, can := range map[string]rules.Capabilities{
		"embedded": {
			Levels: model.Levels, Types: model.DomainTypes, Grades: model.Grades, IPNames: true, Revocation: true,
			MaxValidity: 398 * day, Reviewed: []model.Level{model.EV},
		},
		"letsencrypt": {
			Levels: []model.Level{model.DV}, Types: model.DomainTypes, Grades: []model.Grade{model.Free}, Revocation: true, Public: true,
			MaxValidity: 90 * day,
		},
	} {
		w.CAs[brand] = lifecycletest.NewIssuer(now)
		w.CAs[brand].Can = can
	}
	for _, n := range []string{"SLB", "CDN", "SCDN", "DCDN", "WAF"} {
		if n == "SLB" || n == "WAF" {
			w.AddProduct(n, "edge", "cn-hangzhou", "ap-southeast-1", "eu-central-1", "us-west-1")
		} else {
			w.AddProduct(n, "edge", "global")
		}
	}
	w.People = []model.Contact{{ID: "01JC0000000000000000000OPS", Name: "Ops", Email: "ops@example.com"}}
	return w
}

// AddProduct adds a product before the world is started.
func (w *World) AddProduct(name, driver string, regions ...string) {
	w.Wares = append(w.Wares, lifecycle.NamedProduct{Name: name, Driver: driver, Product: lifecycletest.NewProduct(regions...)})
}

// Product returns the scripted product of a name.
func (w *World) Product(name string) *lifecycletest.Product {
	n := slices.IndexFunc(w.Wares, func(p lifecycle.NamedProduct) bool { return p.Name == name })
	return w.Wares[n].Product.(*lifecycletest.Product)
}

// Start creates the engine on a store with the records. The functions may change its
// options. A started world is returned unchanged.
func (w *World) Start(t testing.TB, change ...func(*lifecycletest.World)) *World {
	t.Helper()
	if w.t = t; w.Access != nil {
		return w
	}
	base := func(b *lifecycletest.World) {
		w.World = b
		b.Clock = lifecycletest.NewClock(t, w.Clock)
		b.Prober.Products, b.Options.VerifyChain = nil, b.Prober.VerifyChain
		o := &b.Options
		// Randomness is the same in every run.
		o.Clock, o.Products, o.Issuers, o.Rand = b.Clock, w.Wares, map[string]ports.Issuer{}, rand.NewChaCha8([32]byte{})
		w.withAuthorities(b)
		w.withProducts(b)
		w.withDiscovery(b)
		for brand, ca := range w.CAs {
			o.Issuers[brand] = ca
		}
		for _, p := range w.Wares {
			b.Prober.Products = append(b.Prober.Products, p.Product.(*lifecycletest.Product))
		}
	}
	lifecycletest.New(t, append([]func(*lifecycletest.World){base}, change...)...)
	w.write()
	w.setUpPorts()
	if err := w.Store.WaitForTable(t.Context()); err != nil { // so that no test depends on its timing
		t.Fatal(err)
	}
	w.Access = w.Engine.As(w.actor)
	w.feed = w.Store.Watch(t.Context())
	w.NewEvents()
	w.eventSeen, w.markerSeen = w.lastRead, w.markers
	return w
}

func (w *World) actor() model.Actor {
	if w.By == nil {
		return model.Actor{Name: "anna", Role: model.Operator, Via: "terminal"}
	}
	return w.By()
}

// Change changes records as another session would: it reads them, calls fn, and writes
// them in one transaction. If fn sets a later Clock, the clock moves to it.
func (w *World) Change(fn func(*World)) {
	w.t.Helper()
	w.load()
	fn(w)
	w.World.Clock.MoveTo(w.Clock)
	w.write()
}

// Published returns the number of the batch in the change feed that contains everything
// written so far.
func (w *World) Published() uint64 {
	w.t.Helper()
	newest, err := w.Engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Limit: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	behind := func() bool { return w.markerSeen < w.markers || len(newest) > 0 && w.eventSeen < newest[0].Seq }
	for behind() {
		b, open := <-w.feed
		if !open {
			w.t.Fatal("the change feed has ended")
		}
		w.published = b.Seq
		for _, c := range b.Changes {
			switch {
			case c.Event != nil:
				w.eventSeen = c.Event.Seq
			case c.Key == marker(w.markers).RecordKey():
				w.markerSeen = w.markers
			}
		}
		if b.Resync { // it covers everything written before
			w.markerSeen, w.eventSeen = w.markers, newest[0].Seq
		}
	}
	return w.published
}

// marker is a record written with each change, as changes of records leave no events.
func marker(n int) *model.KV { return &model.KV{Namespace: "kittest", Name: fmt.Sprint(n)} }

func (w *World) update(fn func(model.Tx) error) {
	w.t.Helper()
	if err := w.Store.Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// NewEvents returns the actions since the last call, oldest first: the events of the
// activity log as "action name", with the result unless it is "ok". Later events of a
// job started since then are left out.
func (w *World) NewEvents() (lines []string) {
	w.t.Helper()
	events, err := w.Engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{After: w.lastRead, Oldest: true})
	if err != nil {
		w.t.Fatal(err)
	}
	begun := map[string]bool{}
	for _, ev := range events {
		w.lastRead = ev.Seq
		line := strings.TrimSpace(ev.Action + " " + ev.Name)
		job := fmt.Sprint(ev.Action, ev.Instance, ev.Resource)
		switch {
		case begun[job] || ev.Action == string(model.JobIssue): // by who applies
			continue
		case ev.Result == journal.ResultStarted:
			begun[job] = true
		case ev.Result != journal.ResultOK:
			line += ": " + ev.Result
		}
		lines = append(lines, line)
	}
	return lines
}
