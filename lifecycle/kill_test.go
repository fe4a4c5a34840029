package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

var errKilled = errors.New("killed")

// mortal is a store that dies at one write: just before it is durable, or just
// after. From then on nothing gets through, as for a process that was killed.
type mortal struct {
	ports.Store
	mu     sync.Mutex
	left   int // writes until death
	before bool
	writes int
	dead   chan struct{}
}

func (m *mortal) Update(ctx context.Context, fn func(model.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isDead() {
		return errKilled
	}
	m.writes++
	dies := m.left > 0 && m.writes == m.left
	if dies && m.before {
		close(m.dead)
		return errKilled
	}
	err := m.Store.Update(ctx, fn)
	if dies {
		close(m.dead)
		return errKilled
	}
	return err
}

func (m *mortal) View(fn func(model.Reader) error) error {
	if m.isDead() {
		return errKilled
	}
	return m.Store.View(fn)
}

func (m *mortal) ViewNoting(fn func(model.Reader) error) (unchanged func() bool, err error) {
	if m.isDead() {
		return nil, errKilled
	}
	return ports.ViewNoting(m.Store, fn)
}

func (m *mortal) isDead() bool {
	select {
	case <-m.dead:
		return true
	default:
		return false
	}
}

// life is a whole life: bought, applied for, deployed, reissued, redeployed,
// revoked, taken off, deleted. Each step is done when it has not been done
// yet, so that it can be gone on with after a death, as a person would.
func (w *world) life(ctx context.Context) error {
	e := w.engine
	page, err := e.By(model.Scheduler).Page(model.Query{})
	if err != nil {
		return err
	}
	if page.Total == 0 {
		if _, _, err := e.By(operator).Buy(ctx, lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1}); err != nil {
			return err
		}
		if page, err = e.By(model.Scheduler).Page(model.Query{}); err != nil {
			return err
		}
	}
	id := page.Rows[0].ID
	for range 40 {
		if err := w.settle(ctx); err != nil {
			return err
		}
		i, err := e.By(model.Scheduler).Instance(id)
		if err != nil {
			return err
		}
		rs, _, err := e.By(model.Scheduler).Resources(lifecycle.ResourceFilter{Instance: id})
		if err != nil {
			return err
		}
		current := 0
		if v := i.Current(); v != nil {
			current = v.Number
		}
		switch {
		case len(i.Versions) == 0:
			_, err = e.By(operator).
				Apply(ctx, id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}})
		case len(rs) == 0 && current > 0:
			_, err = e.By(operator).Deploy(ctx, id, lifecycle.DeployRequest{Product: "CDN"})
		case len(i.Versions) == 1:
			_, err = e.By(operator).Reissue(ctx, id, lifecycle.ReissueRequest{})
		case current > 0 && rs[0].Version < current:
			_, err = e.By(operator).Deploy(ctx, id, lifecycle.DeployRequest{Product: "CDN"})
		case current > 0:
			_, err = e.By(operator).Revoke(ctx, id, lifecycle.RevokeRequest{Reason: "superseded"})
		case len(rs) > 0:
			_, err = e.By(operator).Undeploy(ctx, rs[0].ID)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("the life does not end")
}

// settle lets everything that is under way end, moving the clock past pauses.
func (w *world) settle(ctx context.Context) error {
	for range 20 {
		if _, err := w.engine.By(model.Scheduler).Tick(ctx); err != nil {
			return err
		}
		busy := false
		err := w.store.View(func(r model.Reader) error {
			for _, err := range r.Keys(model.Scan{Kind: model.KindJob, Index: "live"}) {
				if err != nil {
					return err
				}
				busy = true
			}
			return nil
		})
		if err != nil || !busy {
			return err
		}
		if m, ok := ctx.Value(mortalKey{}).(*mortal); ok && m.isDead() {
			return errKilled
		}
		w.clock.MoveTo(w.clock.Now().Add(2 * time.Hour))
	}
	return errors.New("work does not end")
}

type mortalKey struct{}

