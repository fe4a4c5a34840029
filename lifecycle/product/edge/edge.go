// Package edge is the product driver "edge": TLS endpoints of certquay's own on
// loopback, one listener for each product and region, so that deploying works
// with no account anywhere. A resource is made by the first deployment to its
// name; the certificate is chosen by SNI.
//
// What an edge presents is kept in cells of the space "edge", apart from what
// certquay intends, so that drift can be seen:
//
//	port/PRODUCT/REGION          the address, kept over restarts
//	bind/PRODUCT/REGION/NAME     chain and key presented for a name
//	former/PRODUCT/REGION/NAME   what was presented before a Deploy not yet committed
package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// Driver is the name of this driver in the configuration.
const Driver = "edge"

// Options configures an edge.
type Options struct {
	Product string           // as configured, for example "CDN"
	Regions []string         // the default first; at least one
	Now     func() time.Time // the clock of the handshakes; nil means time.Now
	Logger  *slog.Logger     // nil means none
	// PortOwner names the program that listens on a TCP port of this machine, if
	// that is known; nil to name none.
	PortOwner func(port string) model.Text
	// Words renders the page that is served, in the best language of an
	// Accept-Language header; nil renders its code.
	Words func(languages string, t model.Text) string
}

// Edge is one product with a listener for each region. It is safe for
// concurrent use. Several edges, one for each product, share a store.
type Edge struct {
	store   ports.Store
	opt     Options
	regions map[string]*region
}

var (
	_ ports.Product = (*Edge)(nil)
	_ ports.Planner = (*Edge)(nil)
)

