package site

import (
	"cmp"
	"context"
	"slices"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
)

// Deploy implements [ports.Product]. Where several targets are served from the same files,
// the first deployment swaps them for all.
func (p *Product) Deploy(ctx context.Context, t ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	defer p.lock(t.Region)()
	at, err := p.find(ctx, t)
	if err == nil {
		err = cmp.Or(at.Err, check(pair))
	}
	p.remember(t, at, err)
	if err != nil {
		return ports.Binding{}, err
	}
	if _, err := at.set.Put(ctx, pair, at.server()); err != nil {
		return ports.Binding{}, err
	}
	return at.binding(ctx)
}

func (p *Product) remember(t ports.Target, at *place, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, begun := p.begun[t]
	if p.refused[t] = err != nil && !begun; err == nil {
		p.begun[t] = at.Site
	}
}

func (p *Product) forget(t ports.Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.begun, t)
	delete(p.refused, t)
}

// lock waits for the changes that are made to a host, and returns what lets the next go on.
func (p *Product) lock(region string) (unlock func()) {
	l := p.locks[region]
	if l == nil {
		return func() {}
	}
	l.Lock()
	return l.Unlock
}

// reading waits for a change that is made to a host, and returns what lets the next one go on.
func (p *Product) reading(region string) (unlock func()) {
	l := p.locks[region]
	if l == nil {
		return func() {}
	}
	l.RLock()
	return l.RUnlock
}

func (at *place) server() pairfiles.Server {
	return pairfiles.Server{
		Test: func(ctx context.Context) error { return at.p.o.Server.Test(ctx, at.host, at.Site) },
		Load: func(ctx context.Context) error {
			for again := at.p.o.Again; ; again = false {
				if err := at.p.o.Server.Load(ctx, at.host, at.Site); err != nil {
					return err
				}
				if settled, err := at.settle(ctx); err != nil || settled || !again {
					return err
				}
			}
		},
	}
}

// Rollback implements [ports.Product]. If the configuration cannot be read any more, or names
// other files, it goes by what this process knows of the deployment.
func (p *Product) Rollback(ctx context.Context, t ports.Target) error {
	defer p.lock(t.Region)()
	p.mu.Lock()
	changed, begun := p.begun[t]
	refused := p.refused[t]
	p.mu.Unlock()
	at, err := p.find(ctx, t)
	if err != nil && refused {
		p.forget(t)
		return nil // what is wrong now kept Deploy from changing anything
	}
	if begun && (err != nil || !slices.Equal(at.Files, changed.Files)) {
		host, unknown := p.host(t.Region)
		if err = unknown; err == nil {
			at = p.place(host, changed)
		}
	}
	if err != nil {
		return err
	}
	if at.Err == nil {
		if err := at.set.Restore(ctx, at.server()); err != nil {
			return err
		}
	}
	p.forget(t)
	return nil
}

// Commit implements [ports.Product].
func (p *Product) Commit(ctx context.Context, t ports.Target) error {
	defer p.lock(t.Region)()
	at, err := p.find(ctx, t)
	if err == nil && at.Err == nil {
		err = at.set.Commit(ctx)
	}
	if err == nil {
		p.forget(t)
	}
	return err
}

// Undeploy puts back what was there before certquay.
func (p *Product) Undeploy(ctx context.Context, t ports.Target) error {
	defer p.lock(t.Region)()
	at, err := p.find(ctx, t)
	if err == nil {
		err = at.Err
	}
	if err == nil {
		err = at.set.Undeploy(ctx, at.server())
	}
	if err == nil {
		p.forget(t)
	}
	return err
}
