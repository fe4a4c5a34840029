package budget_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/ports"
	"certquay/model"
)

const week = 7 * 24 * time.Hour

// beside returns what another issuer is left in the same store, by its clock.
func (a *account) beside(name, ca, before string, limits ...budget.Limit) *account {
	other := *a.Budget
	other.Account, other.CA, other.Before, other.Limits = name, ca, before, limits
	other.Now = func() time.Time { return a.now }
	return &account{Budget: &other}
}

// status returns the first limit with what is left.
func (a *account) status(t *testing.T) (s ports.RateLimit) {
	t.Helper()
	if err := a.Store.View(func(r model.Reader) error {
		all, err := a.Status(r)
		s = all[0]
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// What is counted of an account is shared by the issuers with that account, and what is
// counted of a CA by all issuers there.
//
// spec: C7
func TestIssuersShareWhatTheirCACounts(t *testing.T) {
	names := []string{"a.shop.com"}
	for counted, byCA := range map[budget.Counted]bool{
		budget.NewOrders: false, budget.PerDomain: true, budget.PerSet: true, budget.FailedProofs: false,
	} {
		for _, c := range []struct {
			what, account, ca string
			shared            bool
		}{
			{"the same account", "one", "ca", true},
			{"another account at the CA", "two", "ca", byCA},
			{"another CA", "two", "elsewhere", false},
		} {
			l := budget.Limit{Counts: counted, Of: 1, Per: week}
			clock := newAccount()
			first, second := clock.beside("one", "ca", "", l), clock.beside(c.account, c.ca, "", l)
			if w := first.wait(t, budget.Order{Names: names}); w != 0 {
				t.Fatalf("%s: the first order waits %v", counted, w)
			}
			if err := first.Failed(context.Background(), names[0]); err != nil {
				t.Fatal(err)
			}
			left := second.status(t)
			if left.Left == 0 != c.shared || left.Shared != byCA {
				t.Errorf("%s, %s: %+v", counted, c.what, left)
			}
			if w := second.wait(t, budget.Order{Names: names}); w > 0 != c.shared {
				t.Errorf("%s, %s: the second order waits %v", counted, c.what, w)
			}
		}
	}
}

// Orders of two issuers wait in one line for what their CA counts. spec: C7
func TestIssuersAtOneCAStandInOneLine(t *testing.T) {
	l := budget.Limit{Counts: budget.PerDomain, Of: 1, Per: week}
	clock := newAccount()
	one, two := clock.beside("one", "ca", "", l), clock.beside("two", "ca", "", l)
	order := func(key string, days int) budget.Order {
		return budget.Order{Names: []string{key + ".shop.com"}, Key: key, NeededBy: clock.now.AddDate(0, 0, days)}
	}
	late, early := order("late", 30), order("early", 9)
	for n, c := range []struct {
		by   *account
		o    budget.Order
		want time.Duration
	}{{one, order("first", 1), 0}, {one, late, week}, {two, early, week}, {one, late, 2 * week}} {
		if got := c.by.wait(t, c.o); got != c.want {
			t.Errorf("step %d: %s waits %v, want %v", n, c.o.Key, got, c.want)
		}
	}
}

// What an issuer used before an update of the program still counts, for itself at once and
// for the others as soon as it was moved; two that had each used some have used both.
//
// spec: C7
func TestWhatWasCountedByIssuerStillCounts(t *testing.T) {
	l := budget.Limit{Counts: budget.PerDomain, Of: 10, Per: week}
	other := budget.Limit{Counts: budget.NewOrders, Of: 10, Per: week}
	clock := newAccount()
	before := func(issuer string, l budget.Limit, subject string, used int) {
		t.Helper()
		full := clock.now.Add(time.Duration(used) * l.Per / time.Duration(l.Of))
		cell := &model.KV{
			Namespace: "budget", Name: issuer + "/" + string(l.Counts) + "/" + subject,
			Data: binary.BigEndian.AppendUint64(nil, uint64(full.UnixNano())),
		}
		if err := clock.Store.Update(context.Background(), func(tx model.Tx) error { return tx.Put(cell) }); err != nil {
			t.Fatal(err)
		}
	}
	before("le-a", l, "shop.com", 3)
	before("le-a", l, "other.com", 2)
	before("le-a", other, "", 4)
	before("le-b", l, "shop.com", 4)
	a, b := clock.beside("account-a", "ca", "le-a", l, other), clock.beside("account-b", "ca", "le-b", l, other)
	want := func(what string, of *account, left int, subject string) {
		t.Helper()
		if s := of.status(t); s.Left != left || s.Subject != subject {
			t.Errorf("%s: %d left for %q, want %d for %q", what, s.Left, s.Subject, left, subject)
		}
	}
	want("its own", a, 7, "shop.com")
	if w := a.wait(t, budget.Order{Names: []string{"x.shop.com"}}); w != 0 {
		t.Errorf("it waits %v", w)
	}
	want("with one more", a, 6, "shop.com")
	want("of both", b, 2, "shop.com") // 3 + 1 moved, 4 of its own
	for _, of := range []*account{a, b} {
		for _, more := range []bool{true, false, false} {
			if got, err := of.Prune(context.Background(), 1); err != nil || got && !more {
				t.Errorf("pruned: %v, %v", got, err)
			}
		}
	}
	want("all moved", a, 2, "shop.com")
	want("all moved", b, 2, "shop.com")
	kept := 0
	if err := clock.Store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: "budget/"}) {
			if err != nil {
				return err
			}
			t.Log(key)
			kept++
		}
		return nil
	}); err != nil || kept != 3 {
		t.Errorf("%d cells, %v", kept, err)
	}
	if w := a.wait(t, budget.Order{Names: []string{"x.other.com"}}); w != 0 { // 2 of 10 were used
		t.Errorf("%v", w)
	}
}

// Uses are counted, not time: an issuer that was told a stricter rate has as many fewer left
// as others have used, and so has one whose limit was edited.
//
// spec: C7
func TestUsesCountWhateverTheRate(t *testing.T) {
	clock := newAccount()
	loose := clock.beside("one", "ca", "", budget.Limit{Counts: budget.PerDomain, Of: 50, Per: week})
	strict := clock.beside("two", "ca", "", budget.Limit{Counts: budget.PerDomain, Of: 10, Per: week})
	for range 4 {
		loose.wait(t, budget.Order{Names: []string{"a.shop.com"}})
	}
	if s := strict.status(t); s.Left != 6 {
		t.Errorf("%+v", s)
	}
	strict.wait(t, budget.Order{Names: []string{"b.shop.com"}})
	if s := loose.status(t); s.Left != 45 {
		t.Errorf("%+v", s)
	}
}
