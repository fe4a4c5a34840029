package forecast

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/budget"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const (
	day       = 24 * time.Hour
	simulated = 2 * 365 * day
)

// validities are those of the fleet, in equal parts.
var validities = []int{6, 45, 64, 100, 200}

// simulation is a fleet that lives through two years: every instance hosted, a
// fifth deployed with auto-deploy, a tenth from packs.
type simulation struct {
	t      *testing.T
	n      int
	s      *records
	e      *lifecycle.Engine
	clock  *ports.MovableClock
	issues map[string]*issuer
	ends   map[model.ID]time.Time // not_after of the newest version
	yearly map[model.ID]int
	hours  map[int64]int
	count  int
	errs   int
}

var owner = model.Actor{Name: "sim", Role: model.Owner, Via: "test"}

func newSimulation(t *testing.T, n int) *simulation {
	k, err := standInKey()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	w := &simulation{
		t: t, n: n, s: newRecords(k, nil), clock: ports.NewMovableClock(frozenClock(begin), 0),
		issues: map[string]*issuer{}, ends: map[model.ID]time.Time{}, yearly: map[model.ID]int{}, hours: map[int64]int{},
	}
	w.s.observe = w.told
	ps := &products{deployed: map[ports.Target]ports.KeyPair{}}
	o := lifecycle.Options{
		Store: w.s, Clock: w.clock, Policy: rules.DefaultPolicy(), Prober: ps, Issuers: map[string]ports.Issuer{}, Inline: true,
		NoSweeps: true,
		Products: []lifecycle.NamedProduct{{Name: "CDN", Product: &product{all: ps, name: "CDN", regions: []string{"global"}}}},
		NewKey:   func(model.KeyType) (model.Secret, []byte, error) { return k.PKCS8, k.Public, nil },
	}
	for _, v := range validities {
		brand := fmt.Sprintf("v%d", v)
		w.issues[brand] = &issuer{
			now:    w.clock.Now,
			budget: budget.Of(ports.RateLimits{}, w.s, w.clock.Now),
			can: func(time.Time) rules.Capabilities {
				return rules.Capabilities{Levels: model.Levels, Types: model.DomainTypes, Grades: model.Grades, Revocation: true,
					MaxValidity: time.Duration(v) * day}
			},
		}
		o.Issuers[brand] = w.issues[brand]
	}
	w.e = lifecycle.New(o)
	t.Cleanup(w.e.Close)
	return w
}

func (w *simulation) wrong(format string, args ...any) {
	w.t.Helper()
	if w.errs++; w.errs < 20 {
		w.t.Errorf(format, args...)
	}
}

// told watches every new version: it must come before the one before it ends,
// and not twice.
func (w *simulation) told(tx *effects) {
	for n := range tx.events {
		e := &tx.events[n]
		if e.Result == journal.ResultFailed {
			w.wrong("%s of %s failed: %s", e.Action, e.Name, e.Reason)
		}
		if e.Result != journal.ResultOK {
			continue
		}
		switch e.Action {
		case string(model.JobRenew):
			w.yearly[e.Instance]++
		case string(model.JobIssue), string(model.JobReissue):
		default:
			continue
		}
		i := w.s.instances.rows[string(e.Instance)]
		v := i.Newest()
		if before := w.ends[e.Instance]; !before.IsZero() {
			if e.At.After(before) {
				w.wrong("%s was replaced %s after it had expired", e.Name, e.At.Sub(before))
			}
			// A version is not replaced before its window, but by the yearly
			// renewal, whose window is that of the service.
			previous := &i.Versions[len(i.Versions)-2]
			if e.Action == string(model.JobReissue) && e.At.Before(previous.Window()) {
				w.wrong("%s was replaced before its window", e.Name)
			}
		}
		if e.Action != string(model.JobIssue) {
			w.hours[e.At.Unix()/3600]++
			w.count++
		}
		w.ends[e.Instance] = v.NotAfter
	}
}

