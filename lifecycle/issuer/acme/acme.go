// Package acme is the issuer behind an account at any certificate authority that
// speaks ACME (RFC 8555), with external account binding, profiles, renewal information
// (RFC 9773) and IP names (RFC 8738).
//
// It drives the orders of github.com/go-acme/lego step by step: what a step sends is
// stored before, so that another process goes on at every step, and after a lost answer
// the CA is asked what became of it. It keeps its records as cells in the space "acme":
//
//	NAME/account/HASH   the account at a directory, with its key
//	NAME/rollover/HASH  the key that is to replace it, while that is under way
//	NAME/order/REF      an order that is under way, by a hash of its idempotency key
//	NAME/done/REF       one that has ended
//	NAME/ended/DAY/REF  when it ended, to remove it later
//	NAME/left/HASH      a proof that could not be removed
//	NAME/problem/HASH   why the last call failed, until one succeeds
package acme

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Kind is the name of this kind of issuer in the configuration.
const Kind = "acme"

// Options configures an issuer. Name, Directory and Challenges are required.
type Options struct {
	// Name is the issuer's, which its records are kept under.
	Name string
	// Directory is an https URL or the short name of one of [Directories].
	Directory string
	Email     string
	// AgreeTerms is consent to the CA's terms of service (spec C2).
	AgreeTerms bool
	// EABKeyID and EABMAC bind the account to one that was made elsewhere (RFC 8555
	// section 7.3.4). The MAC is base64 as CAs hand it out.
	EABKeyID string
	EABMAC   func() (model.Secret, error)
	Profile  string
	// PreferredChain is the common name of the issuer of a chain's last certificate.
	PreferredChain string
	// Public says that browsers trust the CA, which limits validities (spec I8).
	Public bool
	// Validity is how long its certificates are valid; 0 if that is not known.
	Validity time.Duration
	// SendNotAfter asks for the end of certificates, which many CAs refuse.
	SendNotAfter bool
	// IPNames says that it issues for IP addresses.
	IPNames bool
	// Roots are trusted for the connection to the CA; nil for those of the system.
	Roots *x509.CertPool
	// ChainRoots are the roots that issued chains must end at; nil for any.
	ChainRoots *x509.CertPool
	// Challenges show control of names.
	Challenges challenge.Set
	// Resolver and Dial are by what a preflight looks, as the CA does; nil for those of the
	// system. Preflight has names looked up before an order is made (spec C6).
	Resolver  *dns.Resolver
	Dial      challenge.DialFunc
	Preflight bool

	Now func() time.Time // nil means time.Now
	// Sleep pauses within a call; nil means by a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Patience bounds how long one call waits for the CA or a proof; 0 means
	// [DefaultPatience].
	Patience time.Duration
	// RequestTimeout bounds one request with its answer; 0 means
	// [DefaultRequestTimeout].
	RequestTimeout time.Duration
	// LookTimeout is how long a proof that was presented is looked for before the CA is
	// asked all the same; 0 means [DefaultLookTimeout] for records and
	// [DefaultPortTimeout] for others.
	LookTimeout time.Duration
	// PersistUntil is until when records of dns-persist-01 hold; zero means for ever.
	PersistUntil time.Time
	// Limits are the rate limits of the CA (spec C7). ReplacesFree says that orders which
	// name the certificate that they replace are not counted.
	Limits       []budget.Limit
	ReplacesFree bool
	// Observe is told of each request; nil for nobody. It must be quick.
	Observe func(Request)
	// Transport replaces the connection to the CA, in tests.
	Transport http.RoundTripper
}

// Bounds unless [Options] say otherwise.
const (
	DefaultPatience    = 15 * time.Second
	DefaultLookTimeout = 10 * time.Minute
	DefaultPortTimeout = time.Minute
)

// Issuer is the account at a CA as a [ports.Issuer]. It is safe for concurrent use by
// one process.
type Issuer struct {
	store        ports.Store
	opt          Options
	directory    string
	roundTripper http.RoundTripper
	orders       locks
	shown        sync.Map // URLs of authorizations whose proofs this process has presented

	accountMu sync.Mutex // one registration or rollover at a time
	mu        sync.Mutex // guards the fields below
	dir       *directory
	core      *client
}

var (
	_ ports.Issuer         = (*Issuer)(nil)
	_ ports.Canceller      = (*Issuer)(nil)
	_ ports.KeyRevoker     = (*Issuer)(nil)
	_ ports.RenewalAdviser = (*Issuer)(nil)
	_ ports.Pruner         = (*Issuer)(nil)
)

// New returns the issuer over a store. It connects to the CA, and makes an account,
// when it is first used.
func New(store ports.Store, opt Options) (*Issuer, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Sleep == nil {
		opt.Sleep = sleep
	}
	if opt.Patience == 0 {
		opt.Patience = DefaultPatience
	}
	if opt.RequestTimeout == 0 {
		opt.RequestTimeout = DefaultRequestTimeout
	}
	if opt.Resolver == nil {
		opt.Resolver = dns.NewResolver(nil, nil)
	}
	i := &Issuer{store: store, opt: opt, directory: directoryURL(opt.Directory)}
	if i.directory == "" {
		return nil, model.Fail("acme.no-ca", "directory", opt.Directory)
	}
	if d, known := FindDirectory(i.directory); known {
		i.opt.Public = d.Public
		if i.opt.Validity == 0 {
			i.opt.Validity = d.Validity
			if v := d.Profiles[opt.Profile]; v > 0 {
				i.opt.Validity = v
			}
		}
		i.opt.IPNames = i.opt.IPNames || slices.Contains(d.IPNames, opt.Profile)
	}
	i.roundTripper = i.base()
	return i, nil
}

func (i *Issuer) now() time.Time { return i.opt.Now() }

// host is the name of the CA's server, for messages.
func (i *Issuer) host() string {
	u, err := url.Parse(i.directory)
	if err != nil {
		return i.directory // cannot happen: it was parsed before
	}
	return u.Host
}

// Capabilities are those of DV certificates without a price (spec C11).
func (i *Issuer) Capabilities(time.Time) rules.Capabilities {
	c := rules.Capabilities{
		Levels: []model.Level{model.DV}, Types: slices.Clone(model.DomainTypes), Grades: []model.Grade{model.Free},
		IPNames: i.opt.IPNames, Revocation: true, Challenges: true, Public: i.opt.Public, MaxValidity: i.opt.Validity,
	}
	for _, e := range i.opt.Challenges.Entries {
		if e.Manual() {
			c.Proof = proofDNS
		}
	}
	return c
}

// ProofsUntil implements [ports.LastingProver].
func (i *Issuer) ProofsUntil() time.Time {
	if slices.ContainsFunc(i.opt.Challenges.Entries, func(e challenge.Entry) bool { return e.Type == challenge.DNSPersist01 }) {
		return i.opt.PersistUntil
	}
	return time.Time{}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// locks are mutexes by name.
type locks struct {
	mu sync.Mutex
	m  map[string]*namedLock
}

type namedLock struct {
	sync.Mutex
	users int
}

// lock locks a name and returns what unlocks it.
func (l *locks) lock(name string) (unlock func()) {
	l.mu.Lock()
	if l.m == nil {
		l.m = map[string]*namedLock{}
	}
	n := l.m[name]
	if n == nil {
		n = &namedLock{}
		l.m[name] = n
	}
	n.users++
	l.mu.Unlock()
	n.Lock()
	return func() {
		n.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if n.users--; n.users == 0 {
			delete(l.m, name)
		}
	}
}
