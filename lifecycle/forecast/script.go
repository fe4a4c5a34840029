package forecast

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"certquay/lifecycle"
	"certquay/model"
)

// issuer stands for a configured one: it can do what that can do, says yes at
// once, and asks nobody.
type issuer struct {
	now  func() time.Time
	can  func(time.Time) lifecycle.Capabilities
	made int64
}

var _ lifecycle.Issuer = (*issuer)(nil)

// Capabilities are those of the configured issuer, under the policy.
func (i *issuer) Capabilities(now time.Time) lifecycle.Capabilities { return i.can(now) }

// Order gives the certificate at once; where proof of control is asked for, a
// person is given the record and the next look finds it.
func (i *issuer) Order(ctx context.Context, r lifecycle.CertificateRequest) (lifecycle.Order, error) {
	if !i.can(i.now()).Proof {
		return i.Finalize(ctx, r.Key, r)
	}
	o := lifecycle.Order{Ref: r.Key, Status: lifecycle.OrderPending, Waiting: "proof of control"}
	for _, n := range r.Names {
		o.Proofs = append(o.Proofs, model.Proof{Domain: n, Method: "dns", Name: "_acme-challenge." + n})
	}
	return o, nil
}

// Fetch finds every order ready.
func (i *issuer) Fetch(_ context.Context, _, key string) (lifecycle.Order, error) {
	return lifecycle.Order{Ref: key, Status: lifecycle.OrderReady}, nil
}

// Finalize makes what looks like the certificate asked for.
func (i *issuer) Finalize(_ context.Context, ref string, r lifecycle.CertificateRequest) (lifecycle.Order, error) {
	i.made++
	now := i.now().Truncate(time.Second)
	end := r.NotAfter
	if most := i.can(now).MaxValidity; most > 0 && now.Add(most-time.Second).Before(end) {
		end = now.Add(most - time.Second)
	}
	public, err := x509.MarshalPKIXPublicKey(r.Public)
	if err != nil {
		return lifecycle.Order{}, fmt.Errorf("encode the public key: %w", err)
	}
	der, err := certificate(i.made, r.Names, now, end, public)
	return lifecycle.Order{Ref: ref, Status: lifecycle.OrderValid, Chain: [][]byte{der}}, err
}

// Revoke does nothing: nobody revokes in a forecast.
func (i *issuer) Revoke(context.Context, *x509.Certificate, string) error { return nil }

// Revoked says no.
func (i *issuer) Revoked(context.Context, *x509.Certificate) (time.Time, string, error) {
	return time.Time{}, "", nil
}

// certificate is the DER of an X.509 certificate (RFC 5280 section 4.1) with an
// empty signature. Nobody trusts or presents it; the engine reads names, key
// and validity. A real signature would be most of a forecast's time.
func certificate(serial int64, names []string, from, to time.Time, spki []byte) ([]byte, error) {
	if len(names) == 0 {
		return nil, errors.New("no names")
	}
	name := func(b *cryptobyte.Builder, cn string) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if len(cn) > 64 { // RFC 5280 appendix A, ub-common-name
				return
			}
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier([]int{2, 5, 4, 3})
					b.AddASN1(asn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(cn)) })
				})
			})
		})
	}
	algorithm := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier([]int{1, 2, 840, 10045, 4, 3, 2}) // ecdsa-with-SHA256
		})
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
			b.AddASN1BigInt(big.NewInt(serial))
			algorithm(b)
			name(b, "forecast")
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addTime(b, from)
				addTime(b, to)
			})
			name(b, names[0])
			b.AddBytes(spki)
			b.AddASN1(asn1.Tag(3).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier([]int{2, 5, 29, 17})
						b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) {
							b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
								for _, n := range names {
									if ip := net.ParseIP(n); ip != nil {
										if v4 := ip.To4(); v4 != nil {
											ip = v4
										}
										b.AddASN1(asn1.Tag(7).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(ip) })
										continue
									}
									b.AddASN1(asn1.Tag(2).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(n)) })
								}
							})
						})
					})
				})
			})
		})
		algorithm(b)
		b.AddASN1BitString(nil)
	})
	return b.Bytes()
}

// addTime writes a time as RFC 5280 section 4.1.2.5 wants it.
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

// key makes the key that stands for every key of a forecast.
func key() (*model.Key, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(k.Public())
	return &model.Key{Type: model.ECDSAP256, Public: public, PKCS8: model.NewSecret(private)}, err
}

// products stands for every product and every server behind them: what is
// deployed is presented.
type products struct {
	there map[lifecycle.Place]lifecycle.Pair
}

// product is one product of the configuration.
type product struct {
	all     *products
	name    string
	regions []string
}

var (
	_ lifecycle.Product = (*product)(nil)
	_ lifecycle.Prober  = (*products)(nil)
)

func (p *product) Regions() []string      { return p.regions }
func (p *product) CreatesResources() bool { return true }

func (p *product) Discover(context.Context, string) ([]lifecycle.Place, error) { return nil, nil }

// at is the place among those of all products.
func (p *product) at(pl lifecycle.Place) lifecycle.Place {
	pl.Region = p.name + "\x00" + pl.Region
	return pl
}

func (p *product) Present(_ context.Context, pl lifecycle.Place) (lifecycle.Binding, error) {
	at := p.at(pl)
	return lifecycle.Binding{Fingerprint: p.all.there[at].Fingerprint, Address: at.Region, SNI: at.Name}, nil
}

func (p *product) Deploy(ctx context.Context, pl lifecycle.Place, pair lifecycle.Pair) (lifecycle.Binding, error) {
	p.all.there[p.at(pl)] = pair
	return p.Present(ctx, pl)
}

func (p *product) Restore(context.Context, lifecycle.Place) error  { return nil }
func (p *product) Keep(context.Context, lifecycle.Place) error     { return nil }
func (p *product) Undeploy(context.Context, lifecycle.Place) error { return nil }

// Probe presents what was deployed.
func (p *products) Probe(_ context.Context, address, sni string) ([][]byte, net.Addr, error) {
	pair, ok := p.there[lifecycle.Place{Region: address, Name: sni}]
	if !ok {
		return nil, nil, errors.New("nothing is deployed there")
	}
	return pair.Chain, nil, nil
}
