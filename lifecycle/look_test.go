package lifecycle_test

import (
	"context"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// looking is a product that says by itself what its targets present.
type looking struct {
	*lifecycletest.Product
	look  func(bound *ports.KeyPair) ports.Look
	hosts map[string][]string // of targets by name
}

func (p *looking) Look(_ context.Context, at ports.Target) (ports.Look, error) {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return p.look(p.Bound[at]), nil
}

func (p *looking) Hosts(_ context.Context, at ports.Target) ([]string, error) {
	return p.hosts[at.Name], nil
}

// with replaces the product of a world.
func (w *world) with(p ports.Product) {
	w.t.Helper()
	w.engine.Close()
	w.base.Options.Products[0].Product = p
	w.start(w.store)
}

// TestWhatAProductSeesByItself deploys to a product that looks at its own targets: at each
// address and for each kind of key, or by reading back where nothing listens. spec: D3 P2 P8
func TestWhatAProductSeesByItself(t *testing.T) {
	was := ports.KeyPair{Chain: [][]byte{lifecycletest.Root().Raw}}
	seen := func(address, algorithm string, pair *ports.KeyPair) ports.Seen {
		return ports.Seen{Address: address, Algorithm: algorithm, Chain: pair.Chain}
	}
	down := ports.Seen{Address: "[2001:db8::1]:443", Err: context.DeadlineExceeded}
	for _, c := range []struct {
		name  string
		look  func(*ports.KeyPair) ports.Look
		ok    bool
		state model.ResourceState // after another look
		rows  int                 // on record
		back  bool
	}{
		{"one address", func(p *ports.KeyPair) ports.Look {
			return ports.Look{Seen: []ports.Seen{seen("192.0.2.1:443", "", p)}}
		}, true, model.ResourceDeployed, 0, false},
		{"two kinds of keys", func(p *ports.KeyPair) ports.Look {
			return ports.Look{Seen: []ports.Seen{seen("192.0.2.1:443", "rsa", &was), seen("192.0.2.1:443", "ecdsa", p)}}
		}, true, model.ResourceDeployed, 2, false},
		{"one address does not answer", func(p *ports.KeyPair) ports.Look {
			return ports.Look{Seen: []ports.Seen{seen("192.0.2.1:443", "", p), down}}
		}, true, model.ResourceDeployed, 2, false},
		{"one of two addresses presents another", func(p *ports.KeyPair) ports.Look {
			return ports.Look{Seen: []ports.Seen{seen("192.0.2.1:443", "", p), seen("192.0.2.2:443", "", &was)}}
		}, false, model.ResourceFailed, 0, false},
		{"no address answers", func(*ports.KeyPair) ports.Look { return ports.Look{Seen: []ports.Seen{down}} },
			false, model.ResourceFailed, 0, false},
		{"read back", func(p *ports.KeyPair) ports.Look {
			return ports.Look{ReadBack: true, Seen: []ports.Seen{seen("", "", p)}}
		}, true, model.ResourceDeployed, 0, true},
		{"another read back", func(*ports.KeyPair) ports.Look {
			return ports.Look{ReadBack: true, Seen: []ports.Seen{seen("", "", &was)}}
		}, false, model.ResourceFailed, 0, false},
	} {
		bubble(t, c.name, func(t *testing.T) {
			w := newWorld(t)
			w.with(&looking{Product: w.product, look: c.look})
			id := w.issued("a.example.com")
			jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Resources: []string{"web"}})
			w.check(err)
			if p := w.wait(jobs[0].ID); (p.Job.Result == journal.ResultOK) != c.ok {
				t.Fatalf("result %q, %s", p.Job.Result, inWords(p.Job.Error))
			}
			r := w.resource(0)
			if r.State != c.state || len(r.Seen) != c.rows || r.ReadBack != c.back {
				t.Errorf("state %s, %d addresses, read back %v", r.State, len(r.Seen), r.ReadBack)
			}
			if !c.ok {
				return
			}
			w.forward(time.Hour)
			w.done(w.engine.By(operator).Verify(w.ctx(), r.ID))
			if again := w.resource(0); again.State != c.state || again.Configured != r.Deployed || len(again.Seen) != c.rows {
				t.Errorf("after another look: %+v", again.Resource)
			}
		})
	}
}

// TestTargetsThatAreNotNamedAfterAHost have to be covered by the names that the product
// says they serve. spec: D2
func TestTargetsThatAreNotNamedAfterAHost(t *testing.T) {
	w := newWorld(t)
	p := &looking{Product: w.product, hosts: map[string][]string{
		"ns/web": {"a.example.com"}, "ns/both": {"a.example.com", "b.example.com"}, "ns/any": nil,
	}}
	p.look = func(bound *ports.KeyPair) ports.Look { return ports.Look{Seen: []ports.Seen{{Chain: bound.Chain}}} }
	old := ports.KeyPair{Fingerprint: "0000", Chain: [][]byte{{0}}}
	for name := range p.hosts {
		w.product.Put(ports.Target{Region: w.product.Regions()[0], Name: name}, old)
	}
	w.with(p)
	id := w.issued("a.example.com")
	_, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Resources: []string{"ns/both"}})
	w.refused(err, rules.ReasonNotCovered)
	places, err := w.engine.By(operator).PlanDeploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn"})
	w.check(err)
	if len(places) != 1 || places[0].Name != "ns/web" {
		t.Errorf("without a name it goes to %v, want only what it covers", places)
	}
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Resources: []string{"ns/any"}})
	w.check(err)
	w.done(jobs[0], nil)
}
