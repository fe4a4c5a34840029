package forecast_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/budget"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// yearDays are the validities of the certificates of the year, with how many of twenty
// have each. The CA has a profile for each, and the engine an issuer for each profile, all
// behind one account.
var yearDays = []struct{ days, of20 int }{{6, 1}, {10, 1}, {30, 4}, {47, 6}, {90, 8}}

// yearLimits let through so many orders each four hours, and for each domain one new
// certificate a day.
func yearLimits(burst int) []budget.Limit {
	return []budget.Limit{
		{Counts: budget.NewOrders, Of: burst, Per: 4 * time.Hour},
		{Counts: budget.PerDomain, Of: 7, Per: 7 * day},
		{Counts: budget.PerSet, Of: 5, Per: 7 * day},
	}
}

// limitedCA is a CA with rate limits that counts by itself what it is asked, beside the
// budget of the issuers.
type limitedCA struct {
	t      *testing.T
	now    func() time.Time
	budget *budget.Budget

	mu     sync.Mutex
	levels map[string]level // of the buckets, by what they count
	issued map[string]bool  // sets of names for which there was a certificate
	burst  int              // orders in four hours
	orders int
	names  []string // of the orders, each its first
	late   int      // orders that had to wait, each time that they asked
}

// level is how many orders a bucket still permits at a time.
type level struct {
	left float64
	at   time.Time
}

// draw takes one from a bucket that refills evenly. One that is empty fails the test.
func (ca *limitedCA) draw(subject string, of int, per time.Duration) {
	now := ca.now()
	b, used := ca.levels[subject]
	if !used {
		b = level{float64(of), now}
	}
	b.left = min(float64(of), b.left+float64(of)*float64(now.Sub(b.at))/float64(per)) - 1
	if b.left < -1e-6 {
		ca.t.Errorf("%s: over the limit of %d in %s for %s: %f left", now.Format(time.RFC3339), of, per, subject, b.left)
	}
	ca.levels[subject] = level{b.left, now}
}

// take counts an order as the CA does.
func (ca *limitedCA) take(domains []string) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	set := strings.Join(domains, ",")
	ca.orders++
	ca.names = append(ca.names, domains[0])
	ca.draw("the account", ca.burst, 4*time.Hour)
	ca.draw("set "+set, 5, 7*24*time.Hour)
	if !ca.issued[set] {
		ca.draw("domain "+names.RegisteredDomain(domains[0]), 7, 7*24*time.Hour)
	}
	ca.issued[set] = true
}

// profile is the issuer of one validity at a limitedCA.
type profile struct {
	*lifecycletest.Issuer
	ca *limitedCA
}

var _ ports.Limited = profile{}

func (p profile) RateLimits() (ports.RateLimits, error) { return p.ca.budget.RateLimits(), nil }

// Order makes an order within the budget.
func (p profile) Order(ctx context.Context, r ports.CertificateRequest) (ports.Order, error) {
	if err := p.ca.budget.Reserve(ctx, budget.Order{
		Names: r.Names, Renews: len(r.Replaces) > 0, Key: r.Key, NeededBy: r.NeededBy, Urgent: r.Urgent,
	}); err != nil {
		p.ca.mu.Lock()
		p.ca.late++
		p.ca.mu.Unlock()
		return ports.Order{}, err
	}
	p.ca.take(r.Names)
	return p.Issuer.Order(ctx, r)
}

// year is a fleet at one CA with rate limits.
type year struct {
	*lifecycletest.World
	ca *limitedCA
}

// newYear makes an empty fleet at a CA that permits so many orders in four hours.
func newYear(t *testing.T, burst int) *year {
	t.Helper()
	y := &year{ca: &limitedCA{t: t, burst: burst, levels: map[string]level{}, issued: map[string]bool{}}}
	y.World = lifecycletest.New(t, func(w *lifecycletest.World) {
		y.ca.now = w.Clock.Now
		y.ca.budget = &budget.Budget{Store: w.Store, Account: "le", Limits: yearLimits(burst), Now: w.Clock.Now}
		w.Options.Inline, w.Options.NoSweeps, w.Options.Issuers = true, true, map[string]ports.Issuer{}
		for _, v := range yearDays {
			is := profile{lifecycletest.NewIssuer(w.Clock.Now), y.ca}
			is.Can.MaxValidity = time.Duration(v.days) * day
			w.Options.Issuers[fmt.Sprintf("le-%d", v.days)] = is
		}
	})
	return y
}