func (w *simulation) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// buy makes the k-th instance: hosted from its issue, by purchase or from packs.
func (w *simulation) buy(ctx context.Context, k int, contact model.ID) {
	pack := k%10 == 7
	spec := model.Specification{Level: model.DV, Type: model.Single, Brand: fmt.Sprintf("v%d", validities[k%len(validities)]),
		Grade: model.Standard}
	_, made, err := w.e.By(owner).Buy(ctx, lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1, Hosting: !pack, FromPack: pack,
		Contact: contact})
	w.check(err)
	a := lifecycle.ApplyRequest{Contact: contact, Application: model.Application{Domains: []string{fmt.Sprintf("n%d.example.com", k)},
		KeyType: model.ECDSAP256}}
	if pack {
		a.HostingPacks = 1
	}
	_, err = w.e.By(owner).Apply(ctx, made[0].ID, a)
	w.check(err)
	_, err = w.e.By(model.Scheduler).Tick(ctx)
	w.check(err)
	if k/len(validities)%5 != 0 {
		return
	}
	jobs, err := w.e.By(owner).Deploy(ctx, made[0].ID, lifecycle.DeployRequest{Product: "CDN"})
	w.check(err)
	_, err = w.e.By(model.Scheduler).Tick(ctx)
	w.check(err)
	w.check(w.e.By(owner).AutoDeploy(ctx, jobs[0].Resource, true))
}

// live buys the fleet, each cohort evenly over a part of its validity, and
// lives to the end of two years.
func (w *simulation) live(spread func(validity time.Duration) time.Duration) {
	ctx := w.t.Context()
	begin := w.clock.Now()
	ops, err := w.e.By(owner).AddContact(ctx, model.Contact{Name: "Ops", Email: "ops@example.com"})
	w.check(err)
	_, err = w.e.By(owner).BuyPack(ctx, lifecycle.PackRequest{Kind: ledger.PackHosting, Quantity: w.n})
	w.check(err)
	for _, v := range validities {
		spec := model.Specification{Level: model.DV, Type: model.Single, Brand: fmt.Sprintf("v%d", v), Grade: model.Standard}
		_, err = w.e.By(owner).BuyPack(ctx, lifecycle.PackRequest{Kind: ledger.PackCertificate, Spec: spec, Quantity: w.n})
		w.check(err)
	}
	_, err = w.e.By(owner).BuyPack(ctx, lifecycle.PackRequest{Kind: ledger.PackCredit, Quantity: w.n})
	w.check(err)
	cohort := w.n / len(validities)
	next := make([]int, len(validities)) // of each cohort, to buy
	at := func(c int) time.Time {
		return begin.Add(time.Duration(float64(spread(time.Duration(validities[c])*day)) * float64(next[c]) / float64(cohort)))
	}
	// The last moment is within what the first instances were paid for.
	for end := begin.Add(simulated); ; {
		due, err := w.e.By(model.Scheduler).NextDue()
		w.check(err)
		buy := -1
		for c := range validities {
			if next[c] < cohort && (buy < 0 || at(c).Before(at(buy))) {
				buy = c
			}
		}
		switch {
		case buy >= 0 && (due.IsZero() || at(buy).Before(due)):
			w.clock.MoveTo(at(buy))
			w.buy(ctx, next[buy]*len(validities)+buy, ops.ID)
			next[buy]++
		case due.IsZero() || !due.Before(end):
			w.clock.MoveTo(end)
			return
		default:
			w.clock.MoveTo(due.Add(time.Millisecond))
			_, err := w.e.By(model.Scheduler).Tick(ctx)
			w.check(err)
		}
	}
}