// TestKilledAtEachIntentAndResult kills the engine at every write of a whole
// life, before and after the write became durable, starts another engine on
// what is left, and finds: no second certificate for an order, no second
// change of a binding, nothing repeated before asking, a clean store.
func TestKilledAtEachIntentAndResult(t *testing.T) {
	w := newWorld(t)
	count := &mortal{Store: w.store, dead: make(chan struct{})}
	w.start(count)
	w.check(w.life(w.ctx()))
	w.engine.Close()
	writes := count.writes
	if writes < 15 {
		t.Fatalf("a life has only %d writes", writes)
	}
	for n := 1; n <= writes; n++ {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("write %d before=%v", n, before), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				m := &mortal{Store: w.store, left: n, before: before, dead: make(chan struct{})}
				w.engine.Close()
				w.start(m)
				ctx, cancel := context.WithCancel(context.WithValue(w.ctx(), mortalKey{}, m))
				go func() { // who waits for a dead process is cut off
					<-m.dead
					cancel()
				}()
				if err := w.life(ctx); err == nil {
					select { // the last write may be seen just before the death
					case <-m.dead:
					case <-w.ctx().Done():
						t.Fatal("it was not killed")
					}
				}
				cancel()
				w.engine.Close()
				mark := len(w.issuer.Calls())
				w.start(w.store)
				w.check(w.life(w.ctx()))
				w.orderly(mark)
			})
		}
	}
}

// orderly is what must hold after a life with deaths or lost answers.
func (w *world) orderly(mark int) {
	w.t.Helper()
	for key, n := range w.issuer.Signed {
		if n > 1 {
			w.t.Errorf("order %s was signed %d times", key, n)
		}
	}
	if len(w.issuer.Signed) != 2 {
		w.t.Errorf("%d certificates were signed, want 2", len(w.issuer.Signed))
	}
	if w.product.Changes != 2 {
		w.t.Errorf("bindings were changed %d times, want 2", w.product.Changes)
	}
	if len(w.issuer.Reasons) != 2 {
		w.t.Errorf("%d certificates are revoked, want 2", len(w.issuer.Reasons))
	}
	if len(w.product.Bound) != 0 {
		w.t.Errorf("something is still bound: %v", w.product.Bound)
	}
	asked := map[string]bool{}
	sent := map[string]bool{}
	for n, call := range w.issuer.Calls() {
		method, about, _ := strings.Cut(call, " ")
		if n == mark {
			clear(asked)
		}
		switch method {
		case "fetch":
			asked[about] = true
		case "finalize", "order": // a revocation may be sent again
			if sent[call] && !asked[about] {
				w.t.Errorf("call %d, %s, was repeated without asking", n, call)
			}
			sent[call] = true
			delete(asked, about)
		}
	}
	page, err := w.engine.By(model.Scheduler).Page(model.Query{})
	w.check(err)
	if page.Total != 1 {
		w.t.Errorf("there are %d instances, want 1", page.Total)
	}
	w.fsck()
}

// TestOtherSideLosesReplies lets each call outside lose its answer, hang, or
// fail once, and finds the same as after a death.
func TestOtherSideLosesReplies(t *testing.T) {
	methods := map[string]bool{
		"order":    true,
		"finalize": true,
		"revoke":   true,
		"deploy":   false,
		"undeploy": false,
		"present":  false,
		"keep":     false,
	}
	names := map[lifecycletest.Behaviour]string{lifecycletest.LosesReply: "loses the reply", lifecycletest.Hangs: "hangs",
		lifecycletest.DoneHangs: "is done and hangs", lifecycletest.Fails: "fails"}
	for method, atIssuer := range methods {
		for b, name := range names {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					if atIssuer {
						w.issuer.Plan(method, b)
					} else {
						w.product.Plan(method, b)
					}
					w.check(w.life(w.ctx()))
					if method == "deploy" || method == "present" {
						w.product.Changes = 2 // a failed deployment is put back and asked for again
					}
					w.orderly(0)
				})
			})
		}
	}
}

// TestLateAnswersAreWaitedFor has a CA that keeps an order pending: the
// instance shows what is awaited, and goes on by itself.
// spec: A8
func TestLateAnswersAreWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.issuer.Pending = 3
	id := w.bought()
	j, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"late.example.com"}}},
	)
	w.check(err)
	p := w.wait(j.ID)
	if !p.Blocked || inWords(p.Job.WaitFor) != "a record" {
		t.Fatalf("want it waiting for a record, got %+v", p)
	}
	if i := w.get(id); inWords(i.Operation.WaitFor) != "a record" || i.ExpectedIssue.IsZero() {
		t.Errorf("the instance does not show what is awaited: %+v", i.Operation)
	}
	w.forward(time.Hour)
	if i := w.get(id); len(i.Versions) != 1 || i.Operation.Active() {
		t.Errorf("it did not go on by itself: %+v", i.Operation)
	}
}
