package forecast_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/budget"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

// mixed is a source with issuers and products of several kinds.
type mixed struct {
	source
	pause time.Duration // between waves
}

func (s *mixed) Policy() rules.Policy {
	p := rules.DefaultPolicy()
	p.Waves = rules.Waves{First: 1, Batch: 2, Pause: s.pause}
	return p
}

func (s *mixed) Products() []lifecycle.ProductInfo {
	all := []lifecycle.ProductInfo{
		{Name: "CDN", Driver: "edge", Regions: []string{"global"}}, {Name: "Weekly", Driver: "edge", Regions: []string{"global"}},
		{Name: "Monthly", Driver: "edge", Regions: []string{"global"}}, {Name: "Unread", Driver: "edge", Regions: []string{"global"}},
	}
	all[1].Declared.Settings = map[string]any{authority.Windows: []string{"30 2 * * 0 40m Europe/Berlin"}}
	all[2].Declared.Settings = map[string]any{authority.Windows: []string{"0 3 1 * * 4h America/New_York", "0 22 15 * * 1h"}}
	all[3].Declared.Settings = map[string]any{authority.Windows: []string{"when it suits"}}
	return all
}

func (s *mixed) RateLimits() (map[string]ports.RateLimits, error) {
	l := &budget.Budget{Account: "limited", Limits: []budget.Limit{{Counts: budget.NewOrders, Of: 2, Per: 36 * time.Hour}}}
	return map[string]ports.RateLimits{"limited": l.RateLimits(), "unlimited": {Account: "unlimited"}}, nil
}

func (s *mixed) CapabilitiesByBrand() map[string]func(time.Time) rules.Capabilities {
	can := func(change func(*rules.Capabilities, time.Time)) func(time.Time) rules.Capabilities {
		return func(now time.Time) rules.Capabilities {
			c := s.can
			change(&c, now)
			return c
		}
	}
	return map[string]func(time.Time) rules.Capabilities{
		"embedded":  can(func(*rules.Capabilities, time.Time) {}),
		"unlimited": can(func(c *rules.Capabilities, _ time.Time) { c.MaxValidity = 90 * day }),
		"limited":   can(func(c *rules.Capabilities, _ time.Time) { c.MaxValidity = 60 * day }),
		"proving":   can(func(c *rules.Capabilities, _ time.Time) { c.Proof = "dns" }),
		"reviewing": can(func(c *rules.Capabilities, _ time.Time) { c.Reviewed = []model.Level{model.OV} }),
		"ending":    can(func(c *rules.Capabilities, _ time.Time) { c.Ends = epoch.Add(300 * day) }),
		"short":     can(func(c *rules.Capabilities, _ time.Time) { c.MaxValidity = 6 * day }),
		"shrinking": can(func(c *rules.Capabilities, now time.Time) {
			if now.After(epoch.Add(100 * day)) {
				c.MaxValidity = 10 * day
			}
		}),
	}
}

