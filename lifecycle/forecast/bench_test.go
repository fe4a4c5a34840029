package forecast_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

// source is a forecast's beginning without an engine.
type source struct {
	ports.Store
	now time.Time
	can rules.Capabilities
}

func (s *source) Now() time.Time                { return s.now }
func (s *source) Policy() rules.Policy          { return rules.DefaultPolicy() }
func (s *source) Table() *rules.TransitionTable { return rules.NewTransitionTable() }
func (s *source) Products() []lifecycle.ProductInfo {
	return []lifecycle.ProductInfo{{Name: "CDN", Driver: "edge", Regions: []string{"global"}}}
}

func (s *source) RateLimits() (map[string]ports.RateLimits, error) { return nil, nil }

func (s *source) CapabilitiesByBrand() map[string]func(time.Time) rules.Capabilities {
	return map[string]func(time.Time) rules.Capabilities{"embedded": func(time.Time) rules.Capabilities { return s.can }}
}

// BenchmarkForecast lives through some months of hosted instances under the 200-day policy,
// which are deployed nowhere, or at one place each with auto-deploy.
func BenchmarkForecast(b *testing.B) {
	for _, c := range []struct {
		n, months int
		deployed  bool
	}{
		{1_000, 12, false}, {10_000, 12, false}, {10_000, 24, false}, {100_000, 12, false}, {1_000, 12, true}, {10_000, 12, true},
	} {
		n, name := c.n, fmt.Sprintf("%d/%d-months", c.n, c.months)
		if c.deployed {
			name += "/deployed"
		}
		b.Run(name, func(b *testing.B) {
			s, err := store.With(mem.New(), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			fillFleet(b, s, n)
			if c.deployed {
				deployFleet(b, s, n)
			}
			src := &source{Store: s, now: epoch, can: rules.Capabilities{Levels: model.Levels, Types: model.DomainTypes,
				Grades: model.Grades, MaxValidity: 398 * day}}
			b.ReportAllocs()
			runtime.GC()
			before, peak := heap(), uint64(0)
			look := func(time.Time) { peak = max(peak, heap()) }
			for b.Loop() {
				rep, err := forecast.Run(context.Background(), src,
					forecast.Request{Months: c.months, Policy: "200-days", Progress: look})
				if err != nil {
					b.Fatal(err)
				}
				look(rep.To)
				b.ReportMetric(float64(rep.Total.Renewals+rep.Total.Reissues)/float64(n), "renewals/instance")
				b.ReportMetric((float64(peak)-float64(before))/1e6, "peak-MB")
				if rep.Total.Expiries > 0 && c.months == 12 { // paid for until then
					b.Fatalf("%+v", rep.Total)
				}
				if all := &rep.Total; c.deployed && (all.Deployments != all.Renewals+all.Reissues || all.CreditsUsed != all.Renewals) {
					b.Fatalf("%+v", rep.Total)
				}
			}
		})
	}
}

// heap returns the bytes of all objects, also of those not collected yet.
func heap() uint64 {
	of := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(of)
	return of[0].Value.Uint64()
}

// fillFleet writes n hosted instances, bought evenly over 200 days, straight
// into the store.
func fillFleet(b testing.TB, s *store.Store, n int) {
	table := rules.NewTransitionTable()
	for from := 0; from < n; from += 500 {
		err := s.Update(context.Background(), func(tx model.Tx) error {
			for k := from; k < min(from+500, n); k++ {
				// To the second, as a CA writes it: service periods begin with a certificate.
				at := epoch.Add(-time.Duration(float64(200*day) * float64(k) / float64(n))).Truncate(time.Second)
				id := model.ID(fmt.Sprintf("01FORECAST%016d", k))
				name := fmt.Sprintf("n%d.example.com", k)
				i := model.Instance{
					ID: id, Name: name, State: model.Issued, Origin: model.OriginBought, Years: 1, Created: at,
					Spec:         model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard},
					Application:  model.Application{Domains: []string{name}, KeyType: model.ECDSAP256},
					ServiceStart: at, ServiceEnd: model.AddYears(at, 1), Hosting: model.Hosting{On: true, RenewalsLeft: 1},
					Versions: []model.Version{{Number: 1, Serial: fmt.Sprintf("%x", k), Fingerprint: fmt.Sprintf("%064x", k),
						Domains: []string{name}, KeyID: id, Issuer: "embedded", NotBefore: at, NotAfter: at.Add(200*day - time.Second),
						Issued: at}},
				}
				a, due := table.NextDue(&i)
				i.Due, i.DueAction = due, map[rules.Action]string{rules.RenewHosted: model.DueRenew, rules.Reissue: model.DueReissue}[a]
				if err := tx.Put(&i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// deployFleet deploys each instance of a fleet at a place of its own, where auto-deploy has
// reserved a credit.
func deployFleet(b testing.TB, s *store.Store, n int) {
	for from := 0; from < n; from += 500 {
		err := s.Update(context.Background(), func(tx model.Tx) error {
			for k := from; k < min(from+500, n); k++ {
				i := model.Instance{ID: model.ID(fmt.Sprintf("01FORECAST%016d", k))}
				if err := tx.Get(&i); err != nil {
					return err
				}
				v := i.Newest()
				r := model.Resource{
					ID: model.ID(fmt.Sprintf("01RESOURCE%016d", k)), Product: "CDN", Region: "global", Name: i.Name,
					Address: "192.0.2.1:443", Instance: i.ID, Version: v.Number,
					Deployed: v.Fingerprint, Presented: v.Fingerprint, Configured: v.Fingerprint,
					DeployedAt: v.Issued, VerifiedAt: epoch, ProbedAt: epoch, NotAfter: v.NotAfter, AutoDeploy: true, Reserved: true,
				}
				i.Deployments = model.Deployments{
					Total: 1, Deployed: 1, Auto: 1, Products: []string{"CDN"}, Regions: []string{"global"}, Names: []string{i.Name},
				}
				if err := errors.Join(tx.Put(&r), tx.Put(&i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	err := s.Update(context.Background(), func(tx model.Tx) error {
		if err := ledger.AddUnits(tx, epoch, "credits", "", ledger.UnitCredit, n); err != nil {
			return err
		}
		return ledger.Reserve(tx, epoch, "auto", rules.AutoDeploy, "", ledger.UnitCredit, n)
	})
	if err != nil {
		b.Fatal(err)
	}
}

const day = 24 * time.Hour

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
