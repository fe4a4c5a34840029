// Package aliyun is the product driver "aliyun": listeners and domains at Alibaba Cloud. One
// product is one of its services (see [Services]) in one or several regions.
//
// A pair is uploaded once, to the certificate service (CAS), with the private key in the body
// of the request; the services are told its ID. Nothing is deleted by a deployment.
//
// Targets are named as the service names them: a domain, or INSTANCE:PORT for the default
// certificate of a listener and INSTANCE:PORT/NAME for one that is chosen by server name.
//
// What is configured is asked from the service. Only what it does not know is kept, in cells
// of the space "aliyun":
//
//	target/PRODUCT/REGION/NAME   the certificates before certquay, and before a Deploy not yet committed
//
// The driver was written from the documentation and is tested against a stand-in (package
// aliyuntest). It was never run against the service itself.
package aliyun

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/model/setting"
)

// Kind is the name of this driver in the configuration.
const Kind = "aliyun"

// Options configures a product.
type Options struct {
	Settings Settings
	Product  string   // as configured, for example "CDN"
	Regions  []string // the default first; at least one
	Store    ports.Store
	// Secret returns the secret of the access key. It is asked before each call, so that
	// another one counts at once.
	Secret func() (model.Secret, error)
	// Pause is how long the first repetition of a call waits for a busy service, and how
	// often a job is asked for; 0 means half a second.
	Pause time.Duration
}

// Driver is one product. It is safe for concurrent use.
type Driver struct {
	opt     Options
	service service
	uploads sync.Mutex // one upload after the other, so that the next finds the first
	known   sync.Map   // ID-region -> *certificate; they never change
	changes sync.Map   // region/listener -> *sync.Mutex
}

// The optional parts that there are. What a target presents is asked by the engine, at the
// address of its binding.
var (
	_ ports.Product       = (*Driver)(nil)
	_ ports.Planner       = (*Driver)(nil)
	_ ports.HostLister    = (*Driver)(nil)
	_ ports.Discoverer    = (*Driver)(nil)
	_ ports.Cleaner       = (*Driver)(nil)
	_ ports.ProductTester = (*Driver)(nil)
)

// service is what differs between the services.
type service interface {
	// list names the targets of a region.
	list(ctx context.Context, region string) ([]string, error)
	// look reads what is configured at a target; [ports.ErrNoResource] if there is none.
	look(ctx context.Context, p ports.Target) (*state, error)
	// refer returns how the service refers to a certificate of the certificate service, and
	// brings it there first if bring is set. Without ID it is not there yet.
	refer(ctx context.Context, region string, c *certificate, bring bool) (ref, error)
	// restorable completes the reference to what is configured now, so that it can be
	// configured again, or says why it cannot.
	restorable(ctx context.Context, s *state) (ref, error)
	// steps are the calls that make a target present what is wanted; none if it does.
	steps(s *state, want ref) []step
}

// state is what is configured at a target.
type state struct {
	target ports.Target
	// bound are the certificates that are configured there. There is more than one only
	// after an interrupted change, the new one last.
	bound   []ref
	chain   [][]byte // of the first, if the service tells it
	hosts   []string // served there; none for a default certificate
	address string   // host:port that the service tells; "" for that of the host
	port    string   // "" means 443
	busy    bool     // an earlier change is still under way
	// For the steps:
	listener, extension string
	others              []wafCertificate
}

// now is the certificate that counts as configured, or none.
func (s *state) now() ref {
	if len(s.bound) == 0 {
		return ref{}
	}
	return s.bound[0]
}

// step is a call that changes something.
type step struct {
	service, action, subject string
	run                      func(ctx context.Context) error
}

// Services lists the services by their names in the settings.
func Services() []string { return []string{"slb", "cdn", "scdn", "dcdn", "waf", "alb", "nlb"} }