// Open starts the listeners of the regions that present something; the others
// start at the first deployment. If a listener's saved address is in use the
// others work all the same: Open succeeds, [Edge.Problems] reports it, and each
// later deployment there tries again. The caller closes the edge before the
// store.
func Open(ctx context.Context, store ports.Store, opt Options) (*Edge, error) {
	if opt.Product == "" || len(opt.Regions) == 0 {
		return nil, errors.New("an edge needs the name of its product and at least one region")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.PortOwner == nil {
		opt.PortOwner = func(string) model.Text { return "" }
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Regions = slices.Clone(opt.Regions)
	e := &Edge{store: store, opt: opt, regions: map[string]*region{}}
	for _, name := range opt.Regions {
		e.regions[name] = newRegion(e, name)
	}
	for _, name := range opt.Regions {
		places, err := e.Discover(ctx, name)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		if len(places) == 0 {
			continue
		}
		if err := e.regions[name].listen(ctx); err != nil {
			opt.Logger.Error("edge listener", "product", opt.Product, "region", name, "error", err)
		}
	}
	return e, nil
}

// Close stops all listeners and their connections. The bindings stay stored.
func (e *Edge) Close() error {
	var errs []error
	for _, r := range e.regions {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

// Problems lists the listeners that could not be started.
func (e *Edge) Problems() []error {
	var out []error
	for _, name := range e.opt.Regions {
		if err := e.regions[name].problem(); err != nil {
			out = append(out, err)
		}
	}
	return out
}

// Regions lists the configured regions.
func (e *Edge) Regions() []string { return slices.Clone(e.opt.Regions) }

// CreatesResources returns true: the first deployment to a name creates it.
func (e *Edge) CreatesResources() bool { return true }

// Discover lists the resources of a region by name.
func (e *Edge) Discover(ctx context.Context, regionName string) ([]ports.Target, error) {
	if _, err := e.region(ctx, regionName); err != nil {
		return nil, err
	}
	prefix := space + "/" + bindCell(e.opt.Product, regionName, "")
	var out []ports.Target
	err := e.store.View(func(r model.Reader) error {
		out = nil
		for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: prefix}) {
			if err != nil {
				return err
			}
			name, err := url.PathUnescape(strings.TrimPrefix(key, prefix))
			if err != nil {
				return model.Fail("edge.record-damaged", "name", key)
			}
			out = append(out, ports.Target{Region: regionName, Name: name})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b ports.Target) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// Current returns the binding of a name. While the region's listener cannot be
// started Address is "", and ListenErr is why.
func (e *Edge) Current(ctx context.Context, p ports.Target) (ports.Binding, error) {
	r, host, err := e.target(ctx, p)
	if err != nil {
		return ports.Binding{}, err
	}
	var b binding
	if err := e.store.View(func(rd model.Reader) error { return b.get(rd, bindCell(e.opt.Product, p.Region, host)) }); err != nil {
		return ports.Binding{}, noResource(err)
	}
	// Try again to start a listener that failed.
	silent := r.listen(ctx)
	there := e.binding(r, &b, host)
	there.ListenErr = silent
	return there, nil
}

func (e *Edge) binding(r *region, b *binding, host string) ports.Binding {
	return ports.Binding{Fingerprint: b.Fingerprint, Address: r.address(), SNI: host}
}

// Plan implements [ports.Planner].
func (e *Edge) Plan(ctx context.Context, p ports.Target, pair ports.KeyPair) (plan ports.Plan, err error) {
	_, host, err := e.target(ctx, p)
	if err != nil {
		return plan, err
	}
	var b binding
	err = e.store.View(func(rd model.Reader) error { return b.get(rd, bindCell(e.opt.Product, p.Region, host)) })
	change := ports.Change{Kind: ports.ChangeReplace, Subject: host, Before: b.Fingerprint, After: pair.Fingerprint}
	switch {
	case errors.Is(err, model.ErrNotFound):
		change.Kind = ports.ChangeCreate
	case err != nil:
		return plan, err
	case b.Fingerprint == pair.Fingerprint:
		return ports.Plan{Before: b.Chain}, nil
	}
	return ports.Plan{Changes: []ports.Change{change}, Before: b.Chain}, nil
}

// Deploy presents the pair for a name from the next handshake on. Open
// connections stay open. The certificate must be valid for the name.
func (e *Edge) Deploy(ctx context.Context, p ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	r, host, err := e.target(ctx, p)
	if err != nil {
		return ports.Binding{}, err
	}
	if err := checkPair(pair, host); err != nil {
		return ports.Binding{}, err
	}
	if err := r.listen(ctx); err != nil {
		return ports.Binding{}, err
	}
	next := binding{Chain: pair.Chain, Fingerprint: pair.Fingerprint, key: pair.Key}
	cell, former := bindCell(e.opt.Product, p.Region, host), formerCell(e.opt.Product, p.Region, host)
	err = e.store.Update(ctx, func(tx model.Tx) error {
		var old binding
		switch err := old.get(tx, cell); {
		case errors.Is(err, model.ErrNotFound):
			if err := r.checkAddressName(tx, host); err != nil {
				return err
			}
			old = binding{Absent: true}
		case err != nil:
			return err
		case old.same(&next):
			return nil // and what was before the Deploy that put it there stays known
		}
		if err := old.put(tx, former); err != nil {
			return err
		}
		return next.put(tx, cell)
	})
	r.invalidate(host) // also after an error: the commit may have been done
	if err != nil {
		return ports.Binding{}, err
	}
	return e.binding(r, &next, host), nil
}

// Rollback restores the binding before the last Deploy that was not committed,
// and removes the resource if there was none.
func (e *Edge) Rollback(ctx context.Context, p ports.Target) error {
	r, host, err := e.target(ctx, p)
	if err != nil {
		return err
	}
	cell, former := bindCell(e.opt.Product, p.Region, host), formerCell(e.opt.Product, p.Region, host)
	err = e.store.Update(ctx, func(tx model.Tx) error {
		var old binding
		switch err := old.get(tx, former); {
		case errors.Is(err, model.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		if err := remove(tx, former); err != nil {
			return err
		}
		if old.Absent {
			return remove(tx, cell)
		}
		return old.put(tx, cell)
	})
	r.invalidate(host)
	return err
}

// Commit discards the previous binding with its key.
func (e *Edge) Commit(ctx context.Context, p ports.Target) error {
	_, host, err := e.target(ctx, p)
	if err != nil {
		return err
	}
	former := formerCell(e.opt.Product, p.Region, host)
	// Reading first spares a durable write if there is no previous binding.
	var b binding
	err = e.store.View(func(r model.Reader) error { return b.get(r, former) })
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	return e.store.Update(ctx, func(tx model.Tx) error { return remove(tx, former) })
}

// Undeploy removes the resource (spec D8).
func (e *Edge) Undeploy(ctx context.Context, p ports.Target) error {
	r, host, err := e.target(ctx, p)
	if err != nil {
		return err
	}
	cell, former := bindCell(e.opt.Product, p.Region, host), formerCell(e.opt.Product, p.Region, host)
	err = e.store.Update(ctx, func(tx model.Tx) error {
		var b binding
		if err := b.get(tx, cell); err != nil {
			return noResource(err)
		}
		if err := remove(tx, former); err != nil {
			return err
		}
		return remove(tx, cell)
	})
	r.invalidate(host)
	return err
}

func (e *Edge) region(ctx context.Context, name string) (*region, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, ok := e.regions[name]
	if !ok {
		return nil, &ports.PermanentError{
			Err: model.Fail("edge.no-region", "product", e.opt.Product, "region", name, "regions", e.opt.Regions).
				Wrapping(ports.ErrNoResource),
		}
	}
	return r, nil
}

// target returns the region and the canonical host name of a target.
func (e *Edge) target(ctx context.Context, p ports.Target) (*region, string, error) {
	r, err := e.region(ctx, p.Region)
	if err != nil {
		return nil, "", err
	}
	n, err := names.Parse(p.Name)
	if err != nil {
		return nil, "", &ports.PermanentError{
			Err: model.Fail("edge.no-resource", "product", e.opt.Product, "cause", err).Wrapping(ports.ErrNoResource),
		}
	}
	if n.Wildcard {
		return nil, "", &ports.PermanentError{
			Err: model.Fail("edge.no-host", "product", e.opt.Product, "name", n.ASCII).Wrapping(ports.ErrNoResource),
		}
	}
	return r, n.ASCII, nil
}

// noResource converts the store's "not found" to the port's error.
func noResource(err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return ports.ErrNoResource
	}
	return err
}

// checkPair rejects a pair that a server could not present, before anything
// changes.
func checkPair(pair ports.KeyPair, host string) error {
	bad := func(why any) error {
		return &ports.PermanentError{Err: model.Fail("edge.refuses", "why", why)}
	}
	leaf, err := bundle.CheckPair(pair.Chain, pair.Key, pair.Fingerprint)
	if err != nil {
		return bad(err)
	}
	if !names.Covers(bundle.Names(leaf), host) {
		return bad(model.Say("edge.wrong-name", "name", host))
	}
	return nil
}

// tlsCertificate makes the form that crypto/tls presents.
func (b *binding) tlsCertificate() (*tls.Certificate, error) {
	key, err := bundle.UnmarshalKey(b.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(b.Chain[0])
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: b.Chain, PrivateKey: key, Leaf: leaf}, nil
}

// same reports whether two bindings present the same bytes.
func (b *binding) same(o *binding) bool {
	return b.Fingerprint == o.Fingerprint && slices.EqualFunc(b.Chain, o.Chain, bytes.Equal)
}
