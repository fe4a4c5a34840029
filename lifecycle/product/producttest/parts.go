package producttest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
)

// state describes what is driven; "" if the harness cannot.
func (s *suite) state() string {
	if s.State == nil {
		return ""
	}
	return s.State()
}

// spec: P5
func testPlan(t *testing.T, s *suite) {
	planner, ok := s.Product.(ports.Planner)
	if !ok {
		t.Skip("the product has no plans")
	}
	p := s.place(0)
	before, _ := s.Product.Current(s.ctx, p)
	state, pair := s.state(), s.ca.Pair(t, s.host(p))
	plan, err := planner.Plan(s.ctx, p, pair)
	if err != nil || len(plan.Changes) == 0 {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	keyless := ports.KeyPair{Chain: pair.Chain, Fingerprint: pair.Fingerprint}
	if without, err := planner.Plan(s.ctx, p, keyless); err != nil || !slices.Equal(without.Changes, plan.Changes) {
		t.Errorf("the plan without a key is %+v, %v", without, err)
	}
	for _, c := range plan.Changes {
		if c.Kind == "" || c.Subject == "" {
			t.Errorf("a change without kind or subject: %+v", c)
		}
	}
	if len(plan.Before) > 0 && bundle.Fingerprint(plan.Before[0]) != before.Fingerprint {
		t.Error("before is another certificate than what is configured")
	}
	if s.state() != state {
		t.Error("planning changed something")
	}
	if _, err := planner.Plan(s.ctx, ports.Target{Region: s.Region, Name: "no-such-resource.example"}, pair); err == nil &&
		!s.Product.CreatesResources() {
		t.Error("an unknown target has a plan")
	}
	if _, err := s.Product.Deploy(s.ctx, p, pair); err != nil {
		t.Fatal(err)
	}
	state = s.state()
	plan, err = planner.Plan(s.ctx, p, pair)
	if err != nil || len(plan.Changes) != 0 || s.state() != state {
		t.Errorf("the plan of what is there is %+v, %v", plan.Changes, err)
	}
	if plan, err = planner.Plan(s.ctx, p, keyless); err != nil || len(plan.Changes) != 0 {
		t.Errorf("the plan of what is there without a key is %+v, %v", plan.Changes, err)
	}
}

// spec: D3 P8
func testLook(t *testing.T, s *suite) {
	verifier, ok := s.Product.(ports.Verifier)
	if !ok {
		t.Skip("the product does not look by itself")
	}
	p := s.place(0)
	pair, _ := s.deploy(t, p)
	look, err := verifier.Look(s.ctx, p)
	if err != nil || len(look.Seen) == 0 {
		t.Fatalf("%+v, %v", look, err)
	}
	for _, seen := range look.Seen {
		if seen.Err != nil || !slices.EqualFunc(seen.Chain, pair.Chain, bytes.Equal) || (seen.Address == "") != look.ReadBack {
			t.Errorf("%s: %d certificates, %v", seen.Address, len(seen.Chain), seen.Err)
		}
	}
	if _, err := verifier.Look(s.ctx, ports.Target{Region: "nowhere", Name: p.Name}); err == nil {
		t.Error("an unknown region presents something")
	}
}

// spec: P2
func testSurvey(t *testing.T, s *suite) {
	discoverer, ok := s.Product.(ports.Discoverer)
	if !ok {
		t.Skip("the product has no survey")
	}
	state := s.state()
	find := func(p ports.Target) ports.Presence {
		all, err := discoverer.Survey(s.ctx, s.Region)
		if err != nil {
			t.Fatal(err)
		}
		n := slices.IndexFunc(all, func(x ports.Presence) bool { return x.Target == p })
		if n < 0 {
			t.Fatalf("%v is not found among %d", p, len(all))
		}
		return all[n]
	}
	p := s.place(0)
	if !s.Product.CreatesResources() {
		if was := find(p); was.Managed || was.Err != nil || s.state() != state {
			t.Errorf("%+v, or the survey changed something", was)
		}
	}
	pair, _ := s.deploy(t, p)
	// A service that does not hand out its certificates is asked at its address instead.
	is := find(p)
	known := len(is.Chain) > 0 || is.CertFile == "" && is.Address != ""
	if !is.Managed || is.Err != nil || !known || len(is.Chain) > 0 && !slices.EqualFunc(is.Chain, pair.Chain, bytes.Equal) {
		t.Errorf("%+v", is)
	}
}

// spec: P2
func testTest(t *testing.T, s *suite) {
	tester, ok := s.Product.(ports.ProductTester)
	if !ok {
		t.Skip("the product has no test")
	}
	state := s.state()
	if wrong := tester.Test(s.ctx); len(wrong) > 0 || s.state() != state {
		t.Errorf("%v, or the test changed something", wrong)
	}
	s.deploy(t, s.place(0))
	if wrong := tester.Test(s.ctx); len(wrong) > 0 {
		t.Errorf("after a deployment: %v", wrong)
	}
}

// testByteForByte rolls back and takes off, and compares with what was there. spec: D8 P3
func testByteForByte(t *testing.T, s *suite) {
	if s.State == nil {
		t.Skip("what is driven cannot be described")
	}
	p, before := s.place(0), s.state()
	was, err := s.Product.Current(s.ctx, p)
	if err != nil && !errors.Is(err, ports.ErrNoResource) {
		t.Fatal(err)
	}
	presented := s.seen(p, was)
	same := func(want, what string) {
		t.Helper()
		if got := s.state(); got != want {
			t.Fatalf("%s: it was\n%s\nand is\n%s", what, want, got)
		}
	}
	s.deploy(t, p)
	if err := s.Product.Rollback(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	same(before, "rolled back")
	first, _ := s.deploy(t, p)
	if err := s.Product.Commit(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	committed := s.state()
	s.deploy(t, p)
	if err := s.Product.Rollback(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	same(committed, "rolled back later")
	s.mustPresent(t, p, &first)
	if err := s.Product.Undeploy(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	same(before, "taken off")
	if got := s.seen(p, was); !slices.EqualFunc(got, presented, bytes.Equal) {
		t.Error("what was presented before is not presented again")
	}
}
