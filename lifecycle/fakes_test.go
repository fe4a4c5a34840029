package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

// world is an engine with everything around it, on a clock that only moves
// when it is told to.
type world struct {
	t       testing.TB
	base    *lifecycletest.World
	clock   *ports.MovableClock
	issuer  *lifecycletest.Issuer
	product *lifecycletest.Product
	store   *store.Store
	table   *rules.TransitionTable
	policy  rules.Policy
	engine  *lifecycle.Engine

	notifier ports.Notifier
	prober   ports.Prober // nil: the product
	judge    ports.ChainVerifier
	log      *slog.Logger
	crashed  bool                    // what was before
	words    func(model.Text) string // of notices
}

var epoch = lifecycletest.Epoch

var operator = model.Actor{Name: "anna", Role: model.Owner, Via: "terminal"}

// bubble runs a subtest in a synctest bubble, where waiting takes no time.
func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func newWorld(t testing.TB) *world {
	t.Helper()
	base := lifecycletest.New(t)
	w := &world{
		t: t, words: inWords, base: base, clock: base.Clock, issuer: base.Issuer, product: base.Product, store: base.Store,
		table: base.Options.Table, policy: base.Options.Policy,
	}
	w.start(w.store)
	t.Cleanup(func() { w.engine.Close() })
	return w
}

// start makes an engine over a store; the scheduler does not run by itself.
func (w *world) start(s ports.Store) {
	o := w.base.Options
	o.Words, o.Store, o.Table, o.Policy, o.VerifyChain, o.Notifier, o.Log, o.Crashed =
		w.words, s, w.table, w.policy, w.judge, w.notifier, w.log, w.crashed
	if w.prober != nil {
		o.Prober = w.prober
	}
	w.engine = lifecycle.New(o)
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var spec = model.Specification{Level: model.DV, Type: model.Single, Brand: "scripted", Grade: model.Standard}

// bought is a paid instance.
func (w *world) bought() model.ID {
	w.t.Helper()
	_, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1})
	w.check(err)
	return made[0].ID
}

// issued is an issued instance for a name.
func (w *world) issued(name string) model.ID {
	w.t.Helper()
	id := w.bought()
	w.done(w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{name}}}))
	return id
}

// done waits for a job and expects it to have succeeded.
func (w *world) done(j model.Job, err error) model.Job {
	w.t.Helper()
	w.check(err)
	p := w.wait(j.ID)
	if !p.Done || p.Job.Result != journal.ResultOK {
		w.t.Fatalf("job %s at step %s: done %v, result %q, error %q", p.Job.Kind, p.Job.Step, p.Done, p.Job.Result, p.Job.Error)
	}
	return p.Job
}

func (w *world) wait(id model.ID) lifecycle.Progress {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Wait(w.ctx(), id)
	w.check(err)
	return all[0]
}

func (w *world) get(id model.ID) model.Instance {
	w.t.Helper()
	i, err := w.engine.By(model.Scheduler).Instance(id)
	w.check(err)
	return i
}

func (w *world) forward(d time.Duration) {
	w.t.Helper()
	w.check(w.engine.By(operator).MoveClock(w.ctx(), w.clock.Now().Add(d)))
}

// refused expects an action to be refused for a reason.
func (w *world) refused(err error, want rules.Reason) *rules.Refusal {
	w.t.Helper()
	var f *rules.Refusal
	if !errors.As(err, &f) {
		w.t.Fatalf("want a refusal %s, got %v", want, err)
	}
	if f.Reason != want {
		w.t.Fatalf("want reason %s, got %s: %s", want, f.Reason, inWords(f.AsText()))
	}
	if missing := gaps(f); len(missing) > 0 {
		w.t.Fatalf("nothing fills %q", missing)
	}
	return f
}

func (w *world) fsck() {
	w.t.Helper()
	r, err := w.store.Fsck(w.ctx())
	w.check(err)
	if len(r.Problems) > 0 {
		w.t.Fatalf("fsck: %s", fmt.Sprint(r.Problems))
	}
}
