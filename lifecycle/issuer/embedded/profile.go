package embedded

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"

	"certquay/lifecycle/bundle"
	"certquay/model"
)

var errSignature = errors.New("the signature is not valid")

var (
	oidSubjectKeyID = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidAltNames     = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// profileKey is what the extensions of leaves depend on, apart from key and names.
type profileKey struct {
	level model.Level
	base  string // of the addresses
	usage x509.KeyUsage
}

// profile is what the leaves of one CA have in common. It is taken from the first, which
// crypto/x509 makes. The next ones differ in serial, dates, subject, key and names only, and
// are written with these parts in a fraction of the time.
type profile struct {
	algorithm  []byte            // AlgorithmIdentifier of the signature
	extensions []sharedExtension // in the order of crypto/x509
}

// sharedExtension is an extension in DER, or one that each leaf has of its own.
type sharedExtension struct {
	id  asn1.ObjectIdentifier
	der []byte // nil for the subject key identifier and the alternative names
}

// newProfile takes the profile of a leaf that crypto/x509 has made.
func newProfile(leaf []byte) (*profile, error) {
	c, err := x509.ParseCertificate(leaf)
	if err != nil {
		return nil, err
	}
	p := &profile{}
	var outer, tbs cryptobyte.String
	in := cryptobyte.String(leaf)
	if !in.ReadASN1(&outer, der.SEQUENCE) || !outer.SkipASN1(der.SEQUENCE) || !outer.ReadASN1Element(&tbs, der.SEQUENCE) {
		return nil, errSignature
	}
	p.algorithm = bytes.Clone(tbs)
	for _, x := range c.Extensions {
		s := sharedExtension{id: x.Id}
		if !x.Id.Equal(oidSubjectKeyID) && !x.Id.Equal(oidAltNames) {
			if s.der, err = asn1.Marshal(x); err != nil {
				return nil, err
			}
		}
		p.extensions = append(p.extensions, s)
	}
	return p, nil
}

// leafDER signs a leaf, by the profile of earlier ones if there is one.
func (a *authority) leafDER(k profileKey, t *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	own, ok := key.(*ecdsa.PrivateKey)
	if !ok || own.Curve != elliptic.P256() {
		return createCertificate(t, a.cert, public, key)
	}
	if p, ok := a.profiles.Load(k); ok {
		return p.(*profile).sign(t, a.cert, public, own)
	}
	leaf, err := createCertificate(t, a.cert, public, key)
	if err != nil {
		return nil, err
	}
	p, err := newProfile(leaf)
	if err == nil {
		a.profiles.Store(k, p)
	}
	return leaf, err
}

// sign is [x509.CreateCertificate] for a template that differs from that of the profile
// only in serial, dates, subject, key and names.
func (p *profile) sign(t, ca *x509.Certificate, public crypto.PublicKey, key *ecdsa.PrivateKey) ([]byte, error) {
	subject, err := asn1.Marshal(t.Subject.ToRDNSequence())
	if err != nil {
		return nil, err
	}
	spki, err := bundle.MarshalPublicKey(public)
	if err != nil {
		return nil, err
	}
	tbs := cryptobyte.NewBuilder(make([]byte, 0, 1024))
	tbs.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(der.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
		b.AddASN1BigInt(t.SerialNumber)
		b.AddBytes(p.algorithm)
		b.AddBytes(ca.RawSubject)
		b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
			addTime(b, t.NotBefore)
			addTime(b, t.NotAfter)
		})
		b.AddBytes(subject)
		b.AddBytes(spki)
		b.AddASN1(der.Tag(3).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
			b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) { p.addExtensions(b, t) })
		})
	})
	signed, err := tbs.Bytes()
	if err != nil {
		return nil, model.Fail("ca.cannot-sign", "cause", err)
	}
	hash := sha256.Sum256(signed)
	signature, err := ecdsa.SignASN1(rand.Reader, key, hash[:])
	if err != nil {
		return nil, model.Fail("ca.cannot-sign", "cause", err)
	}
	if !ecdsa.VerifyASN1(&key.PublicKey, hash[:], signature) {
		return nil, model.Fail("ca.cannot-sign", "cause", errSignature)
	}
	out := cryptobyte.NewBuilder(make([]byte, 0, len(signed)+128))
	out.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(signed)
		b.AddBytes(p.algorithm)
		b.AddASN1BitString(signature)
	})
	return out.Bytes()
}

func (p *profile) addExtensions(b *cryptobyte.Builder, t *x509.Certificate) {
	for _, x := range p.extensions {
		switch {
		case x.der != nil:
			b.AddBytes(x.der)
		case x.id.Equal(oidSubjectKeyID):
			addExtension(b, x.id, false, func(b *cryptobyte.Builder) { b.AddASN1OctetString(t.SubjectKeyId) })
		default:
			addExtension(b, x.id, isEmpty(t.Subject), func(b *cryptobyte.Builder) { addNames(b, t) })
		}
	}
}

// isEmpty reports whether a subject has no attribute. Then the alternative names are
// critical (RFC 5280 section 4.2.1.6).
func isEmpty(n pkix.Name) bool { return len(n.ToRDNSequence()) == 0 }

func addExtension(b *cryptobyte.Builder, id asn1.ObjectIdentifier, critical bool, value func(*cryptobyte.Builder)) {
	b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		if critical {
			b.AddASN1Boolean(true)
		}
		b.AddASN1(der.OCTET_STRING, value)
	})
}

// addNames writes the alternative names: DNS names, then addresses.
func addNames(b *cryptobyte.Builder, t *x509.Certificate) {
	b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, name := range t.DNSNames {
			b.AddASN1(der.Tag(2).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
		}
		for _, ip := range t.IPAddresses {
			if v4 := ip.To4(); v4 != nil {
				ip = v4
			}
			b.AddASN1(der.Tag(7).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(ip) })
		}
	})
}

// addTime writes a time as RFC 5280 section 4.1.2.5 wants it.
func addTime(b *cryptobyte.Builder, at time.Time) {
	if at = at.UTC(); at.Year() >= 1950 && at.Year() < 2050 {
		b.AddASN1UTCTime(at)
	} else {
		b.AddASN1GeneralizedTime(at)
	}
}