// order buys a certificate of so many days and applies for it.
func (y *year) order(t *testing.T, days int, name string) {
	t.Helper()
	spec := model.Specification{Level: model.DV, Type: model.Single, Brand: fmt.Sprintf("le-%d", days), Grade: model.Free}
	_, made, err := y.Engine.By(admin).Buy(t.Context(), lifecycle.BuyRequest{Spec: spec, Years: 2, Quantity: 1})
	check(t, err)
	_, err = y.Engine.By(admin).Apply(t.Context(), made[0].ID, lifecycle.ApplyRequest{Application: model.Application{
		Domains: []string{name}, KeyType: model.ECDSAP256,
	}})
	check(t, err)
}

// live lets the engine work until a time, from one due moment to the next.
func (y *year) live(t *testing.T, to time.Time) {
	t.Helper()
	scheduler := y.Engine.By(model.Scheduler)
	for {
		_, err := scheduler.Tick(t.Context())
		check(t, err)
		next, err := scheduler.NextDue()
		check(t, err)
		if next.IsZero() || !next.Before(to) {
			y.Clock.MoveTo(to)
			return
		}
		y.Clock.MoveTo(next.Add(time.Millisecond))
	}
}

// verify checks that no certificate has ended before its successor was there.
func (y *year) verify(t *testing.T, end time.Time) (versions int) {
	t.Helper()
	page, err := y.Engine.By(admin).Page(model.Query{})
	check(t, err)
	for _, row := range page.Rows {
		i, err := y.Engine.By(admin).Instance(row.ID)
		check(t, err)
		versions += len(i.Versions)
		for n := range i.Versions {
			until := end
			if n+1 < len(i.Versions) {
				until = i.Versions[n+1].Issued
			}
			if v := &i.Versions[n]; until.After(v.NotAfter) {
				t.Errorf("%s: version %d ended at %s, and nothing replaced it until %s", i.Name, v.Number, v.NotAfter, until)
			}
		}
		if len(i.Versions) == 0 {
			t.Errorf("%s was never issued", i.Name)
		}
	}
	return versions
}

// yearSize is the number of certificates of the year: 300, or 50 in short tests and under
// the race detector, which finds in them what there is; CERTQUAY_YEAR_CERTIFICATES sets
// another.
func yearSize(t *testing.T) int {
	usual := "300"
	info, _ := debug.ReadBuildInfo()
	raced := info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	if testing.Short() || raced {
		usual = "50"
	}
	n, err := strconv.Atoi(cmp.Or(os.Getenv("CERTQUAY_YEAR_CERTIFICATES"), usual))
	check(t, err)
	return n
}

// A year of 300 certificates of 6 to 90 days at one account with rate limits: none
// expires, no limit is exceeded, and the forecast made on the first day is what happens.
//
// spec: C7 V6
func TestAYearWithinRateLimits(t *testing.T) {
	n := yearSize(t)
	y := newYear(t, max(n/60, 1)) // about twice what the renewals need
	var mix []int
	for _, v := range yearDays {
		mix = append(mix, slices.Repeat([]int{v.days}, v.of20)...)
	}
	for k := range n { // at once: the orders wait for the rate limits
		y.order(t, mix[k%20], fmt.Sprintf("n%d.shop%d.example", k, k%(n/10)))
	}
	versions, waits := y.pass(t)
	t.Logf("%d certificates, %d orders, %d of them waited for a limit and asked %d times in vain", versions, y.ca.orders, waits, y.ca.late)
	if waits == 0 || y.ca.late > 4*y.ca.orders {
		t.Errorf("%d orders waited, %d askings were in vain", waits, y.ca.late)
	}
}

