// Package site is what the drivers of servers share whose certificates are files: a driver
// reads the sites of a server from its configuration, and tests and reloads it; the rest,
// from planning to undeploying, is here.
package site

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Site is one name that a server serves with one pair.
type Site struct {
	Target string // the name of the target
	// Names are the host names that are served, for which a certificate is needed; none if
	// any will do.
	Names []string
	// ByCertificate says that the server presents it to clients that ask for a name which is
	// in it, whatever the configuration names.
	ByCertificate bool
	Addresses     []string // host:port that the server listens on, with an address such as 0.0.0.0 for all
	Files         []pairfiles.File
	Source        string // configuration that says so, as file:line
	Err           error  // why nothing can be deployed there; Files may be empty then
}

// Server is a kind of server. Its methods are safe for concurrent use.
type Server interface {
	// Sites reads the configuration on a host.
	Sites(ctx context.Context, host runner.Runner) ([]Site, error)
	// Test asks the server whether it would take the configuration as it is now.
	Test(ctx context.Context, host runner.Runner, s Site) error
	// Load makes the server use what the files of a site hold. It may return before the
	// server does.
	Load(ctx context.Context, host runner.Runner, s Site) error
	// Commands are what Test and Load do, for plans.
	Commands(s Site) []ports.Change
}

// Options configure a product.
type Options struct {
	Hosts  []runner.Runner // at least one, of different names
	Server Server
	// Base is the directory for certquay's own files on the hosts; empty: beside those of
	// the server.
	Base string
	// Address is the host:port to ask in place of those that the configuration names; "".
	Address string
	// Again says that the server may lose a Load that comes soon after another: it is repeated
	// once if something else is still presented.
	Again    bool
	Password model.Secret     // of key stores
	Now      func() time.Time // the clock of handshakes
}

// Product is a server on one or several hosts. It is safe for concurrent use: on one host
// one change is made at a time.
type Product struct {
	o Options
	// locks keep those who read the files of a host, as a test of its configuration does, from
	// a swap: they would read the certificate of one pair and the key of another.
	locks map[string]*sync.RWMutex

	mu sync.Mutex
	// begun are the targets where this process has changed files that are not committed, and
	// refused those where its last Deploy changed nothing. They matter when the configuration
	// cannot be read any more.
	begun   map[ports.Target]Site
	refused map[ports.Target]bool
}

var (
	_ ports.Product       = (*Product)(nil)
	_ ports.Planner       = (*Product)(nil)
	_ ports.Verifier      = (*Product)(nil)
	_ ports.Discoverer    = (*Product)(nil)
	_ ports.HostLister    = (*Product)(nil)
	_ ports.ProductTester = (*Product)(nil)
)

// New makes a product.
func New(o Options) *Product {
	p := &Product{o: o, locks: map[string]*sync.RWMutex{}, begun: map[ports.Target]Site{}, refused: map[ports.Target]bool{}}
	for _, h := range o.Hosts {
		p.locks[h.Name()] = new(sync.RWMutex)
	}
	return p
}

// Regions are the names of the hosts.
func (p *Product) Regions() (names []string) {
	for _, h := range p.o.Hosts {
		names = append(names, h.Name())
	}
	return names
}

// CreatesResources is false: what a server serves is in its configuration.
func (p *Product) CreatesResources() bool { return false }

func (p *Product) host(region string) (runner.Runner, error) {
	for _, h := range p.o.Hosts {
		if h.Name() == region {
			return h, nil
		}
	}
	return nil, model.Fail("site.no-host", "host", region, "hosts", p.Regions()).Wrapping(ports.ErrNoResource)
}

func (p *Product) sites(ctx context.Context, region string) (runner.Runner, []Site, error) {
	host, err := p.host(region)
	if err != nil {
		return nil, nil, err
	}
	all, err := p.o.Server.Sites(ctx, host)
	return host, all, err
}