// anyInstance makes an instance of any state at the k-th place of a fleet.
func anyInstance(rnd *rand.Rand, k int) model.Instance {
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	at := epoch.Add(-time.Duration(rnd.Int64N(int64(190 * day)))).Truncate(time.Second)
	valid := time.Duration([]int{6, 10, 45, 90, 200, 398}[rnd.IntN(6)]) * day
	if rnd.IntN(20) > 0 { // else it may have ended, or be due
		at = epoch.Add(-time.Duration(rnd.Int64N(int64(valid / 2)))).Truncate(time.Second)
	}
	name := fmt.Sprintf("n%d.example.com", k)
	domains := [][]string{{name}, {name}, {name, "*." + name}, {"www." + name, name}, {"192.0.2.1"}, {name, name}}[rnd.IntN(6)]
	i := model.Instance{
		ID: model.ID(fmt.Sprintf("01FORECAST%016d", k)), Name: pick(name, domains[0], "a name"), State: model.Issued,
		Origin: model.OriginBought, Years: 1 + rnd.IntN(3), Created: at,
		Spec: model.Specification{Level: model.DV, Type: model.Single, Grade: model.Standard, Brand: pick(
			"embedded", "embedded", "unlimited", "unlimited", "limited", "proving", "reviewing", "ending", "short", "shrinking",
			"unknown")},
		Application:  model.Application{Domains: domains, KeyType: model.ECDSAP256},
		ServiceStart: at,
		Versions: []model.Version{{Number: 1 + rnd.IntN(3), Serial: fmt.Sprintf("%x", k), Fingerprint: fmt.Sprintf("%064x", k),
			Domains: domains, KeyID: model.ID(fmt.Sprintf("01KEY%021d", k)), Issuer: "embedded", NotBefore: at,
			NotAfter: at.Add(valid - time.Second), Issued: at}},
	}
	v := &i.Versions[0]
	i.ServiceEnd = model.AddYears(at, i.Years)
	i.Hosting.On = rnd.IntN(2) == 0
	if i.Hosting.On {
		i.Hosting.RenewalsLeft = rnd.IntN(3)
	}
	if rnd.IntN(3) == 0 {
		i.Spec.Level = model.OV
	}
	switch rnd.IntN(16) {
	case 0: // uploaded
		i.State, i.Origin, i.Years, v.Issuer, v.KeyID = model.Uploaded, model.OriginUpload, 0, "", ""
		i.ServiceStart, i.ServiceEnd, i.Hosting = time.Time{}, time.Time{}, model.Hosting{}
		i.Spec.Brand, i.Application.Domains = "", nil
	case 1: // uploaded and hosted
		i.State, i.Origin, v.Issuer = model.Uploaded, model.OriginUpload, ""
		i.Hosting = model.Hosting{On: true, RenewalsLeft: rnd.IntN(2)}
	case 2:
		v.SuggestedStart, v.SuggestedEnd = at.Add(valid/3), at.Add(valid/2)
	case 3:
		v.RevokedAt, v.RevokedReason = at.Add(time.Hour), "superseded"
	case 4:
		i.Failure = model.Failure{Kind: model.JobReissue, At: epoch, Message: model.Say("issue.service-ended")}
	case 5:
		i.State = model.Revoked
	case 6:
		v.KeyID = ""
	case 7:
		i.Fallback = []string{"embedded"}
	case 8:
		i.ServiceEnd = epoch.Add(time.Duration(rnd.IntN(40)) * day)
	}
	return i
}

// fillMixed writes a fleet of any kind of instance, with tasks, and some that depend on others.
// In a tidy one most are hosted and deployed, nothing goes wrong and credits are few.
func fillMixed(t *testing.T, s *store.Store, rnd *rand.Rand, n int, tidy bool) {
	t.Helper()
	h := &house{rnd: rnd, tidy: tidy, units: map[string]int{}}
	table := rules.NewTransitionTable()
	check(t, s.Update(t.Context(), func(tx model.Tx) error {
		for k := range n {
			i := anyInstance(rnd, k)
			if tidy {
				h.tidyUp(&i)
			}
			table.PlanNext(&i)
			lapse, next := rules.LapseOf(&i, epoch)
			i.TasksDue, i.HasTasks = next, lapse.Kind != ""
			task := model.Task{ID: model.ID(fmt.Sprintf("01TASK%020d", k)), Instance: i.ID, Created: epoch}
			switch {
			case lapse.Kind != "":
				task.Kind, task.Text = lapse.Kind, lapse.Task(i.Name, epoch)
				if rnd.IntN(2) == 0 {
					task.Done, task.Outcome = epoch, "dismissed"
				}
			case rnd.IntN(2) == 0:
				task.Kind, task.Text, task.Version = model.TaskInstall, model.Say("todo.install", "version", 1, "name", i.Name), 1
			}
			switch {
			case !tidy && k > 0 && rnd.IntN(20) == 0: // it renews the one before
				i.RenewalOf = model.ID(fmt.Sprintf("01FORECAST%016d", k-1))
				old := model.Instance{ID: i.RenewalOf}
				if err := tx.Get(&old); err != nil {
					return err
				}
				old.RenewedBy, old.Replaced = i.ID, i.State.Group() == model.GroupIssued
				if err := tx.Put(&old); err != nil {
					return err
				}
			case i.State.Group() == model.GroupIssued && rnd.IntN(2) == 0:
				if err := h.deploy(tx, &i); err != nil {
					return err
				}
			}
			if err := tx.Put(&i); err != nil {
				return err
			}
			if task.Kind != "" {
				if err := tx.Put(&task); err != nil {
					return err
				}
			}
		}
		return h.buy(tx)
	}))
}

