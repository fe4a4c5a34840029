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

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// issuer stands for a configured one: it can do what that can do, says yes at
// once, and asks nobody.
type issuer struct {
	now    func() time.Time
	can    func(time.Time) rules.Capabilities
	made   int64
	public crypto.PublicKey // of the last certificate, and its encoding
	spki   []byte
}

var _ ports.Issuer = (*issuer)(nil)

// Capabilities are those of the configured issuer, under the policy.
func (i *issuer) Capabilities(now time.Time) rules.Capabilities { return i.can(now) }

// Order gives the certificate at once; where proof of control is asked for, a
// person is given the record and the next look finds it.
func (i *issuer) Order(ctx context.Context, r ports.CertificateRequest) (ports.Order, error) {
	if !i.can(i.now()).Proof {
		return i.Finalize(ctx, r.Key, r)
	}
	o := ports.Order{Ref: r.Key, Status: ports.OrderPending, WaitFor: model.Say("issue.proof")}
	for _, n := range r.Names {
		o.Proofs = append(o.Proofs, model.Proof{Domain: n, Method: "dns", Name: "_acme-challenge." + n})
	}
	return o, nil
}

// Fetch finds every order ready.
func (i *issuer) Fetch(_ context.Context, _, key string) (ports.Order, error) {
	return ports.Order{Ref: key, Status: ports.OrderReady}, nil
}

// Finalize makes what looks like the certificate asked for.
func (i *issuer) Finalize(_ context.Context, ref string, r ports.CertificateRequest) (ports.Order, error) {
	i.made++
	now := i.now().Truncate(time.Second)
	end := r.NotAfter
	if most := i.can(now).MaxValidity; most > 0 && now.Add(most-time.Second).Before(end) {
		end = now.Add(most - time.Second)
	}
	if i.spki == nil || !bundle.SamePublic(r.Public, i.public) {
		spki, err := x509.MarshalPKIXPublicKey(r.Public)
		if err != nil {
			return ports.Order{}, model.Fail("key.encode-public", "cause", err)
		}
		i.public, i.spki = r.Public, spki
	}
	der, err := certificate(i.made, r.Names, now, end, i.spki)
	return ports.Order{Ref: ref, Status: ports.OrderValid, Chain: [][]byte{der}}, err
}

// Revoke does nothing: nobody revokes in a forecast.
func (i *issuer) Revoke(context.Context, *x509.Certificate, string) error { return nil }

// Revoked says no.
func (i *issuer) Revoked(context.Context, *x509.Certificate) (time.Time, string, error) {
	return time.Time{}, "", nil
}

// key makes the key that stands for every key of a forecast: one that costs
// little to encode and to read.
func key() (*model.Key, error) {
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

// products stands for every product and every server behind them: what is
// deployed is presented.
type products struct {
	deployed map[ports.Target]ports.KeyPair
}

// product is one product of the configuration.
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

// at is the place among those of all products.
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