// pass forecasts a year and lives it: no certificate may expire, and the events must be
// those that were forecast. It returns how many certificates there were, and how often an
// order waited for a limit.
func (y *year) pass(t *testing.T) (versions, waits int) {
	t.Helper()
	scheduler := y.Engine.By(model.Scheduler)
	_, err := scheduler.Tick(t.Context())
	check(t, err)
	var said, was []string
	began := time.Now()
	rep, err := forecast.Run(t.Context(), scheduler, forecast.Request{Months: 12,
		Event: func(e *model.Event) { said = append(said, line(e)) }})
	check(t, err)
	t.Logf("forecast in %v", time.Since(began))
	events, err := scheduler.Activity(lifecycle.ActivityFilter{Limit: 1})
	check(t, err)
	last := events[0].Seq
	began = time.Now()
	y.live(t, rep.To)
	t.Logf("lived in %v", time.Since(began))
	events, err = scheduler.Activity(lifecycle.ActivityFilter{})
	check(t, err)
	days := map[int]int{}
	for k := range events {
		e := &events[k]
		if e.Result == journal.ResultWaiting && e.Detail.Code() == "await.budget" { // also those that waited before the forecast
			waits++
		}
		if e.Seq <= last {
			continue
		}
		was = append(was, line(e))
		switch {
		case e.Result == journal.ResultFailed:
			t.Errorf("%s", line(e))
		case e.Result == journal.ResultOK && (e.Action == string(model.JobIssue) || e.Action == string(model.JobReissue)):
			days[int(e.At.Sub(lifecycletest.Epoch)/day)]++
		}
	}
	versions = y.verify(t, rep.To)
	logSpread(t, days)
	compare(t, said, was)
	return versions, waits
}

// logSpread shows how many certificates were issued on how many days.
func logSpread(t *testing.T, days map[int]int) {
	t.Helper()
	var counts []int
	total := 0
	if len(days) == 0 {
		t.Fatal("nothing was issued")
	}
	for _, n := range days {
		counts = append(counts, n)
		total += n
	}
	slices.Sort(counts)
	t.Logf("certificates a day: least %d, median %d, most %d, mean %d", counts[0], counts[len(counts)/2], counts[len(counts)-1],
		total/len(counts))
	for from := 0; from < 365; from += 28 {
		var week []string
		for d := from; d < min(from+28, 365); d++ {
			week = append(week, strconv.Itoa(days[d]))
		}
		t.Logf("day %3d: %s", from, strings.Join(week, " "))
	}
}

// compare fails unless the events that were forecast are those that happened.
func compare(t *testing.T, said, was []string) {
	t.Helper()
	slices.Sort(said)
	slices.Sort(was)
	if slices.Equal(said, was) {
		return
	}
	for k := range min(len(said), len(was)) {
		if said[k] != was[k] {
			t.Errorf("first difference:\nforecast %s\nfact     %s", said[k], was[k])
			break
		}
	}
	t.Fatalf("%d events were forecast, %d happened", len(said), len(was))
}

// After a pause many certificates are due at once at an account that permits one order
// in four hours: those that end first are ordered first, and what a person orders passes
// those that have weeks left.
//
// spec: C7
func TestWhatEndsFirstIsOrderedFirst(t *testing.T) {
	y := newYear(t, 1)
	for n := range 4 { // due on day 60, they end on day 90
		y.order(t, 90, fmt.Sprintf("ninety%d.example", n))
	}
	y.live(t, lifecycletest.Epoch.Add(40*day))
	for n := range 3 { // due on day 60, they end on day 70
		y.order(t, 30, fmt.Sprintf("thirty%d.example", n))
	}
	y.live(t, lifecycletest.Epoch.Add(41*day))
	y.Clock.MoveTo(lifecycletest.Epoch.Add(62 * day))
	y.ca.names = nil
	_, err := y.Engine.By(model.Scheduler).Tick(t.Context())
	check(t, err)
	y.order(t, 10, "person.example")
	y.live(t, lifecycletest.Epoch.Add(65*day))
	var got []string
	for _, n := range y.ca.names {
		got = append(got, strings.TrimRight(strings.TrimSuffix(n, ".example"), "0123456789"))
	}
	want := []string{"thirty", "person", "thirty", "thirty", "ninety", "ninety", "ninety", "ninety"}
	if !slices.Equal(got, want) {
		t.Errorf("ordered %v, want %v", got, want)
	}
	y.verify(t, y.Clock.Now())
}
