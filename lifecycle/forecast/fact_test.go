package forecast_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

var admin = model.Actor{Name: "anna", Role: model.Owner, Via: "test"}

// sandbox is an engine on a movable clock with a real CA and real TLS endpoints.
type sandbox struct {
	*lifecycle.Engine
	clock *ports.MovableClock
}

func newSandbox(t testing.TB, validity time.Duration, reviewed ...model.Level) *sandbox {
	t.Helper()
	return newSandboxWithWindows(t, validity, nil, reviewed...)
}

// newSandboxWithWindows is a sandbox whose product has deployment windows.
func newSandboxWithWindows(t testing.TB, validity time.Duration, windows []string, reviewed ...model.Level) *sandbox {
	t.Helper()
	ctx := t.Context()
	s, err := store.With(mem.New(), store.Options{})
	check(t, err)
	clock := lifecycletest.NewClock(t, epoch)
	ca, err := embedded.New(s, embedded.Options{Now: clock.Now, MaxValidity: validity, Levels: model.Levels, Reviewed: reviewed,
		BaseURL: func() string { return "http://127.0.0.1:1" }})
	check(t, err)
	check(t, ca.Prepare(ctx))
	cdn, err := edge.Open(ctx, s, edge.Options{Product: "CDN", Regions: []string{"global"}, Now: clock.Now})
	check(t, err)
	policy := rules.DefaultPolicy()
	e := lifecycle.New(lifecycle.Options{
		Store: s, Clock: clock, Policy: policy, Prober: product.Prober{},
		Issuers:   map[string]ports.Issuer{embedded.Brand: ca},
		Products:  []lifecycle.NamedProduct{{Name: "CDN", Driver: "edge", Product: cdn, Windows: windows}},
		SaveClock: func(context.Context, time.Duration) error { return nil },
	})
	t.Cleanup(func() {
		e.Close()
		_ = cdn.Close()
		_ = s.Close()
	})
	return &sandbox{e, clock}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// done waits for a job that must succeed.
func (s *sandbox) done(t testing.TB, j model.Job, err error) {
	t.Helper()
	check(t, err)
	ps, err := s.By(model.Scheduler).Wait(t.Context(), j.ID)
	check(t, err)
	if ps[0].Job.Result != journal.ResultOK {
		t.Fatalf("%s: %+v", j.Kind, ps[0].Job)
	}
}

// fleet makes n random instances: of one or two years, deployed or not, hosted
// by purchase, by packs or not, with auto-deploy where a credit is left.
func (s *sandbox) fleet(t testing.TB, rnd *rand.Rand, n int) {
	t.Helper()
	ctx := t.Context()
	ops, err := s.By(admin).AddContact(ctx, model.Contact{Name: "Ops", Email: "ops@example.com"})
	check(t, err)
	spec := model.Specification{Level: model.DV, Type: model.Single, Brand: embedded.Brand, Grade: model.Standard}
	for _, p := range []lifecycle.PackRequest{{Kind: ledger.PackCertificate, Spec: spec, Quantity: n * 4},
		{Kind: ledger.PackHosting, Quantity: n * 3}, {Kind: ledger.PackCredit, Quantity: n / 2}} {
		_, err := s.By(admin).BuyPack(ctx, p)
		check(t, err)
	}
	for k := range n {
		pack := rnd.IntN(4) == 0
		r := lifecycle.BuyRequest{Spec: spec, Years: 1 + rnd.IntN(2), Quantity: 1, FromPack: pack}
		if pack {
			r.Years = 1
		}
		_, made, err := s.By(admin).Buy(ctx, r)
		check(t, err)
		id := made[0].ID
		a := lifecycle.ApplyRequest{Application: model.Application{Domains: []string{fmt.Sprintf("n%d.example.com", k)},
			KeyType: model.ECDSAP256}}
		if pack {
			a.HostingPacks, a.Contact = rnd.IntN(4), ops.ID
		}
		j, err := s.By(admin).Apply(ctx, id, a)
		s.done(t, j, err)
		if !pack && rnd.IntN(3) > 0 {
			check(t, s.By(admin).Host(ctx, id, lifecycle.HostRequest{Contact: ops.ID}))
		}
		if rnd.IntN(2) == 0 {
			jobs, err := s.By(admin).Deploy(ctx, id, lifecycle.DeployRequest{Product: "CDN"})
			check(t, err)
			for _, j := range jobs {
				s.done(t, j, nil)
				if err := s.By(admin).AutoDeploy(ctx, j.Resource, rnd.IntN(3) > 0); err != nil && !isRefusal(err) {
					t.Fatal(err)
				}
			}
		}
		s.clock.MoveTo(s.clock.Now().Add(time.Duration(rnd.Int64N(int64(20 * day)))))
		_, err = s.By(model.Scheduler).Tick(ctx)
		check(t, err)
	}
}

func isRefusal(err error) bool {
	_, ok := err.(*rules.Refusal) //nolint:errorlint // returned bare
	return ok
}

// line is an event without what no forecast can know: serials and addresses.
func line(e *model.Event) string {
	m := e.Detail.Message()
	delete(m.Args, "serial")
	delete(m.Args, "address")
	return fmt.Sprintf("%s %-14s %s %-10s %-8s %-8s %s>%s %s %s", e.At.UTC().Format(time.RFC3339), e.Action, e.Instance, e.Name, e.Why,
		e.Result, e.From, e.To, e.Reason, m.Text())
}

// The forecast of 24 months is the list of what then happens, also where deployments wait
// for windows.
//
// spec: V6, P7
func TestForecastEqualsFact(t *testing.T) {
	for n, c := range []struct {
		validity time.Duration
		windows  []string
	}{
		{validity: 40 * day}, {validity: 90 * day}, {validity: 200 * day}, {validity: 398 * day},
		{90 * day, []string{"30 2 * * 0 20m Europe/Berlin"}}, {200 * day, []string{"0 3 1 * * 4h America/New_York", "0 22 * * 5 1h"}},
	} {
		t.Run(fmt.Sprintf("%d days %v", c.validity/day, c.windows), func(t *testing.T) {
			t.Parallel()
			s := newSandboxWithWindows(t, c.validity, c.windows)
			s.fleet(t, rand.New(rand.NewPCG(uint64(n%4), 7)), 12)
			var said, was []string
			rep, err := forecast.Run(t.Context(), s.By(model.Scheduler),
				forecast.Request{Event: func(e *model.Event) { said = append(said, line(e)) }})
			check(t, err)
			var last uint64
			events, err := s.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Limit: 1})
			check(t, err)
			last = events[0].Seq
			check(t, s.By(admin).MoveClock(t.Context(), rep.To))
			events, err = s.By(model.Scheduler).Activity(lifecycle.ActivityFilter{})
			check(t, err)
			for k := range events {
				if events[k].Seq > last && events[k].Action != string(model.JobVerify) && events[k].At.Before(rep.To) {
					was = append(was, line(&events[k]))
				}
			}
			slices.SortFunc(said, cmp.Compare)
			slices.SortFunc(was, cmp.Compare)
			if !slices.Equal(said, was) {
				for k := range min(len(said), len(was)) {
					if said[k] != was[k] {
						t.Errorf("first difference:\nforecast %s\nfact     %s", said[k], was[k])
						break
					}
				}
				t.Fatalf("%d events were forecast, %d happened", len(said), len(was))
			}
			if len(said) < 30 || rep.Total.Renewals+rep.Total.Reissues == 0 {
				t.Fatalf("only %d events", len(said))
			}
			waits := func(m forecast.Occurrence) bool { return m.What == forecast.WhatWindow }
			if slices.ContainsFunc(rep.Occurrences, waits) != (c.windows != nil) {
				t.Errorf("with the windows %v it lists %+v", c.windows, rep.Occurrences)
			}
			after, err := s.By(model.Scheduler).Balances()
			check(t, err)
			if fmt.Sprint(values(after)) != fmt.Sprint(values(rep.After)) {
				t.Errorf("the balances were forecast as %v and are %v", values(rep.After), values(after))
			}
		})
	}
}

func values(bs []ledger.Balance) (all []string) {
	for _, b := range bs {
		all = append(all, fmt.Sprintf("%s %d/%d/%d/%d", b.Kind, b.Total, b.Reserved, b.Used, b.Available))
	}
	return all
}
