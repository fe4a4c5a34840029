package demo_test

import (
	"context"
	"regexp"
	"slices"
	"testing"
	"time"

	"certquay/cmd/demo"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
	"certquay/ui/app"
	"certquay/ui/text"
)

// filledWorld returns the demo's fleet on real endpoints.
func filledWorld(t *testing.T) *demo.World {
	t.Helper()
	ctx := t.Context()
	s, err := store.With(mem.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &demo.World{Clock: demo.Clock(time.Now()), Store: s, Products: map[string]ports.Product{}}
	ca, err := embedded.New(
		s,
		embedded.Options{
			Now:         w.Clock.Now,
			MaxValidity: 100 * 24 * time.Hour,
			Levels:      model.Levels,
			Reviewed:    []model.Level{model.OV, model.EV},
			BaseURL:     func() string { return "http://127.0.0.1:1" },
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	four := []string{"cn-hangzhou", "ap-southeast-1", "eu-central-1", "us-west-1"}
	var named []lifecycle.NamedProduct
	var edges []*edge.Edge
	for _, p := range []struct {
		name    string
		regions []string
	}{{"SLB", four}, {"CDN", []string{"global"}}, {"SCDN", []string{"global"}}, {"DCDN", []string{"global"}}, {"WAF", four}} {
		e, err := edge.Open(ctx, s, edge.Options{Product: p.name, Regions: p.regions, Now: w.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		edges = append(edges, e)
		w.Products[p.name] = demo.NewFreezable(e, w.Clock.Now)
		named = append(named, lifecycle.NamedProduct{Name: p.name, Driver: "edge", Product: w.Products[p.name]})
	}
	policy := rules.DefaultPolicy()
	policy.HandshakeTimeout, policy.ReviewReuse = demo.HandshakeTimeout, 825*24*time.Hour
	w.Engine = lifecycle.New(lifecycle.Options{
		Store:    s,
		Clock:    w.Clock,
		Policy:   policy,
		Prober:   product.Prober{},
		Products: named,
		Issuers: map[string]ports.Issuer{
			embedded.Brand: ca,
			demo.Brand:     demo.NewAuthority(ca, s, w.Clock.Now),
		},
		SaveClock: func(context.Context, time.Duration) error { return nil },
	})
	t.Cleanup(func() {
		w.Engine.Close()
		for _, e := range edges {
			_ = e.Close()
		}
		_ = s.Close()
	})
	if err := w.Fill(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitForTable(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

// The fleet is in every state, ends in the present, and is sound.
func TestTheFleetIsInEveryState(t *testing.T) {
	begun := time.Now()
	w := filledWorld(t)
	// Filling it takes real time too, and on a busy machine a lot.
	if late := time.Since(w.Engine.Now()); late > time.Minute+time.Since(begun) || late < -time.Minute {
		t.Errorf("the clock is %s off", late)
	}
	counts, err := w.Engine.By(model.Scheduler).Counts()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range model.States {
		if counts.State[s] == 0 {
			t.Errorf("nothing is %s", s)
		}
	}
	for _, d := range model.DerivedValues {
		if counts.Derived[d] == 0 && d != model.ServiceEnded {
			t.Errorf("nothing is %s", d)
		}
	}
	all, _, err := w.Engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[model.ResourceState]int{}
	for _, r := range all {
		seen[r.State]++
	}
	for _, s := range []model.ResourceState{model.ResourceDeployed, model.ResourceFailed, model.ResourceOutdated, model.ResourceDrifted} {
		if seen[s] == 0 {
			t.Errorf("no resource is %s; there are %v", s, seen)
		}
	}
	checkSuccessor(t, w)
	checkChinese(t, w)
	// The frozen region thaws, and what failed is mended by itself.
	if err := w.Engine.By(model.Actor{Role: model.Owner}).MoveClock(t.Context(), w.Engine.Now().Add(72*time.Hour)); err != nil {
		t.Fatal(err)
	}
	cart, err := w.Engine.By(model.Scheduler).Find("cart.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if cart.Has(model.Failing, w.Engine.Now()) {
		t.Error("cart.example.com is failing three days later")
	}
}

// checkSuccessor checks that what was renewed by hand is replaced, with the successor
// deployed in its place and tagged like it. spec: I9
func checkSuccessor(t *testing.T, w *demo.World) {
	t.Helper()
	by := w.Engine.By(model.Scheduler)
	next, err := by.Find("tools.example.com")
	if err != nil {
		t.Fatal(err)
	}
	old, err := by.Find(string(next.Replaces()))
	if err != nil {
		t.Fatal(err)
	}
	if !old.Replaced || old.ReplacedBy() != next.ID || len(old.Tags) != 1 || !slices.Equal(next.Tags, old.Tags) {
		t.Errorf("%s %v is not replaced by %s %v", old.ID, old.Tags, next.ID, next.Tags)
	}
	there, _, err := by.Resources(lifecycle.ResourceFilter{Instance: next.ID})
	if err != nil {
		t.Fatal(err)
	}
	if len(there) != 1 || there[0].State != model.ResourceDeployed {
		t.Errorf("the successor is deployed as %+v", there)
	}
}

// checkChinese checks that a Chinese dashboard shows no English sentences for events,
// failures and tasks. spec: V5
func checkChinese(t *testing.T, w *demo.World) {
	t.Helper()
	c := &app.Context{Text: text.New("zh")}
	var said []string
	events, err := w.Engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	for n := range events {
		said = append(said, c.EventSummary(&events[n]), c.Text.Term("why", events[n].Why), c.T("event."+events[n].Action))
	}
	tasks, err := w.Engine.By(model.Scheduler).Tasks(10000)
	if err != nil {
		t.Fatal(err)
	}
	for n := range tasks {
		said = append(said, c.Text.Text(tasks[n].Text))
	}
	all, _, err := w.Engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range all {
		r := &all[n]
		said = append(said, c.Text.Text(r.Failure.Message), c.Text.Text(r.VerifyError))
	}
	if len(events) < 300 || len(tasks) < 10 {
		t.Errorf("only %d events and %d tasks", len(events), len(tasks))
	}
	english := regexp.MustCompile(`[A-Za-z]{2,} [a-z]{2,}|<[a-z.]+>|\b(due|asked|resumed)\b`)
	names := regexp.MustCompile(
		`[A-Z]+ [a-z0-9-]+ [a-z0-9.-]+|the register extract is older than a year`,
	) // resources, and what a person wrote
	for _, s := range said {
		if english.MatchString(names.ReplaceAllString(s, "")) {
			t.Errorf("a Chinese reader meets %q", s)
		}
	}
}