// Open makes the driver of a product. It calls nothing.
func Open(opt Options) (*Driver, error) {
	for _, p := range opt.Settings.Check() {
		return nil, &setting.Error{Setting: p.Setting, Rule: p.Rule, Example: p.Example}
	}
	if opt.Pause == 0 {
		opt.Pause = time.Second / 2
	}
	opt.Regions = slices.Clone(opt.Regions)
	d := &Driver{opt: opt}
	switch opt.Settings.Service {
	case "slb":
		d.service = &slb{d}
	case "alb", "nlb":
		d.service = &balancers{d, opt.Settings.Service}
	case "waf":
		d.service = &waf{Driver: d}
	default:
		d.service = &cdn{d, cdnActions[opt.Settings.Service]}
	}
	return d, nil
}

// lock waits until nothing else changes a target's listener, and returns what frees it.
func (d *Driver) lock(p ports.Target) (free func()) {
	listener, _, _ := strings.Cut(p.Name, "/")
	m, _ := d.changes.LoadOrStore(p.Region+"/"+listener, &sync.Mutex{})
	m.(*sync.Mutex).Lock()
	return m.(*sync.Mutex).Unlock
}

// Regions lists the configured regions.
func (d *Driver) Regions() []string { return slices.Clone(d.opt.Regions) }

// CreatesResources returns false: domains and listeners are made in the cloud.
func (d *Driver) CreatesResources() bool { return false }

func (d *Driver) checkRegion(region string) error {
	if slices.Contains(d.opt.Regions, region) {
		return nil
	}
	return &ports.PermanentError{
		Err: model.Fail("edge.no-region", "product", d.opt.Product, "region", region, "regions", d.opt.Regions).
			Wrapping(ports.ErrNoResource),
	}
}

// look reads what is configured at a target of a configured region.
func (d *Driver) look(ctx context.Context, p ports.Target) (*state, error) {
	if err := d.checkRegion(p.Region); err != nil {
		return nil, err
	}
	return d.service.look(ctx, p)
}

// settled is [Driver.look] once no earlier change is under way, such as one that a process
// began that is no longer there.
func (d *Driver) settled(ctx context.Context, p ports.Target) (*state, error) {
	for attempt := 1; ; attempt++ {
		s, err := d.look(ctx, p)
		if err != nil || !s.busy {
			return s, err
		}
		if attempt == maxSettling {
			return nil, &ports.RetryAfterError{Err: model.Fail("aliyun.under-way", "name", p.Name, "region", p.Region), After: busyPause}
		}
		if err := d.pause(ctx, min(attempt, attempts)); err != nil {
			return nil, err
		}
	}
}

// maxSettling is how often a target is looked at while it changes: for three minutes.
const maxSettling = 48

// Discover lists the domains or listeners with TLS of a region.
func (d *Driver) Discover(ctx context.Context, region string) ([]ports.Target, error) {
	if err := d.checkRegion(region); err != nil {
		return nil, err
	}
	found, err := d.service.list(ctx, region)
	if err != nil {
		return nil, err
	}
	slices.Sort(found)
	var all []ports.Target
	for _, name := range slices.Compact(found) {
		all = append(all, ports.Target{Region: region, Name: name})
	}
	return all, nil
}

