package forecast_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func run(t *testing.T, s *sandbox, r forecast.Request) *forecast.Report {
	t.Helper()
	rep, err := forecast.Run(t.Context(), s.By(model.Scheduler), r)
	check(t, err)
	months, days := forecast.Tally{}, forecast.Tally{}
	for _, m := range rep.ByMonth {
		months.Reissues += m.Reissues
		months.People += m.People
	}
	for _, d := range rep.ByDay {
		days.Reissues += d.Reissues
		days.People += d.People
	}
	if months != days || months.Reissues != rep.Total.Reissues {
		t.Errorf("months sum to %+v, days to %+v, the total is %+v", months, days, rep.Total)
	}
	return rep
}

// Under a shorter limit there is more to do, and the store is left as it was.
//
// spec: V6
func TestAPolicyChangesWhatIsForecast(t *testing.T) {
	s := newSandbox(t, 398*day)
	s.fleet(t, rand.New(rand.NewPCG(5, 5)), 10)
	before, err := s.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Limit: 1})
	check(t, err)
	configured := run(t, s, forecast.Request{})
	half := run(t, s, forecast.Request{Policy: "200-days"})
	short := run(t, s, forecast.Request{Policy: "47-days"})
	public := run(t, s, forecast.Request{Policy: forecast.Public})
	reissues := []int{configured.Total.Reissues, half.Total.Reissues, public.Total.Reissues, short.Total.Reissues}
	if rising := slices.Compact(slices.Sorted(slices.Values(reissues))); !slices.Equal(reissues, rising) {
		t.Errorf("reissues: configured, 200 days, public, 47 days: %d", reissues)
	}
	if short.BusiestLoad == 0 || short.BusiestHour.Before(short.From) {
		t.Errorf("busiest %v: %d", short.BusiestHour, short.BusiestLoad)
	}
	after, err := s.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Limit: 1})
	check(t, err)
	if before[0].Seq != after[0].Seq {
		t.Error("a forecast wrote into the store")
	}
}

// What cannot be renewed is told: what expires and when, from when credits are
// missing, and what people have to do.
//
// spec: V6
func TestAForecastTellsWhatGoesWrong(t *testing.T) {
	s := newSandbox(t, 200*day, model.OV)
	ctx := t.Context()
	ops, err := s.By(admin).AddContact(ctx, model.Contact{Name: "Ops", Email: "ops@example.com"})
	check(t, err)
	apply := func(level model.Level, name string) model.ID {
		_, made, err := s.By(admin).Buy(ctx,
			lifecycle.BuyRequest{Spec: model.Specification{Level: level, Type: model.Single, Brand: embedded.Brand,
				Grade: model.Standard}, Years: 1, Quantity: 1})
		check(t, err)
		a := model.Application{Domains: []string{name}, KeyType: model.ECDSAP256}
		if level == model.OV {
			a.ApplicantName, a.Phone, a.Email, a.IDNumber = "Anna Berg", "110", "anna@example.com", "2"
			a.Company = model.Organization{Name: "Example GmbH", Type: "company", Phone: "110", OrganizationID: "HRB 1", Country: "DE",
				Province: "Berlin", City: "Berlin", Address: "Street 1", Zip: "10115"}
			var b bytes.Buffer
			check(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 200, 200))))
			_, err := s.By(admin).AddDocument(ctx, made[0].ID, "a.png", b.Bytes())
			check(t, err)
		}
		j, err := s.By(admin).Apply(ctx, made[0].ID, lifecycle.ApplyRequest{Application: a})
		check(t, err)
		if level == model.OV {
			_, err = s.By(model.Scheduler).Wait(ctx, j.ID)
			check(t, err)
			check(t, s.By(admin).Approve(ctx, made[0].ID))
		}
		s.done(t, j, nil)
		return made[0].ID
	}
	// Not hosted: reissued once, then it expires with its service period.
	plain := apply(model.DV, "plain.example.com")
	// Hosted for one year and deployed with auto-deploy at six places, with
	// five credits.
	hosted := apply(model.OV, "hosted.example.com")
	check(t, s.By(admin).Host(ctx, hosted, lifecycle.HostRequest{Contact: ops.ID}))
	jobs, err := s.By(admin).Deploy(ctx, hosted, lifecycle.DeployRequest{Product: "CDN"})
	check(t, err)
	s.done(t, jobs[0], nil)
	check(t, s.By(admin).AutoDeploy(ctx, jobs[0].Resource, true))

	var last time.Time
	rep := run(t, s, forecast.Request{Months: 36, Progress: func(at time.Time) { last = at }})
	expires := map[model.ID]time.Time{}
	people := map[string]int{}
	for n, m := range rep.Occurrences {
		switch m.What {
		case forecast.WhatExpires:
			expires[m.Instance] = m.At
		case forecast.WhatPerson:
			people[string(m.Task)]++
		}
		if n > 0 && m.At.Before(rep.Occurrences[n-1].At) {
			t.Error("moments are not in order of time")
		}
	}
	i, err := s.By(model.Scheduler).Instance(plain)
	check(t, err)
	if got := expires[plain]; !got.Equal(i.ServiceEnd.Add(-time.Second)) {
		t.Errorf("the plain one expires at %v, its service ends at %v", got, i.ServiceEnd)
	}
	if rep.Total.Expiries != 2 || rep.Total.HostingEnds != 1 || rep.Total.Renewals != 1 || rep.Total.CreditsUsed != 1 {
		t.Errorf("%+v", rep.Total)
	}
	// 398 days after the approval the OV one is reviewed again, once.
	if people[string(model.TaskReview)] != 1 {
		t.Errorf("people: %v", people)
	}
	if people[string(model.TaskInstall)] == 0 {
		t.Error("nobody is asked to install the plain one by hand")
	}
	if last.IsZero() {
		t.Error("no progress was told")
	}
	if rep.Instances != 2 || rep.Hosted != 1 {
		t.Errorf("%d instances, %d hosted", rep.Instances, rep.Hosted)
	}
}

