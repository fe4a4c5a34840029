package lifecycletest

import (
	"context"
	"errors"
	"net"
	"sync"

	"certquay/lifecycle/ports"
)

// Product is a scripted product, and the prober of what it presents.
//
// Stubborn, RegionNames and Where are set before the calls that they are for; Mu guards the
// other fields.
type Product struct {
	Script
	Stubborn    bool     // it goes on presenting what it did
	RegionNames []string // its regions
	// Where are the addresses of places that have another than "region|name".
	Where map[ports.Target]string

	Mu      sync.Mutex
	Bound   map[ports.Target]*ports.KeyPair // what the configuration says
	Shown   map[ports.Target]*ports.KeyPair // what a handshake finds
	Changes int                             // bindings that Deploy has changed

	former map[ports.Target]*ports.KeyPair
	unkept map[ports.Target]bool
}

var (
	_ ports.Product = (*Product)(nil)
	_ ports.Prober  = (*Product)(nil)
)

// NewProduct makes a product that presents nothing yet.
func NewProduct(regions ...string) *Product {
	return &Product{
		RegionNames: regions, Where: map[ports.Target]string{}, Bound: map[ports.Target]*ports.KeyPair{},
		Shown: map[ports.Target]*ports.KeyPair{}, former: map[ports.Target]*ports.KeyPair{}, unkept: map[ports.Target]bool{},
	}
}

// Put has the product present a pair at a place, as if it had been deployed long
// ago.
func (p *Product) Put(pl ports.Target, pair ports.KeyPair) {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	p.Bound[pl], p.Shown[pl] = &pair, &pair
}

// address is where a place is presented.
func (p *Product) address(pl ports.Target) string {
	switch at := p.Where[pl]; {
	case at != "":
		return at
	case pl.Name == "":
		return pl.Region
	}
	return pl.Region + "|" + pl.Name
}

func (p *Product) binding(pl ports.Target, fingerprint string) ports.Binding {
	return ports.Binding{Fingerprint: fingerprint, Address: p.address(pl), SNI: pl.Name}
}

// Regions implements [ports.Product].
func (p *Product) Regions() []string { return p.RegionNames }

// CreatesResources implements [ports.Product].
func (p *Product) CreatesResources() bool { return true }

// Discover implements [ports.Product].
func (p *Product) Discover(ctx context.Context, region string) (places []ports.Target, err error) {
	err = p.take(ctx, "discover", region, func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		for pl := range p.Bound {
			if pl.Region == region {
				places = append(places, pl)
			}
		}
		return nil
	})
	return places, err
}

// Current implements [ports.Product].
func (p *Product) Current(ctx context.Context, pl ports.Target) (b ports.Binding, err error) {
	err = p.take(ctx, "present", pl.Name, func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		b = p.binding(pl, "")
		if bound := p.Bound[pl]; bound != nil {
			b.Fingerprint = bound.Fingerprint
			return nil
		}
		return ports.ErrNoResource
	})
	return b, err
}

// Deploy implements [ports.Product].
func (p *Product) Deploy(ctx context.Context, pl ports.Target, pair ports.KeyPair) (b ports.Binding, err error) {
	err = p.take(ctx, "deploy", pl.Name, func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		b = p.binding(pl, pair.Fingerprint)
		if bound := p.Bound[pl]; bound != nil && bound.Fingerprint == pair.Fingerprint {
			return nil
		}
		p.Changes++
		p.former[pl], p.unkept[pl] = p.Bound[pl], true
		p.Bound[pl] = &pair
		if !p.Stubborn {
			p.Shown[pl] = &pair
		}
		return nil
	})
	return b, err
}

// Rollback implements [ports.Product].
func (p *Product) Rollback(ctx context.Context, pl ports.Target) error {
	return p.take(ctx, "restore", pl.Name, func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		if !p.unkept[pl] {
			return nil
		}
		p.Bound[pl], p.Shown[pl] = p.former[pl], p.former[pl]
		if p.former[pl] == nil {
			delete(p.Bound, pl)
			delete(p.Shown, pl)
		}
		delete(p.unkept, pl)
		return nil
	})
}

// Commit implements [ports.Product].
func (p *Product) Commit(ctx context.Context, pl ports.Target) error {
	return p.take(ctx, "keep", pl.Name, func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		delete(p.former, pl)
		delete(p.unkept, pl)
		return nil
	})
}

// Undeploy implements [ports.Product].
func (p *Product) Undeploy(ctx context.Context, pl ports.Target) error {
	return p.take(ctx, "undeploy", pl.Name, func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		if p.Bound[pl] == nil {
			return ports.ErrNoResource
		}
		delete(p.Bound, pl)
		delete(p.Shown, pl)
		return nil
	})
}

// errRefused is the error of a probe where nothing listens.
var errRefused = errors.New("connection refused")

// Probe implements [ports.Prober]: what is presented at an address. It is not
// part of the script.
func (p *Product) Probe(_ context.Context, address, _ string) ([][]byte, net.Addr, error) {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	for pl, pair := range p.Shown {
		if pair != nil && p.address(pl) == address {
			return pair.Chain, nil, nil
		}
	}
	return nil, nil, errRefused
}
