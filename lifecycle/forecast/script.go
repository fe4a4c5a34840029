package forecast

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// issuer stands in for a configured one: it has its capabilities, keeps to its rate
// limits and issues at once.
type issuer struct {
	budget *budget.Budget
	now    func() time.Time
	can    func(time.Time) rules.Capabilities
	made   int64
	public crypto.PublicKey // of the previous certificate, with its encoding
	spki   []byte
}

var _ ports.Issuer = (*issuer)(nil)

// Capabilities returns those of the configured issuer, under the policy.
func (i *issuer) Capabilities(now time.Time) rules.Capabilities { return i.can(now) }

// Order issues at once, unless a rate limit is used up. If the issuer requires proof of control it returns the
// records to create, and the next Fetch finds them.
func (i *issuer) Order(ctx context.Context, r ports.CertificateRequest) (ports.Order, error) {
	if err := i.budget.Reserve(ctx, budget.Order{
		Names: r.Names, Renews: len(r.Replaces) > 0, Replaces: len(r.Replaces) > 0, Key: r.Key, NeededBy: r.NeededBy, Urgent: r.Urgent,
	}); err != nil {
		return ports.Order{}, err
	}
	if i.can(i.now()).Proof == "" {
		return i.Finalize(ctx, r.Key, r)
	}
	o := ports.Order{Ref: r.Key, Status: ports.OrderPending, WaitFor: model.Say("issue.proof")}
	for _, n := range r.Names {
		o.Proofs = append(o.Proofs, model.Proof{Domain: n, Method: "dns", Name: "_acme-challenge." + n})
	}
	return o, nil
}

// Fetch returns every order that was made as ready.
func (i *issuer) Fetch(_ context.Context, ref, key string) (ports.Order, error) {
	if ref == "" {
		return ports.Order{}, ports.ErrUnknownOrder
	}
	return ports.Order{Ref: key, Status: ports.OrderReady}, nil
}

// Finalize returns a stand-in for the requested certificate.
func (i *issuer) Finalize(_ context.Context, ref string, r ports.CertificateRequest) (ports.Order, error) {
	i.made++
	from, to := i.validity(i.now(), r.NotAfter)
	if i.spki == nil || !bundle.SamePublic(r.Public, i.public) {
		spki, err := x509.MarshalPKIXPublicKey(r.Public)
		if err != nil {
			return ports.Order{}, model.Fail("key.encode-public", "cause", err)
		}
		i.public, i.spki = r.Public, spki
	}
	der, err := certificate(i.made, r.Names, from, to, i.spki)
	return ports.Order{Ref: ref, Status: ports.OrderValid, Chain: [][]byte{der}}, err
}

// validity returns the validity of a certificate that is requested until a time; both ends
// are whole seconds, as in a certificate.
func (i *issuer) validity(now, notAfter time.Time) (from, to time.Time) {
	from = now.Truncate(time.Second)
	if most := i.can(from).MaxValidity; most > 0 && from.Add(most-time.Second).Before(notAfter) {
		notAfter = from.Add(most - time.Second)
	}
	return from.UTC(), notAfter.Truncate(time.Second).UTC()
}

// Revoke does nothing: a forecast does not revoke.
func (i *issuer) Revoke(context.Context, *x509.Certificate, string) error { return nil }

// Revoked returns that nothing is revoked.
func (i *issuer) Revoked(context.Context, *x509.Certificate) (time.Time, string, error) {
	return time.Time{}, "", nil
}

// standInKey makes the key that replaces every key of a forecast: one that is
// cheap to encode and to read.
func standInKey() (*model.Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, model.Fail("key.make", "cause", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, model.Fail("key.make", "cause", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	return &model.Key{Type: model.ECDSAP256, Public: spki, PKCS8: model.NewSecret(secret)}, err
}

// products stands in for all products and servers: what is deployed is presented.
type products struct {
	deployed map[ports.Target]ports.KeyPair
}

// product stands in for one configured product.
type product struct {
	all     *products
	name    string
	regions []string
}

var (
	_ ports.Product = (*product)(nil)
	_ ports.Prober  = (*products)(nil)
)

func (p *product) Regions() []string      { return p.regions }
func (p *product) CreatesResources() bool { return true }

func (p *product) Discover(context.Context, string) ([]ports.Target, error) { return nil, nil }

// at returns the target as a key that is unique among all products.
func (p *product) at(pl ports.Target) ports.Target {
	pl.Region = p.name + "\x00" + pl.Region
	return pl
}

func (p *product) Current(_ context.Context, pl ports.Target) (ports.Binding, error) {
	at := p.at(pl)
	return ports.Binding{Fingerprint: p.all.deployed[at].Fingerprint, Address: at.Region, SNI: at.Name}, nil
}

func (p *product) Deploy(ctx context.Context, pl ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	p.all.deployed[p.at(pl)] = pair
	return p.Current(ctx, pl)
}

func (p *product) Rollback(context.Context, ports.Target) error { return nil }
func (p *product) Commit(context.Context, ports.Target) error   { return nil }
func (p *product) Undeploy(context.Context, ports.Target) error { return nil }

// Probe presents what was deployed.
func (p *products) Probe(_ context.Context, address, sni string) ([][]byte, net.Addr, error) {
	pair, ok := p.deployed[ports.Target{Region: address, Name: sni}]
	if !ok {
		return nil, nil, errors.New("nothing is deployed there")
	}
	return pair.Chain, nil, nil
}
