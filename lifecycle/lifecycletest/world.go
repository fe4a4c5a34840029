// Package lifecycletest gives tests an engine in one call: [New] makes one over a
// store in memory, with a scripted CA, product, prober and notifier, on a clock that
// moves only on request. Only tests import it.
package lifecycletest

import (
	"context"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/store"
	"certquay/store/engine/enginetest"
	"certquay/store/engine/mem"
)

// Epoch is when the clock of a [World] begins.
var Epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Brand and ProductName are what the CA and the product of a [World] are called,
// as long as its options are not changed.
const (
	Brand       = "scripted"
	ProductName = "CDN"
)

// Frozen is a clock that stands still: the base of a movable one of which only
// moves count.
type Frozen time.Time

var _ ports.Clock = Frozen{}

// Now is always the same.
func (f Frozen) Now() time.Time { return time.Time(f) }

// After never comes.
func (f Frozen) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

// NewClock returns a clock that starts at a time and only moves on request. At
// the end of the test it moves to its end, so that no goroutine waits on it.
func NewClock(t testing.TB, at time.Time) *ports.MovableClock {
	c := ports.NewMovableClock(Frozen(at), 0)
	t.Cleanup(func() { c.MoveTo(c.Farthest()) })
	return c
}

// World is an engine with its surroundings. Its scheduler runs once Start is
// called.
type World struct {
	Clock   *ports.MovableClock
	Issuer  *Issuer
	Product *Product
	Prober  *Prober // finds what Product presents
	Store   *store.Store
	Data    *enginetest.Counter // what Store keeps its records in
	Faults  *FaultyStore        // Store as the engine has it
	Options lifecycle.Options   // what Engine was made of
	Engine  *lifecycle.Engine
}

// New makes a world that begins at [Epoch]. The functions may change what the
// engine is made of. Everything is closed when the test ends.
func New(t testing.TB, change ...func(*World)) *World {
	t.Helper()
	w := &World{Clock: NewClock(t, Epoch), Product: NewProduct("global")}
	w.Issuer, w.Prober = NewIssuer(w.Clock.Now), &Prober{Products: []*Product{w.Product}}
	w.Data = &enginetest.Counter{Engine: mem.New()}
	var err error
	if w.Store, err = store.With(w.Data, store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Store.Close() })
	w.Faults = &FaultyStore{Store: w.Store}
	w.Options = lifecycle.Options{
		Store: w.Faults, Clock: w.Clock, Table: rules.NewTransitionTable(), Policy: rules.DefaultPolicy(), Prober: w.Prober,
		Issuers:   map[string]ports.Issuer{Brand: w.Issuer},
		Products:  []lifecycle.NamedProduct{{Name: ProductName, Driver: "scripted", Product: w.Product}},
		SaveClock: func(context.Context, time.Duration) error { return nil },
	}
	// Long enough for a slow machine: a call that is given up is done again. Tests in
	// which one hangs run in a bubble.
	w.Options.Policy.CallTimeout, w.Options.Policy.HandshakeTimeout = 10*time.Second, 50*time.Millisecond
	for _, c := range change {
		c(w)
	}
	w.Engine = lifecycle.New(w.Options)
	t.Cleanup(w.Engine.Close)
	return w
}