// What is computed without the engine is what the engine does: event by event, and in all
// that is counted and listed, in fleets of any mixture under any policy. CERTQUAY_FLEETS is
// how many more fleets are compared, each under all policies.
//
// spec: V6
func TestForecastEqualsTheEngine(t *testing.T) {
	sizes := []int{1, 30, 100, 40, 40, 40, 40, 40, 40}
	usual := len(sizes)
	if v := os.Getenv("CERTQUAY_FLEETS"); v != "" {
		more, err := strconv.Atoi(v)
		check(t, err)
		sizes = append(sizes, slices.Repeat([]int{40}, more)...)
	}
	for seed, n := range sizes {
		s, err := store.With(mem.New(), store.Options{})
		check(t, err)
		fillMixed(t, s, rand.New(rand.NewPCG(uint64(seed), 1)), n, seed > 2)
		src := &mixed{source: source{Store: s, now: epoch, can: rules.Capabilities{Levels: model.Levels, Types: model.DomainTypes,
			Grades: model.Grades, MaxValidity: 398 * day, Revocation: true}}, pause: time.Duration(seed%3/2) * 20 * time.Minute}
		for k, r := range []forecast.Request{{Months: 36}, {Months: 12, Policy: forecast.Public}, {Months: 24, Policy: "47-days"},
			{Months: 3, Policy: "5-days"}} {
			if seed < usual && (seed+k)%2 > 0 { // the engine takes long
				continue
			}
			got, said := lines(t, forecast.Run, src, r)
			want, was := lines(t, forecast.RunByEngine, src, r)
			if same(t, said, was); n > 1 && len(said) < 4*n {
				t.Errorf("only %d events", len(said))
			}
			for _, rep := range []*forecast.Report{got, want} {
				for k := range rep.Occurrences {
					rep.Occurrences[k].Detail = model.Text(rep.Occurrences[k].Detail.String())
				}
			}
			a, b := reflect.ValueOf(*got), reflect.ValueOf(*want)
			for k := range a.NumField() {
				f := a.Type().Field(k)
				if f.IsExported() && !reflect.DeepEqual(a.Field(k).Interface(), b.Field(k).Interface()) {
					t.Errorf("fleet %d, %+v: %s differs:\n%+v\nby the engine\n%+v", seed, r, f.Name, a.Field(k), b.Field(k))
				}
			}
		}
		check(t, s.Close())
	}
}

// lines runs a forecast and returns its events in the order of time, and of one instance in
// their order. Those of several instances at one moment are in the order of their names.
func lines(t *testing.T, run func(context.Context, forecast.Source, forecast.Request) (*forecast.Report, error),
	src forecast.Source, r forecast.Request,
) (rep *forecast.Report, all []string) {
	t.Helper()
	var last time.Time
	type at struct {
		when time.Time
		of   model.ID
		line string
	}
	var heard []at
	r.Event = func(e *model.Event) {
		if e.At.Before(last) {
			t.Errorf("an event of %s comes after one of %s", e.At, last)
		}
		last = e.At
		l := e.At.UTC().Format(time.RFC3339Nano) + " " + e.Actor + " " + e.Via + " " + string(e.Resource) + " " + line(e)
		heard = append(heard, at{e.At, e.Instance, l})
	}
	rep, err := run(t.Context(), src, r)
	check(t, err)
	slices.SortStableFunc(heard, func(a, b at) int { return cmp.Or(a.when.Compare(b.when), cmp.Compare(a.of, b.of)) })
	for _, h := range heard {
		all = append(all, h.line)
	}
	return rep, all
}

// A forecast that is cancelled ends at the moment that it has reached.
//
// spec: V6
func TestACancelledForecastEndsAtOnce(t *testing.T) {
	s, err := store.With(mem.New(), store.Options{})
	check(t, err)
	defer func() { _ = s.Close() }()
	fillFleet(t, s, 200)
	src := &source{Store: s, now: epoch, can: rules.Capabilities{Levels: model.Levels, Types: model.DomainTypes,
		Grades: model.Grades, MaxValidity: 398 * day}}
	for name, run := range map[string]func(context.Context, forecast.Source, forecast.Request) (*forecast.Report, error){
		"independent": forecast.Run, "engine": forecast.RunByEngine,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var cancelled time.Time
		n := 0
		_, err := run(ctx, src, forecast.Request{Event: func(e *model.Event) {
			if n++; n == 100 {
				cancel()
				cancelled = e.At
			}
			if n > 100 && e.At.After(cancelled) {
				t.Errorf("%s: after it was cancelled at %s there is an event of %s", name, cancelled, e.At)
			}
		}})
		if !errors.Is(err, context.Canceled) || n < 100 {
			t.Errorf("%s: %v after %d events", name, err, n)
		}
	}
}