// Hosts returns the names that a target serves; none for the default certificate of a
// listener. Only for additional certificates of ALB, NLB and WAF the service is asked: they
// may serve more names than the target is named after.
func (d *Driver) Hosts(ctx context.Context, p ports.Target) ([]string, error) {
	if err := d.checkRegion(p.Region); err != nil {
		return nil, err
	}
	_, _, host, listener := splitListener(p.Name)
	switch {
	case !listener:
		return []string{domainHost(p.Name)}, nil
	case host == "":
		return nil, nil
	case d.opt.Settings.Service == "slb":
		return []string{host}, nil
	}
	s, err := d.look(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.hosts, nil
}

// domainHost is the host name of a domain. A leading dot means a wildcard.
func domainHost(name string) string {
	if strings.HasPrefix(name, ".") {
		return "*" + name
	}
	return name
}

// Current returns what is configured at a target. The fingerprint of a certificate whose
// leaf the cloud does not tell is its ID there.
func (d *Driver) Current(ctx context.Context, p ports.Target) (ports.Binding, error) {
	s, err := d.look(ctx, p)
	if err != nil {
		return ports.Binding{}, err
	}
	rec, err := d.record(p)
	if err != nil {
		return ports.Binding{}, err
	}
	now := s.now()
	if len(s.bound) > 1 && rec.Deployed != nil && rec.Deployed.same(now) {
		now = s.bound[1] // which is still to be taken off
	}
	if rec.Deployed != nil && rec.Deployed.same(now) {
		now.Fingerprint = rec.Deployed.Fingerprint
	}
	if now.Fingerprint == "" && !now.none() {
		now.Fingerprint = "id:" + now.ID + now.Name
	}
	return d.binding(s, now.Fingerprint), nil
}

func (d *Driver) binding(s *state, fingerprint string) ports.Binding {
	b := ports.Binding{Fingerprint: fingerprint, Address: d.address(s)}
	if len(s.hosts) > 0 {
		b.SNI = probeName(s.hosts[0])
	}
	if b.Address == "" {
		b.ListenErr = permanent("aliyun.no-address", "name", s.target.Name)
	}
	return b
}

// address is where a handshake is done: as the settings say, else where the service says,
// else at the host itself (spec D3).
func (d *Driver) address(s *state) string {
	port := s.port
	if port == "" {
		port = "443"
	}
	switch {
	case d.opt.Settings.Address != "":
		address, _ := splitAddress(d.opt.Settings.Address, port)
		return address
	case s.address != "":
		return s.address
	case len(s.hosts) > 0:
		return net.JoinHostPort(probeName(s.hosts[0]), port)
	}
	return ""
}

// probeName is a host name that a name of a certificate covers.
func probeName(name string) string {
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		return "www." + rest
	}
	return name
}

// ready checks a pair and reads the target for it.
func (d *Driver) ready(ctx context.Context, p ports.Target, pair ports.KeyPair) (*state, *x509.Certificate, error) {
	leaf, err := bundle.CheckPair(pair.Chain, pair.Key, pair.Fingerprint)
	if err != nil {
		return nil, nil, permanent("aliyun.refuses", "why", err)
	}
	s, err := d.fits(ctx, p, leaf)
	return s, leaf, err
}

// fits reads a target and checks that a certificate may be configured there.
func (d *Driver) fits(ctx context.Context, p ports.Target, leaf *x509.Certificate) (*state, error) {
	s, err := d.settled(ctx, p)
	if err != nil {
		return nil, err
	}
	covered := bundle.Names(leaf)
	for _, host := range s.hosts {
		if !slices.Contains(covered, host) && !names.Covers(covered, host) {
			return nil, permanent("aliyun.refuses", "why", model.Say("edge.wrong-name", "name", host))
		}
	}
	if d.address(s) == "" {
		return nil, permanent("aliyun.no-address", "name", p.Name)
	}
	return s, nil
}

// presents reports whether the pair is configured already.
func (s *state) presents(pair ports.KeyPair) bool {
	if s.now().Fingerprint != pair.Fingerprint {
		return false
	}
	return s.chain == nil || slices.EqualFunc(s.chain, pair.Chain, bytes.Equal)
}

// Deploy uploads the pair, unless the certificate service has it, and configures it.
func (d *Driver) Deploy(ctx context.Context, p ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	defer d.lock(p)()
	s, leaf, err := d.ready(ctx, p, pair)
	if err != nil {
		return ports.Binding{}, err
	}
	want := s.now()
	if !s.presents(pair) {
		if want, err = d.prepare(ctx, s, pair, leaf); err != nil {
			return ports.Binding{}, err
		}
	}
	if err := d.configure(ctx, s, want); err != nil {
		return ports.Binding{}, err
	}
	return d.binding(s, pair.Fingerprint), nil
}

