package lifecycle

import (
	"context"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// DeployPlace is where a deployment would go, and what it would change there. The resource
// may not exist yet.
type DeployPlace struct {
	Product, Region, Name string
	Wave, Waves           int // Wave counts from 1; both are 0 without waves (spec P6)
	// Window is when the next deployment window of the product begins; zero if it has none,
	// or if one is open (spec P7).
	Window time.Time

	Planned bool           // the product says what it would change
	Changes []ports.Change // none if the certificate is there already
	Also    []string       // other names that are served with the same files
	Bare    []string       // those of them that the certificate does not cover
	Gained  []string       // names of the certificate that the one before it has not
	Lost    []string       // names that only the one before it has
	Err     error          // why the product cannot say
}

// Place returns product, region and name as one text.
func (p *DeployPlace) Place() string { return p.Product + " " + p.Region + " " + p.Name }

// Breaks reports whether names that are served there now would no longer be covered.
func (p *DeployPlace) Breaks() bool { return len(p.Bare)+len(p.Lost) > 0 }

// plansAtOnce is how many resources are asked at once what a deployment would change.
const plansAtOnce = 8

// planDeploy is [Access.PlanDeploy].
func (e *Engine) planDeploy(ctx context.Context, actor model.Actor, id model.ID, r DeployRequest) ([]DeployPlace, error) {
	c, err := e.readFacts(actor, id)
	if err != nil {
		return nil, err
	}
	if f := e.table.Check(rules.Deploy, c); f != nil {
		return nil, f
	}
	targets, err := e.deployments.targets(ctx, c.Instance, r)
	if err == nil && !r.Older {
		err = e.store.View(func(tx model.Reader) error { return e.deployments.refuseOlder(tx, c.Instance, r, targets) })
	}
	waves := model.Rollout{Total: len(targets), First: e.waves(r).First, Batch: e.waves(r).Batch}
	places := make([]DeployPlace, len(targets))
	for n, t := range targets {
		places[n] = DeployPlace{Product: t.product.Name, Region: t.place.Region, Name: t.place.Name}
		if at := e.windowAt(t.product.Name, e.Now()); at.After(e.Now()) {
			places[n].Window = at
		}
		if len(targets) > 1 && waves.Batch > 0 {
			places[n].Wave, places[n].Waves = waves.WaveOf(n)+1, waves.Waves()
		}
	}
	if err != nil {
		return places, err
	}
	v := c.Instance.Current()
	material, err := e.reader.material(id, v.Number)
	if err != nil {
		return places, err
	}
	pair := ports.KeyPair{Chain: material.Certificates, Fingerprint: v.Fingerprint}
	slots := make(chan struct{}, plansAtOnce)
	var all sync.WaitGroup
	for n := range targets {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			e.deployments.plan(ctx, &targets[n], pair, v.Domains, &places[n])
		})
	}
	all.Wait()
	return places, ctx.Err()
}

// plan asks a product what a deployment of a chain with the given names would change.
func (ds *deployments) plan(ctx context.Context, t *target, pair ports.KeyPair, covered []string, p *DeployPlace) {
	planner, plans := ports.Part[ports.Planner](t.product.Product)
	if !plans {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, ds.policy.CallTimeout)
	defer cancel()
	plan, err := planner.Plan(ctx, t.place, pair)
	if err != nil {
		p.Err = &model.Error{Text: messageFrom("server", err), Err: err}
		return
	}
	p.Planned, p.Changes, p.Also = true, plan.Changes, plan.Also
	for _, name := range plan.Also {
		if !names.Covers(covered, name) && !slices.Contains(covered, name) {
			p.Bare = append(p.Bare, name)
		}
	}
	if len(plan.Before) == 0 {
		return
	}
	leaf, err := x509.ParseCertificate(plan.Before[0])
	if err != nil { // it is replaced, whatever it was
		return
	}
	before := bundle.Names(leaf)
	without := func(these, those []string) []string {
		return slices.DeleteFunc(slices.Clone(these), func(n string) bool { return slices.Contains(those, n) })
	}
	p.Gained, p.Lost = without(covered, before), without(before, covered)
}

// ChangeText says one step of a plan or of a receipt.
func ChangeText(c model.PlannedChange) model.Text {
	kind := ports.ChangeKind(c.Kind)
	short := func(s string) string {
		if kind == ports.ChangeLink || len(s) < 8 {
			return s
		}
		return s[:4] + "…" + s[len(s)-4:] // as the board of deployments has it
	}
	code := "plan.change." + c.Kind
	if c.Before == "" && kind == ports.ChangeReplace {
		code = "plan.change.write"
	}
	return model.Say(code, "subject", c.Subject, "before", short(c.Before), "after", short(c.After))
}

// Lines says what a deployment would change at a place, the place itself first.
func (p *DeployPlace) Lines() []model.Text {
	head := model.Say("plan.place", "place", p.Place())
	if p.Waves > 1 {
		head = model.Say("plan.place-in-wave", "place", p.Place(), "wave", p.Wave, "waves", p.Waves)
	}
	all := []model.Text{head}
	if !p.Window.IsZero() {
		all = append(all, model.Say("plan.window", "at", p.Window))
	}
	switch {
	case p.Err != nil:
		return append(all, model.Say("plan.unknown", "cause", p.Err))
	case p.Planned && len(p.Changes) == 0:
		return append(all, model.Say("plan.nothing"))
	}
	for _, c := range p.Changes {
		all = append(all, ChangeText(model.PlannedChange{Kind: string(c.Kind), Subject: c.Subject, Before: c.Before, After: c.After}))
	}
	covered := slices.DeleteFunc(slices.Clone(p.Also), func(n string) bool { return slices.Contains(p.Bare, n) })
	for _, of := range []struct {
		code  string
		names []string
	}{{"plan.gained", p.Gained}, {"plan.lost", p.Lost}, {"plan.also", covered}, {"plan.bare", p.Bare}} {
		if len(of.names) > 0 {
			all = append(all, model.Say(of.code, "names", of.names))
		}
	}
	return all
}
