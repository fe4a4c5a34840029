package lifecycle_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// writes is a store that notes what is written, but for refusals.
type writes struct {
	ports.Store
	mu   sync.Mutex
	what []string
}

func (s *writes) Update(ctx context.Context, fn func(model.Tx) error) error {
	return s.Store.Update(ctx, func(tx model.Tx) error { return fn(noting{tx, s}) })
}

func (s *writes) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.what = append(s.what, what)
}

// take gives what was written since the last time.
func (s *writes) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.what = nil }()
	return s.what
}

type noting struct {
	model.Tx
	s *writes
}

func (t noting) Put(r model.Record) error {
	t.s.note("put " + string(r.RecordKind()))
	return t.Tx.Put(r)
}

func (t noting) Delete(r model.Record) error {
	t.s.note("delete " + string(r.RecordKind()))
	return t.Tx.Delete(r)
}

func (t noting) Append(ev model.Event) error {
	if ev.Result != journal.ResultRefused {
		t.s.note("append " + ev.Action)
	}
	return t.Tx.Append(ev)
}

// forAnybody are the methods of an access that tell nothing of the store, at least not to
// whoever has no role.
var forAnybody = []string{"Actor", "IssuerKinds", "May", "Missing", "Now", "ProductKinds", "Table", "WhoMay"}

// onlyRead are those that read. Every other acts.
var onlyRead = []string{
	"Activity", "Authorities", "Authority", "Balances", "CapabilitiesByBrand", "Companies", "Company", "Contact",
	"ContactByID", "ContactNames", "Contacts", "CostsByMonth", "CostsByOrder", "Counts", "DNSAccount", "DNSAccounts",
	"Discovery", "EventsByDay", "Everywhere", "Expiries", "Explain", "Facts", "Find", "FindResource", "FindWatch", "Follow",
	"Impact", "Instance", "Issuers", "KeyUses", "LogRefusal", "Material", "Metrics", "NextDue", "Notices", "Page", "PlanBuy",
	"PlanRekey", "PlanReorder", "Policy", "Product", "Products", "QueryValues", "Quote", "QuoteHosting", "QuotePack",
	"RateLimits", "Reaches", "Receipt", "Receipts", "Refund", "Refunds", "Resource", "Resources", "SavedView", "SavedViews", "Search",
	"SearchResources", "Settling", "SharesKey", "SpentByCurrency", "Tasks", "TasksOf", "Template", "UnusedContact", "User",
	"Users", "UsersOfContact", "UsualBrand", "View", "Wait", "WaitReporting", "Watch", "Watches", "Working",
}

// TestEveryMethodOfAnAccessChecksWhoCalls calls each method as somebody without a
// role, as a viewer and read-only. spec: V7
func TestEveryMethodOfAnAccessChecksWhoCalls(t *testing.T) {
	w := newWorld(t)
	spy := &writes{Store: w.store}
	w.engine.Close()
	w.start(spy)
	instance := w.issued("shop.example.com")
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), instance, lifecycle.DeployRequest{Product: "CDN"})
	w.check(err)
	w.wait(jobs[0].ID)
	args := func(m reflect.Method) []reflect.Value {
		var in []reflect.Value
		for n := 1; n < m.Type.NumIn(); n++ {
			p := m.Type.In(n)
			v := reflect.Zero(p)
			switch p {
			case reflect.TypeFor[context.Context]():
				v = reflect.ValueOf(w.ctx())
			case reflect.TypeFor[model.ID]():
				v = reflect.ValueOf(instance)
				if slices.Contains([]string{"Undeploy", "Verify", "Accept", "AutoDeploy", "Resource"}, m.Name) {
					v = reflect.ValueOf(jobs[0].Resource)
				}
			case reflect.TypeFor[func(model.Reader) error]():
				v = reflect.ValueOf(func(model.Reader) error { return nil })
			case reflect.TypeFor[rules.Action]():
				v = reflect.ValueOf(rules.Buy)
			case reflect.TypeFor[*model.Instance]():
				v = reflect.ValueOf(&model.Instance{})
			case reflect.TypeFor[time.Time]():
				v = reflect.ValueOf(w.clock.Now().Add(time.Hour))
			}
			if n == m.Type.NumIn()-1 && m.Type.IsVariadic() {
				break
			}
			in = append(in, v)
		}
		return in
	}
	var actor model.Actor
	access := w.engine.As(func() model.Actor { return actor })
	called := 0
	for _, c := range []struct {
		actor model.Actor
		reads bool
		why   rules.Reason
	}{
		{model.Actor{Name: "nobody"}, false, rules.ReasonRole},
		{model.Actor{Name: "vera", Role: model.Viewer}, true, rules.ReasonRole},
		{model.Actor{Name: "anna", Role: model.Owner, ReadOnly: true}, true, rules.ReasonReadOnly},
	} {
		actor = c.actor // the access asks anew
		for n := range reflect.TypeFor[*lifecycle.Access]().NumMethod() {
			m := reflect.TypeFor[*lifecycle.Access]().Method(n)
			if slices.Contains(forAnybody, m.Name) {
				continue
			}
			called++
			spy.take()
			asked := len(w.issuer.Calls()) + len(w.product.Calls())
			out := reflect.ValueOf(access).Method(n).Call(args(m))
			last := out[len(out)-1]
			err, fails := last.Interface().(error)
			var f *rules.Refusal
			refused := errors.As(err, &f) && f.Reason == c.why
			reads := slices.Contains(onlyRead, m.Name) || m.Name == "Documents" && c.actor.Role > model.Viewer
			switch hasError := last.Type() == reflect.TypeFor[error](); {
			case reads && c.reads:
				if refused {
					t.Errorf("%s may not %s: %v", c.actor.Name, m.Name, err)
				}
			case hasError && !refused:
				t.Errorf("%s: %s gives %v %v", c.actor.Name, m.Name, fails, err)
			case m.Name == "Watch":
				if _, open := <-last.Interface().(<-chan model.ChangeSet); open {
					t.Errorf("%s watches", c.actor.Name)
				}
			}
			if refused && m.Type.NumOut() > 1 || !hasErrorResult(m) && !c.reads && m.Name != "Watch" {
				for _, v := range out[:max(len(out)-1, 1)] {
					if !v.IsZero() {
						t.Errorf("%s: %s gives %v all the same", c.actor.Name, m.Name, v)
					}
				}
			}
			if what := spy.take(); len(what) > 0 {
				t.Errorf("%s: %s wrote %q", c.actor.Name, m.Name, what)
			}
			if now := len(w.issuer.Calls()) + len(w.product.Calls()); now != asked {
				t.Errorf("%s: %s asked somebody outside", c.actor.Name, m.Name)
			}
		}
	}
	if called < 3*70 {
		t.Errorf("only %d calls", called)
	}
	actor = operator
	if _, err := access.Reissue(w.ctx(), instance, lifecycle.ReissueRequest{}); err != nil {
		t.Errorf("whose role came back: %v", err)
	}
	w.fsck()
}

// hasErrorResult says whether the last result of a method is an error.
func hasErrorResult(m reflect.Method) bool {
	return m.Type.NumOut() > 0 && m.Type.Out(m.Type.NumOut()-1) == reflect.TypeFor[error]()
}