// prepare uploads a pair and keeps what is configured before it.
func (d *Driver) prepare(ctx context.Context, s *state, pair ports.KeyPair, leaf *x509.Certificate) (ref, error) {
	now, err := d.service.restorable(ctx, s)
	if err != nil {
		return ref{}, err
	}
	c, err := d.upload(ctx, pair, leaf)
	if err != nil {
		return ref{}, err
	}
	want, err := d.service.refer(ctx, s.target.Region, c, true)
	if err != nil || want.same(now) {
		return want, err
	}
	want.Fingerprint, want.Chain = pair.Fingerprint, pair.Chain
	rec, err := d.record(s.target)
	if err != nil {
		return ref{}, err
	}
	again := rec.First && rec.Former != nil && rec.Former.same(now) // after an interruption
	if rec.Before == nil || rec.Gone {
		rec, again = record{Before: &now}, true
	}
	if rec.Deployed != nil && rec.Deployed.same(now) {
		now.Fingerprint, now.Chain = rec.Deployed.Fingerprint, rec.Deployed.Chain
	}
	rec.First, rec.Former, rec.Deployed = again, &now, &want
	return want, d.keep(ctx, s.target, rec)
}

// configure makes a target present what is wanted. A call that is refused because an earlier
// one with a lost reply had done it is no failure.
func (d *Driver) configure(ctx context.Context, s *state, want ref) error {
	steps := d.service.steps(s, want)
	for len(steps) > 0 {
		err := steps[0].run(ctx)
		if err == nil {
			steps = steps[1:]
			continue
		}
		again, errLook := d.settled(ctx, s.target)
		if errLook != nil {
			return err
		}
		left := d.service.steps(again, want)
		if len(left) >= len(steps) {
			return err
		}
		steps = left
	}
	return nil
}

// Rollback configures again what was there before the last Deploy that was not committed.
func (d *Driver) Rollback(ctx context.Context, p ports.Target) error {
	defer d.lock(p)()
	if err := d.checkRegion(p.Region); err != nil {
		return err
	}
	rec, err := d.record(p)
	if err != nil || rec.Former == nil {
		return err
	}
	s, err := d.settled(ctx, p)
	if err == nil {
		err = d.configure(ctx, s, *rec.Former)
	}
	if err != nil && !errors.Is(err, ports.ErrNoResource) { // what is gone has nothing to restore
		return err
	}
	if rec.First {
		return d.keep(ctx, p, record{})
	}
	rec.Deployed, rec.Former = rec.Former, nil
	return d.keep(ctx, p, rec)
}

// Commit forgets what was there before the last Deploy. What was there before certquay is
// kept for Undeploy.
func (d *Driver) Commit(ctx context.Context, p ports.Target) error {
	defer d.lock(p)()
	if err := d.checkRegion(p.Region); err != nil {
		return err
	}
	rec, err := d.record(p)
	if err != nil || rec.Former == nil {
		return err
	}
	rec.Former, rec.First = nil, false
	return d.keep(ctx, p, rec)
}

// Undeploy configures again what was there before certquay. It is refused if that is not
// known (spec D8).
func (d *Driver) Undeploy(ctx context.Context, p ports.Target) error {
	defer d.lock(p)()
	s, err := d.settled(ctx, p)
	if err != nil {
		return err
	}
	rec, err := d.record(p)
	if err != nil {
		return err
	}
	if rec.Before == nil {
		return permanent("aliyun.no-former", "name", p.Name)
	}
	if rec.Gone {
		if len(d.service.steps(s, *rec.Before)) > 0 { // changed by others since
			return permanent("aliyun.no-former", "name", p.Name)
		}
		return nil
	}
	if err := d.configure(ctx, s, *rec.Before); err != nil {
		return err
	}
	return d.keep(ctx, p, record{Before: rec.Before, Gone: true})
}