// spec: V6
func TestAForecastRefusesWhatItCannotShow(t *testing.T) {
	s := newSandbox(t, 90*day)
	for _, r := range []forecast.Request{{Months: 37}, {Months: -1}, {Policy: "weekly"}, {Policy: "0-days"}, {Policy: "-days"},
		{Policy: "99999-days"}} {
		var wrong *rules.Invalid
		if _, err := forecast.Run(t.Context(), s.By(model.Scheduler), r); !errors.As(err, &wrong) || wrong.Example == "" {
			t.Errorf("%+v: %v", r, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.fleet(t, rand.New(rand.NewPCG(1, 1)), 2)
	if _, err := forecast.Run(ctx, s.By(model.Scheduler), forecast.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

// lacking is a source whose configuration has lost its issuer or product.
type lacking struct {
	*lifecycle.Access
	issuers, products bool
}

func (l lacking) CapabilitiesByBrand() map[string]func(time.Time) rules.Capabilities {
	if l.issuers {
		return nil
	}
	return l.Access.CapabilitiesByBrand()
}

func (l lacking) Products() []lifecycle.ProductInfo {
	if l.products {
		return nil
	}
	return l.Access.Products()
}

// A store whose configuration lacks what its instances use has a forecast too:
// it ends, and tells what expires or fails for it.
//
// spec: V6
func TestAForecastWithoutAnIssuerOrAProductTellsWhatComesOfIt(t *testing.T) {
	s := newSandbox(t, 100*day)
	s.fleet(t, rand.New(rand.NewPCG(7, 7)), 12)
	whole := run(t, s, forecast.Request{Months: 12})
	rep, err := forecast.Run(t.Context(), lacking{s.By(model.Scheduler), true, false}, forecast.Request{Months: 12})
	check(t, err)
	if rep.Total.Expiries != 12 || rep.Total.Reissues+rep.Total.Renewals != 0 {
		t.Errorf("without the issuer: %+v", rep.Total)
	}
	rep, err = forecast.Run(t.Context(), lacking{s.By(model.Scheduler), false, true}, forecast.Request{Months: 12})
	check(t, err)
	if rep.Total.Failures == 0 || rep.Total.Deployments != 0 || rep.Total.Reissues != whole.Total.Reissues {
		t.Errorf("without the product: %+v", rep.Total)
	}
}

// A review that comes to nothing is no reason to have no forecast: here the
// issuer of an application that waits for its reviewer is configured no more.
//
// spec: V6
func TestAForecastSurvivesAReviewThatComesToNothing(t *testing.T) {
	s := newSandbox(t, 100*day, model.OV)
	ctx := t.Context()
	_, made, err := s.By(admin).Buy(ctx, lifecycle.BuyRequest{Spec: model.Specification{Level: model.OV, Type: model.Single,
		Brand: embedded.Brand, Grade: model.Standard}, Years: 1, Quantity: 1})
	check(t, err)
	var b bytes.Buffer
	check(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 200, 200))))
	_, err = s.By(admin).AddDocument(ctx, made[0].ID, "a.png", b.Bytes())
	check(t, err)
	j, err := s.By(admin).Apply(ctx, made[0].ID, lifecycle.ApplyRequest{Application: model.Application{
		Domains: []string{"ov.example.com"}, KeyType: model.ECDSAP256, ApplicantName: "Anna Berg", Phone: "110",
		Email: "anna@example.com", IDNumber: "2",
		Company: model.Organization{Name: "Example GmbH", Type: "company", Phone: "110", OrganizationID: "HRB 1", Country: "DE",
			Province: "Berlin", City: "Berlin", Address: "Street 1", Zip: "10115"},
	}})
	check(t, err)
	_, err = s.By(model.Scheduler).Wait(ctx, j.ID)
	check(t, err)
	rep, err := forecast.Run(ctx, lacking{s.By(model.Scheduler), true, false}, forecast.Request{Months: 12})
	check(t, err)
	if rep.Total.Failures == 0 {
		t.Errorf("%+v", rep.Total)
	}
}
