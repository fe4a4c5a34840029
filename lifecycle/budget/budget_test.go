package budget_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// account is a budget with a clock of its own.
type account struct {
	*budget.Budget
	now time.Time
}

func newAccount(limits ...budget.Limit) *account {
	a := &account{now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	now := func() time.Time { return a.now }
	a.Budget = &budget.Budget{Store: issuertest.NewStore(), Account: "le", Limits: limits, ReplacesFree: true, Now: now}
	return a
}

// wait returns how long an order has to wait; 0 if it was taken.
func (a *account) wait(t *testing.T, o budget.Order) time.Duration {
	t.Helper()
	err := a.Reserve(context.Background(), o)
	var late *ports.RetryAfterError
	if err != nil && !errors.As(err, &late) {
		t.Fatal(err)
	}
	if late == nil {
		return 0
	}
	return late.After
}

// spec: C7
func TestABudgetIsNeverExceededAndRefillsEvenly(t *testing.T) {
	a := newAccount(budget.Limit{Counts: budget.NewOrders, Of: 300, Per: 3 * time.Hour})
	for n := range 300 {
		if w := a.wait(t, budget.Order{Names: []string{fmt.Sprintf("n%d.example", n)}}); w != 0 {
			t.Fatalf("order %d waits %v", n, w)
		}
	}
	o := budget.Order{Names: []string{"late.example"}}
	if w := a.wait(t, o); w != 36*time.Second {
		t.Errorf("the next one waits %v, want 36 s", w)
	}
	a.now = a.now.Add(35 * time.Second)
	if w := a.wait(t, o); w != time.Second {
		t.Errorf("after 35 s it waits %v", w)
	}
	a.now = a.now.Add(time.Second)
	if w := a.wait(t, o); w != 0 {
		t.Errorf("after 36 s it waits %v", w)
	}
	// No window of three hours holds more than the burst and what refilled within it.
	taken, from := 0, a.now
	for a.now.Before(from.Add(3 * time.Hour)) {
		if a.wait(t, o) == 0 {
			taken++
		}
		a.now = a.now.Add(7 * time.Second)
	}
	if taken < 299 || taken > 300 {
		t.Errorf("%d orders in three hours from an empty bucket", taken)
	}
}

// spec: C7
func TestWhatEachLimitCounts(t *testing.T) {
	week := 7 * 24 * time.Hour
	for name, c := range map[string]struct {
		limit  budget.Limit
		orders []budget.Order // the last one has to wait, the others not
		waits  bool
	}{
		"one domain": {
			budget.Limit{Counts: budget.PerDomain, Of: 2, Per: week},
			[]budget.Order{{Names: []string{"a.shop.co.uk"}}, {Names: []string{"*.b.shop.co.uk"}}, {Names: []string{"c.shop.co.uk"}}}, true,
		},
		"two names of one domain are one certificate": {
			budget.Limit{Counts: budget.PerDomain, Of: 2, Per: week},
			[]budget.Order{{Names: []string{"a.shop.com", "b.shop.com"}}, {Names: []string{"c.shop.com"}}}, false,
		},
		"renewals are no new certificates of a domain": {
			budget.Limit{Counts: budget.PerDomain, Of: 1, Per: week},
			[]budget.Order{{Names: []string{"a.shop.com"}}, {Names: []string{"a.shop.com"}, Renews: true}}, false,
		},
		"the same set in another order": {
			budget.Limit{Counts: budget.PerSet, Of: 1, Per: week},
			[]budget.Order{{Names: []string{"a.shop.com", "b.shop.com"}}, {Names: []string{"b.shop.com", "a.shop.com"}, Renews: true}},
			true,
		},
		"another set": {
			budget.Limit{Counts: budget.PerSet, Of: 1, Per: week},
			[]budget.Order{{Names: []string{"a.shop.com", "b.shop.com"}}, {Names: []string{"a.shop.com"}}}, false,
		},
		"a replacement is counted by none": {
			budget.Limit{Counts: budget.NewOrders, Of: 1, Per: week},
			[]budget.Order{{Names: []string{"a.shop.com"}}, {Names: []string{"a.shop.com"}, Replaces: true}}, false,
		},
	} {
		a := newAccount(c.limit)
		for n, o := range c.orders {
			want := c.waits && n == len(c.orders)-1
			if w := a.wait(t, o); w > 0 != want {
				t.Errorf("%s: order %d waits %v", name, n, w)
			}
		}
	}
}

// spec: C7
func TestFailedValidationsHoldOrdersBack(t *testing.T) {
	a := newAccount(budget.Limit{Counts: budget.FailedProofs, Of: 2, Per: time.Hour})
	o := budget.Order{Names: []string{"a.shop.com", "b.shop.com"}}
	for range 2 {
		if w := a.wait(t, o); w != 0 {
			t.Fatalf("waits %v", w)
		}
		if err := a.Failed(context.Background(), "b.shop.com"); err != nil {
			t.Fatal(err)
		}
	}
	if w := a.wait(t, o); w != 30*time.Minute {
		t.Errorf("after two failures it waits %v", w)
	}
	if w := a.wait(t, budget.Order{Names: []string{"a.shop.com"}}); w != 0 {
		t.Errorf("another name waits %v", w)
	}
}

// spec: C7
func TestWhatIsLeftIsShownAndKept(t *testing.T) {
	a := newAccount(budget.Limit{Counts: budget.PerDomain, Of: 50, Per: 7 * 24 * time.Hour})
	for _, n := range []string{"a.shop.com", "b.shop.com", "a.other.com"} {
		a.wait(t, budget.Order{Names: []string{n}})
	}
	again := &budget.Budget{Store: a.Store, Account: "le", Limits: a.Limits, Now: func() time.Time { return a.now }}
	status := func() (got ports.RateLimit) {
		t.Helper()
		if err := a.Store.View(func(r model.Reader) error {
			all, err := again.Status(r)
			got = all[0]
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if s := status(); s.Left != 48 || s.Subject != "shop.com" || s.Refills.Sub(a.now) > 7*24*time.Hour/50 || !s.Refills.After(a.now) {
		t.Errorf("%+v", s)
	}
	a.now = a.now.Add(7 * 24 * time.Hour)
	if s := status(); s.Left != 50 || s.Subject != "" {
		t.Errorf("a week later %+v", s)
	}
	if more, err := again.Prune(context.Background(), 1); err != nil || !more {
		t.Errorf("pruning one: %v, %v", more, err)
	}
	if more, err := again.Prune(context.Background(), 10); err != nil || more {
		t.Errorf("pruning the rest: %v, %v", more, err)
	}
}

func TestLimitsAreReadAsTheyArePrinted(t *testing.T) {
	for _, known := range budget.Known {
		for _, l := range known.Limits {
			if got, wrong := budget.Parse(l.String()); wrong != "" || got != l {
				t.Errorf("%s: %v, %s", l, got, wrong)
			}
		}
	}
	for _, text := range []string{
		"", "new-orders", "new-orders=0/3h", "new-orders=3", "orders=3/3h", "new-orders=3/0d", "new-orders=x/3h",
		"new-orders=3/-1h", "new-orders=3/9999d", "new-orders=3/0s",
	} {
		if l, wrong := budget.Parse(text); wrong == "" {
			t.Errorf("%q is read as %v", text, l)
		}
	}
}

// A call takes time, by which nothing has to wait. spec: C7
func TestABudgetOfOneIsThereAtOnce(t *testing.T) {
	b := &budget.Budget{
		Store:   issuertest.NewStore(),
		Account: "le",
		Limits:  []budget.Limit{{Counts: budget.NewOrders, Of: 1, Per: time.Hour}},
		Now:     time.Now,
	}
	if err := b.Reserve(context.Background(), budget.Order{Names: []string{"a.example"}, Key: "k"}); err != nil {
		t.Error(err)
	}
}

// What waits is served in the order of its rank, whoever asks first; a place that nobody
// comes back for is given up, and what has become urgent passes the others.
//
// spec: C7
func TestOrdersWaitInALine(t *testing.T) {
	a := newAccount(budget.Limit{Counts: budget.NewOrders, Of: 1, Per: time.Hour})
	order := func(key string, days int, urgent bool) budget.Order {
		return budget.Order{
			Names:    []string{key + ".example"},
			Key:      key,
			NeededBy: a.now.Truncate(24*time.Hour).AddDate(0, 0, days),
			Urgent:   urgent,
		}
	}
	late, early, gone, soon := order("late", 30, false), order("early", 9, false), order("gone", 8, false), order("soon", 3, true)
	for n, c := range []struct {
		after time.Duration
		o     budget.Order
		want  time.Duration // it waits; 0 is served
	}{
		{0, order("first", 1, false), 0},
		{0, late, time.Hour},
		{0, early, time.Hour},                       // before late
		{0, gone, time.Hour},                        // before early
		{0, late, 3 * time.Hour},                    // told anew how many are before it
		{time.Hour, late, 2 * time.Hour},            // one is free, and not for it
		{0, soon, 0},                                // urgent: before all
		{0, early, 2 * time.Hour},                   // behind gone
		{16 * time.Minute, early, 44 * time.Minute}, // gone was to come back a quarter of an hour ago
		{44 * time.Minute, early, 0},
		{0, order("late", 30, true), time.Hour},
		{time.Hour, order("late", 30, true), 0},
		{0, early, time.Hour}, // nobody is left before it
	} {
		a.now = a.now.Add(c.after)
		if got := a.wait(t, c.o); got != c.want {
			t.Errorf("step %d: %s waits %v, want %v", n, c.o.Key, got, c.want)
		}
	}
}