// settle checks what must hold at the end.
func (w *simulation) settle() {
	now := w.clock.Now()
	credits, packs, hosted := 0, 0, 0
	for id, i := range w.s.instances.rows {
		if v := i.Newest(); v == nil || !now.Before(v.NotAfter) {
			w.wrong("%s has expired", i.Name)
		}
		if got := w.yearly[model.ID(id)]; got != 1 {
			w.wrong("%s was renewed for a year %d times", i.Name, got)
		}
		if i.Hosting.RenewalsLeft != 0 || i.Failure.Kind != "" {
			w.wrong("%s: %d renewals left, failure %+v", i.Name, i.Hosting.RenewalsLeft, i.Failure)
		}
		if i.Origin == model.OriginPack {
			packs++
		} else {
			hosted++
		}
	}
	for _, r := range w.s.resources.rows {
		i := w.s.instances.rows[string(r.Instance)]
		if r.Deployed != i.Newest().Fingerprint || r.Waiting || r.Failure.Kind != "" {
			w.wrong("%s presents version %d of %d", r.Name, r.Version, i.Newest().Number)
		}
		credits++
	}
	balances, err := w.e.By(model.Scheduler).Balances()
	w.check(err)
	used := map[string]int{}
	for _, b := range balances {
		used[b.Kind] += b.Used
		if b.Total != b.Reserved+b.Used+b.Available {
			w.wrong("%s: %+v does not add up", b.Kind, b)
		}
		if b.Kind == string(ledger.PackCredit) && b.Total != w.n+5*hosted {
			w.wrong("%d credits in all, want %d", b.Total, w.n+5*hosted)
		}
	}
	if used["credit"] != credits || used["hosting"] != packs || used["certificate"] != 2*packs {
		w.wrong("used %v; want %d credits, %d hosting, %d certificates", used, credits, packs, 2*packs)
	}
	if len(w.s.instances.rows) != w.n {
		w.wrong("%d instances", len(w.s.instances.rows))
	}
}

// busiest is the most renewals in a span of hours, and the mean, from a time on.
func (w *simulation) busiest(from time.Time, span int64) (most int, mean float64) {
	spans := map[int64]int{}
	total := 0
	for h, n := range w.hours {
		if h >= from.Unix()/3600 {
			spans[h/span] += n
			total += n
		}
	}
	for _, n := range spans {
		most = max(most, n)
	}
	return most, float64(total) / (w.clock.Now().Sub(from).Hours() / float64(span))
}

// simulatedInstances is how many instances are lived through: 10,000 by
//
//	CERTQUAY_SIMULATE=10000 go test ./lifecycle/forecast -run Simulation -v
func simulatedInstances(t *testing.T) int {
	text := os.Getenv("CERTQUAY_SIMULATE")
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 50 {
		t.Fatalf("CERTQUAY_SIMULATE=%q is no number of instances", text)
	}
	return n - n%50
}

// Two years of a hosted fleet, bought evenly over one validity: nothing
// expires, nothing is renewed twice, the load is even, and every credit and
// unit is where it belongs.
//
// spec: H4 T5 D6 B4
func TestSimulationOfAFleetBoughtEvenly(t *testing.T) {
	w := newSimulation(t, simulatedInstances(t))
	begin := w.clock.Now()
	w.live(func(validity time.Duration) time.Duration { return validity })
	w.settle()
	// The load counts once everything is bought. Few instances make few
	// renewals an hour; there the ratio is of days.
	span, what := int64(1), "hour"
	if w.n < 5000 {
		span, what = 24, "day"
	}
	most, mean := w.busiest(begin.Add(200*day), span)
	t.Logf("%d instances, %d renewals; busiest %s %d, mean %.1f, ratio %.2f", w.n, w.count, what, most, mean, float64(most)/mean)
	if float64(most) > 3*mean {
		t.Errorf("the busiest %s has %d renewals, the mean is %.1f", what, most, mean)
	}
}

// The same fleet bought in one day.
//
// spec: H4 T5
func TestSimulationOfAFleetBoughtInOneDay(t *testing.T) {
	w := newSimulation(t, simulatedInstances(t))
	begin := w.clock.Now()
	w.live(func(time.Duration) time.Duration { return day })
	w.settle()
	most, mean := w.busiest(begin.Add(day), 1)
	t.Logf("%d instances, %d renewals; busiest hour %d, mean %.1f, ratio %.2f", w.n, w.count, most, mean, float64(most)/mean)
}