// find returns the site of a target with its files, or an error that wraps
// [ports.ErrNoResource].
func (p *Product) find(ctx context.Context, t ports.Target) (*place, error) {
	host, all, err := p.sites(ctx, t.Region)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(s Site) bool { return strings.EqualFold(s.Target, t.Name) })
	if n < 0 {
		return nil, model.Fail("site.none", "name", t.Name, "host", t.Region).Wrapping(ports.ErrNoResource)
	}
	at := p.place(host, all[n])
	at.all = all
	return at, nil
}

// place is a site on a host.
type place struct {
	Site
	p    *Product
	host runner.Runner
	set  *pairfiles.Set
	all  []Site // of the host
}

func (p *Product) place(host runner.Runner, s Site) *place {
	set := &pairfiles.Set{Host: host, Files: s.Files, Base: p.o.Base, Password: p.o.Password}
	return &place{Site: s, p: p, host: host, set: set}
}

// Discover lists the sites of a host to which certificates can be deployed.
func (p *Product) Discover(ctx context.Context, region string) (targets []ports.Target, err error) {
	defer p.reading(region)()
	_, all, err := p.sites(ctx, region)
	for _, s := range all {
		if t := (ports.Target{Region: region, Name: s.Target}); s.Err == nil && !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
	}
	return targets, err
}

// Hosts implements [ports.HostLister].
func (p *Product) Hosts(ctx context.Context, t ports.Target) ([]string, error) {
	defer p.reading(t.Region)()
	at, err := p.find(ctx, t)
	if err != nil {
		return nil, err
	}
	return at.Names, nil
}

// Current returns what the files hold. While the server may not have loaded that, nothing
// is bound.
func (p *Product) Current(ctx context.Context, t ports.Target) (ports.Binding, error) {
	defer p.reading(t.Region)()
	at, err := p.find(ctx, t)
	if err != nil {
		return ports.Binding{}, err
	}
	return at.binding(ctx)
}

func (at *place) binding(ctx context.Context) (ports.Binding, error) {
	b := ports.Binding{Address: at.address(), SNI: at.sni(nil)}
	if at.Err != nil {
		return b, at.Err
	}
	st, err := at.set.State(ctx)
	b.SNI = at.sni(st.Chain)
	if !st.Pending {
		b.Fingerprint = st.Fingerprint
	}
	return b, err
}

// Plan implements [ports.Planner].
func (p *Product) Plan(ctx context.Context, t ports.Target, pair ports.KeyPair) (ports.Plan, error) {
	defer p.reading(t.Region)()
	at, err := p.find(ctx, t)
	if err == nil {
		err = at.Err
	}
	if err == nil { // a plan is made without the key
		_, err = bundle.CheckLeaf(pair.Chain, pair.Fingerprint)
	}
	if err != nil {
		return ports.Plan{}, err
	}
	st, err := at.set.State(ctx)
	if err != nil {
		return ports.Plan{}, err
	}
	plan := ports.Plan{Before: st.Chain, Also: at.also()}
	if plan.Changes, err = at.set.Plan(ctx, pair); err == nil && (len(plan.Changes) > 0 || st.Pending) {
		plan.Changes = append(plan.Changes, p.o.Server.Commands(at.Site)...)
	}
	return plan, err
}

func check(pair ports.KeyPair) error {
	if _, err := bundle.CheckPair(pair.Chain, pair.Key, pair.Fingerprint); err != nil {
		return &ports.PermanentError{Err: err}
	}
	return nil
}

// also lists the other targets that are served from the same files.
func (at *place) also() (names []string) {
	for _, other := range at.all {
		shared := slices.ContainsFunc(other.Files, func(f pairfiles.File) bool {
			return slices.ContainsFunc(at.Files, func(g pairfiles.File) bool { return f.Path == g.Path })
		})
		if shared && other.Target != at.Target && !slices.Contains(names, other.Target) {
			names = append(names, other.Target)
		}
	}
	return names
}
