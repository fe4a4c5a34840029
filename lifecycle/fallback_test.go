package lifecycle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// inOrder is a world with a second and a third issuer, and an instance that names all in
// order.
func inOrder(t *testing.T) (w *world, second, third *lifecycletest.Issuer, id model.ID) {
	t.Helper()
	w = newWorld(t)
	second, third = lifecycletest.NewIssuer(w.clock.Now), lifecycletest.NewIssuer(w.clock.Now)
	w.base.Options.Issuers = map[string]ports.Issuer{lifecycletest.Brand: w.issuer, "second": second, "third": third}
	for _, is := range []*lifecycletest.Issuer{w.issuer, second, third} {
		is.Can.MaxValidity = 90 * days
	}
	w.start(w.store)
	_, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{
		Spec:     model.Specification{Level: model.DV, Type: model.Single, Brand: lifecycletest.Brand, Grade: model.Free},
		Fallback: []string{"Second", "third"}, Years: 1, Quantity: 1,
	})
	w.check(err)
	return w, second, third, made[0].ID
}

// applies submits the application of an instance and returns its job after some time.
func (w *world) applies(id model.ID, wait time.Duration) model.Instance {
	w.t.Helper()
	j, err := w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{
		Domains: []string{"a.example.com"}, KeyType: model.ECDSAP256,
	}})
	w.check(err)
	w.wait(j.ID)
	w.forward(wait)
	return w.get(id)
}

// The next issuer is asked when the one before is down after three attempts, or over
// budget for longer than the certificate can wait, and never after a refusal.
//
// spec: C10
func TestTheNextIssuerIsAskedOnlyWhenTheOneBeforeDoesNotServe(t *testing.T) {
	down := &ports.DownError{Err: errors.New("HTTP 502")}
	refusal := &ports.PermanentError{Err: errors.New("the name is forbidden")}
	pausing := &ports.RetryAfterError{Err: errors.New("forbidden"), After: 3 * days}
	over := func(d time.Duration) error {
		return &ports.RetryAfterError{
			Err:        model.Fail("budget.spent", "limit", "x", "rate", "1/1d", "at", epoch),
			After:      d,
			OverBudget: true,
		}
	}
	for name, c := range map[string]struct {
		first, second error
		method        string
		wait          time.Duration
		by            string // who issues; "" for nobody
	}{
		"the first serves":                        {nil, nil, "order", 0, lifecycletest.Brand},
		"down for less than three attempts":       {down, nil, "order", 10 * time.Minute, ""},
		"down for three attempts":                 {down, nil, "order", 12 * time.Minute, "second"},
		"down after the order was made":           {down, nil, "finalize", 12 * time.Minute, "second"},
		"both are down":                           {down, down, "order", 12 * time.Minute, "third"},
		"down with a long pause":                  {&ports.RetryAfterError{Err: down, After: 3 * days}, nil, "order", 0, "second"},
		"over budget for an hour":                 {over(time.Hour), nil, "order", 30 * time.Minute, ""},
		"over budget for longer than it can wait": {over(25 * time.Hour), nil, "order", 0, "second"},
		"two over budget":                         {over(25 * time.Hour), over(48 * time.Hour), "order", 0, "third"},
		"refused":                                 {refusal, nil, "order", 5 * time.Hour, ""},
		"an error that is no outage":              {errors.New("a record is missing"), nil, "order", 5 * time.Hour, ""},
		"refused, with a pause":                   {pausing, nil, "order", 5 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, second, third, id := inOrder(t)
			w.issuer.FailsAs(c.method, c.first)
			second.FailsAs("order", c.second)
			i := w.applies(id, c.wait)
			by := ""
			if v := i.Current(); v != nil {
				by = v.Issuer
			}
			if by != c.by {
				t.Fatalf("issued by %q, want %q: %+v", by, c.by, i.Operation)
			}
			asked := map[string]int{"second": len(second.Calls()), "third": len(third.Calls())}
			if c.by == "" && (asked["second"] > 0 || asked["third"] > 0) || c.by == "second" && asked["third"] > 0 {
				t.Errorf("asked %v", asked)
			}
			said := 0
			events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{Instance: id})
			w.check(err)
			for n := range events {
				if events[n].Detail.Code() == "log.fallback" {
					said++
				}
			}
			if want := map[string]int{"second": 1, "third": 2}[c.by]; said != want {
				t.Errorf("%d events name another issuer, want %d", said, want)
			}
		})
	}
}

// When all are down, they are asked in turn at the pauses of any failing job, from the
// first on, and the first that serves again issues.
//
// spec: C10 H9
func TestAllIssuersAreDown(t *testing.T) {
	w, second, third, id := inOrder(t)
	down := &ports.DownError{Err: errors.New("HTTP 502")}
	for _, is := range []*lifecycletest.Issuer{w.issuer, second, third} {
		is.FailsAs("order", down)
	}
	i := w.applies(id, 12*time.Minute)
	if op := i.Operation; op.Attempt != 3 || op.Error == "" || !op.Next.After(w.clock.Now()) {
		t.Fatalf("%+v", op)
	}
	w.issuer.FailsAs("order", nil)
	w.forward(2 * time.Hour)
	i = w.get(id)
	if v := i.Current(); v == nil || v.Issuer != lifecycletest.Brand {
		t.Errorf("issued %+v, %+v", v, i.Operation)
	}
	if n := len(second.Calls()); n != 1 {
		t.Errorf("the second was asked %d times", n)
	}
}

