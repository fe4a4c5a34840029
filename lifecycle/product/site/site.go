// Package site is what the drivers of servers share whose certificates are files: a driver
// reads the sites of a server from its configuration, and tests and reloads it; the rest,
// from planning to undeploying, is here.
package site

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/probe"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Site is one name that a server serves with one pair.
type Site struct {
	Target string // the name of the target
	// Names are the host names that are served, for which a certificate is needed; none if
	// any will do.
	Names     []string
	Addresses []string // host:port that the server listens on, with an address such as 0.0.0.0 for all
	Files     []pairfiles.File
	Source    string // configuration that says so, as file:line
	Err       error  // why nothing can be deployed there; Files may be empty then
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
	Address  string
	Password model.Secret     // of key stores
	Now      func() time.Time // the clock of handshakes
}

// Product is a server on one or several hosts. It is safe for concurrent use: on one host
// one change is made at a time.
type Product struct {
	o     Options
	locks map[string]*sync.Mutex

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
	p := &Product{o: o, locks: map[string]*sync.Mutex{}, begun: map[ports.Target]Site{}, refused: map[ports.Target]bool{}}
	for _, h := range o.Hosts {
		p.locks[h.Name()] = new(sync.Mutex)
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
	at, err := p.find(ctx, t)
	if err != nil {
		return nil, err
	}
	return at.Names, nil
}

// Current returns what the files hold. While the server may not have loaded that, nothing
// is bound.
func (p *Product) Current(ctx context.Context, t ports.Target) (ports.Binding, error) {
	at, err := p.find(ctx, t)
	if err != nil {
		return ports.Binding{}, err
	}
	return at.binding(ctx)
}

func (at *place) binding(ctx context.Context) (ports.Binding, error) {
	b := ports.Binding{Address: at.address(), SNI: at.sni()}
	if at.Err != nil {
		return b, at.Err
	}
	st, err := at.set.State(ctx)
	if !st.Pending {
		b.Fingerprint = st.Fingerprint
	}
	return b, err
}

// Plan implements [ports.Planner].
func (p *Product) Plan(ctx context.Context, t ports.Target, pair ports.KeyPair) (ports.Plan, error) {
	at, err := p.find(ctx, t)
	if err == nil {
		err = cmp.Or(at.Err, check(pair))
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

func (at *place) server() pairfiles.Server {
	return pairfiles.Server{
		Test: func(ctx context.Context) error { return at.p.o.Server.Test(ctx, at.host, at.Site) },
		Load: func(ctx context.Context) error {
			if err := at.p.o.Server.Load(ctx, at.host, at.Site); err != nil {
				return err
			}
			return at.settle(ctx)
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

// address is the address to ask from anywhere; "" for none.
func (at *place) address() string {
	if at.p.o.Address != "" {
		return at.p.o.Address
	}
	for _, a := range at.Addresses {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		if name := at.host.Name(); anyAddress(host) && name != (runner.Local{}).Name() {
			return net.JoinHostPort(name, port)
		}
		return fromHost(a)
	}
	return ""
}

// anyAddress reports whether a server listens on all addresses of its host.
func anyAddress(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// fromHost is an address that a server listens on as its own host asks it.
func fromHost(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); anyAddress(host) && ip != nil && ip.To4() == nil {
		host = "::1"
	} else if anyAddress(host) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// sni is a name that the site serves; "" for none. A wildcard stands for any label.
func (at *place) sni() string {
	if len(at.Names) == 0 {
		return ""
	}
	if rest, ok := strings.CutPrefix(at.Names[0], "*."); ok {
		return "certquay." + rest
	}
	return at.Names[0]
}

// addresses are those to ask from the host.
func (at *place) addresses() (all []string) {
	if at.p.o.Address != "" {
		return []string{at.p.o.Address}
	}
	for _, a := range at.Addresses {
		if a = fromHost(a); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// look returns what an address presents, asked from the host.
func (at *place) look(ctx context.Context, address string) ([]ports.Seen, error) {
	return probe.Prober{Now: at.p.o.Now, Dial: at.host.Dial}.Look(ctx, address, at.sni())
}

// Times of a server that takes over gracefully. nginx tells its old processes to end 100 ms
// after the new ones have started; until then either may answer.
const (
	settleLimit = 5 * time.Second
	settleQuiet = 250 * time.Millisecond
	settlePause = 20 * time.Millisecond
)

// settle waits until the server presents what the files hold, and nothing else for a while.
// It is no error if it does not: whoever asked for the change looks for himself.
func (at *place) settle(ctx context.Context) error {
	st, err := at.set.State(ctx)
	addresses := at.addresses()
	if err != nil || st.Fingerprint == "" || len(addresses) == 0 {
		return err
	}
	limit, since := time.Now().Add(settleLimit), time.Now()
	for time.Now().Before(limit) && time.Since(since) < settleQuiet {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settlePause):
		}
		seen, err := at.look(ctx, addresses[0])
		if err != nil || !slices.ContainsFunc(seen, func(s ports.Seen) bool {
			return s.Err == nil && bundle.Fingerprint(s.Chain[0]) == st.Fingerprint
		}) {
			since = time.Now()
		}
	}
	return nil
}