// A version is revoked at the issuer that issued it, and each renewal begins at the first.
//
// spec: C10 I4
func TestAVersionBelongsToTheIssuerThatIssuedIt(t *testing.T) {
	w, second, _, id := inOrder(t)
	w.issuer.FailsAs("order", &ports.DownError{Err: errors.New("HTTP 502")})
	w.applies(id, 12*time.Minute)
	w.issuer.FailsAs("order", nil)
	w.check(w.engine.By(operator).MoveClock(w.ctx(), w.get(id).Due.Add(time.Hour)))
	i := w.get(id)
	if len(i.Versions) != 2 || i.Versions[0].Issuer != "second" || i.Versions[1].Issuer != lifecycletest.Brand {
		t.Fatalf("%+v", i.Versions)
	}
	jobs, err := w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "superseded"})
	w.done(jobs, err)
	if s := second.Reasons; len(s) != 1 || s[i.Versions[0].Serial] == "" {
		t.Errorf("revoked at the second: %v", s)
	}
	if s := w.issuer.Reasons; len(s) != 1 || s[i.Versions[1].Serial] == "" {
		t.Errorf("revoked at the first: %v", s)
	}
}

// The order of issuers is checked when it is bought, and goes on to what replaces it.
//
// spec: C10
func TestTheOrderOfIssuers(t *testing.T) {
	w, _, _, id := inOrder(t)
	spec := w.get(id).Spec
	for _, fallback := range [][]string{{"second", "second"}, {lifecycletest.Brand}, {"nobody"}} {
		_, err := w.engine.By(operator).Quote(lifecycle.BuyRequest{Spec: spec, Fallback: fallback, Years: 1, Quantity: 1})
		var f *rules.Refusal
		var inv *rules.Invalid
		if !errors.As(err, &f) && !errors.As(err, &inv) {
			t.Errorf("%v: %v", fallback, err)
		}
	}
	i := w.applies(id, 0)
	w.check(w.engine.By(operator).MoveClock(w.ctx(), i.ServiceWindow().Add(time.Hour)))
	next, j, err := w.engine.By(operator).Renew(w.ctx(), id)
	w.done(j, err)
	i = w.get(next.ID)
	if got := i.Issuers(); !slices.Equal(got, []string{lifecycletest.Brand, "second", "third"}) {
		t.Errorf("the successor asks %v", got)
	}
}

// reporting is an issuer behind an account.
type reporting struct{ *lifecycletest.Issuer }

func (reporting) Status(model.Reader) (ports.IssuerStatus, error) { return ports.IssuerStatus{}, nil }

// A purchase begins with the brand that the person used last, or else the first issuer
// behind an account, or else the first of all.
func TestTheUsualBrand(t *testing.T) {
	w := newWorld(t)
	trusted := reporting{lifecycletest.NewIssuer(w.clock.Now)}
	w.base.Options.Issuers = map[string]ports.Issuer{lifecycletest.Brand: w.issuer, "another": lifecycletest.NewIssuer(w.clock.Now)}
	w.start(w.store)
	usual := func(who model.Actor, want string) {
		t.Helper()
		if got, err := w.engine.By(who).UsualBrand(); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %s", who.Name, got, err, want)
		}
	}
	usual(operator, "another")
	w.base.Options.Issuers["trusted"] = trusted
	w.start(w.store)
	usual(operator, "trusted")
	_, _, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{
		Spec:  model.Specification{Level: model.DV, Type: model.Single, Brand: lifecycletest.Brand, Grade: model.Free},
		Years: 1, Quantity: 1,
	})
	w.check(err)
	usual(operator, lifecycletest.Brand)
	usual(model.Actor{Name: "another person", Role: model.Operator}, "trusted")
	delete(w.base.Options.Issuers, lifecycletest.Brand) // it cannot be used any more
	w.start(w.store)
	usual(operator, "trusted")
}

// A preflight says what differs at the issuers that are asked next, as what is not in the
// way while the first serves.
//
// spec: C6 C10
func TestPreflightLooksAtTheIssuersThatAreAskedNext(t *testing.T) {
	w, second, third, id := inOrder(t)
	clock := ports.PreflightFinding{Check: ports.CheckClock, Level: ports.PreflightBad, Text: "clock", Hint: "set it"}
	caa := ports.PreflightFinding{
		Check:   ports.CheckCAA,
		Level:   ports.PreflightBad,
		Name:    "a.example.com",
		Text:    "caa",
		Hint:    "add it",
		Certain: true,
	}
	well := ports.PreflightFinding{Check: ports.CheckPort, Level: ports.PreflightGood, Text: "open"}
	w.issuer.Found, second.Found = []ports.PreflightFinding{clock}, []ports.PreflightFinding{clock, caa, well}
	third.Break("preflight", errors.New("it is down"))
	found, err := w.engine.By(operator).Preflight(w.ctx(), id, "a.example.com")
	w.check(err)
	caa.Level, caa.Certain, caa.Text = ports.PreflightWarning, false, model.Say("preflight.fallback", "issuer", "second", "found", caa.Text)
	if len(found) != 3 || found[0] != clock || found[1] != caa || found[2].Level != ports.PreflightWarning || found[2].Hint == "" {
		t.Errorf("%+v", found)
	}
}
