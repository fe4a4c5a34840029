package product

import (
	"bytes"
	"crypto/x509"
	"errors"
	"strconv"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/model"
)

// Roots is a named set of trusted roots: system, embedded, configured (spec
// D3).
type Roots struct {
	Name string
	Pool *x509.CertPool // nil is an empty one
}

// Problem is what is wrong with a presented chain. The texts are stable.
type Problem string

// Problems, the worst first.
const (
	Unreadable  Problem = "unreadable" // no certificate, or not one X.509 can read
	WrongName   Problem = "wrong-name" // not for the name that was asked for
	Expired     Problem = "expired"    // its last second has passed
	NotYetValid Problem = "not-yet-valid"
	SelfSigned  Problem = "self-signed"
	Incomplete  Problem = "incomplete-chain" // reaches none of the roots for want of an intermediate
	Untrusted   Problem = "untrusted"        // ends at a root that none of the sets has
)

// Finding is a problem with its explanation.
type Finding struct {
	Problem Problem
	Text    model.Text
}

// Verdict is the judgement of a presented chain.
type Verdict struct {
	Leaf        *x509.Certificate // nil when unreadable
	Fingerprint string            // of the leaf; "" when there is none
	TrustedBy   string            // the name of the first set of roots that the chain reaches; "" if none
	Findings    []Finding         // none: a client would accept it
}

// OK says that a client with these roots would accept the chain.
func (v *Verdict) OK() bool { return len(v.Findings) == 0 }

// Has says whether a problem was found.
func (v *Verdict) Has(p Problem) bool {
	for _, f := range v.Findings {
		if f.Problem == p {
			return true
		}
	}
	return false
}

// AsText is what was found, or by which roots the chain verifies.
func (v *Verdict) AsText() model.Text {
	if v.OK() {
		return model.Say("watch-problem.verifies", "roots", v.TrustedBy)
	}
	var all []model.Text
	for _, f := range v.Findings {
		all = append(all, f.Text)
	}
	return model.Texts(all...)
}

// Judge says whether a chain, DER and leaf first as it was presented, verifies
// at a moment for a host against any set of roots, and all that is wrong with
// it. With an empty name any name will do. It uses only the intermediates that
// were presented, as a client that fetches none.
func Judge(chain [][]byte, name string, roots []Roots, now time.Time) Verdict {
	var v Verdict
	add := func(p Problem, code string, args ...any) {
		v.Findings = append(v.Findings, Finding{p, model.Say("watch-problem."+code, args...)})
	}
	if len(chain) == 0 {
		add(Unreadable, "none")
		return v
	}
	v.Fingerprint = bundle.Fingerprint(chain[0])
	certs, bad := parse(chain)
	if bad >= 0 {
		add(Unreadable, "unreadable", "n", bad+1)
	}
	if len(certs) == 0 || bad == 0 {
		return v
	}
	v.Leaf = certs[0]
	if name != "" && !names.Covers(altNames(v.Leaf), name) {
		add(WrongName, "wrong-name", "name", strconv.Quote(name))
	}
	switch {
	case !now.Before(v.Leaf.NotAfter.Add(time.Second)): // spec T2
		add(Expired, "expired", "at", v.Leaf.NotAfter)
	case now.Before(v.Leaf.NotBefore):
		add(NotYetValid, "not-yet-valid", "at", v.Leaf.NotBefore)
	}
	var expired *x509.Certificate
	v.TrustedBy, expired = trust(certs, roots, within(now, v.Leaf))
	last := certs[len(certs)-1]
	switch {
	case v.TrustedBy != "":
	case expired != nil:
		add(Expired, "chain-expired", "at", expired.NotAfter)
	case selfSigned(v.Leaf):
		add(SelfSigned, "self-signed")
	case selfSigned(last):
		add(Untrusted, "untrusted", "root", strconv.Quote(last.Subject.CommonName))
	default:
		add(Incomplete, "incomplete", "last", strconv.Quote(last.Subject.CommonName), "issuer", strconv.Quote(last.Issuer.CommonName))
	}
	return v
}

func parse(chain [][]byte) (certs []*x509.Certificate, bad int) {
	for n, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return certs, n
		}
		certs = append(certs, c)
	}
	return certs, -1
}

// within moves a moment into the leaf's validity, so that trust is judged apart
// from expiry.
func within(now time.Time, leaf *x509.Certificate) time.Time {
	if now.After(leaf.NotAfter) {
		return leaf.NotAfter
	}
	if now.Before(leaf.NotBefore) {
		return leaf.NotBefore
	}
	return now
}

// trust finds the first set of roots that the chain reaches, or else a
// certificate above the leaf that has expired.
func trust(certs []*x509.Certificate, roots []Roots, now time.Time) (by string, expired *x509.Certificate) {
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
		if now.After(c.NotAfter) && expired == nil {
			expired = c
		}
	}
	for _, r := range roots {
		pool := r.Pool
		if pool == nil {
			continue // to Verify nil would mean the system's
		}
		_, err := certs[0].Verify(x509.VerifyOptions{
			Roots:         pool,
			Intermediates: between,
			CurrentTime:   now,
			KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		if err == nil {
			return r.Name, nil
		}
		var invalid x509.CertificateInvalidError
		if errors.As(err, &invalid) && invalid.Reason == x509.Expired && expired == nil {
			expired = invalid.Cert
		}
	}
	return "", expired
}

// altNames are the names clients look at: the common name is not among them
// (RFC 9525 section 2).
func altNames(c *x509.Certificate) []string {
	if len(c.DNSNames)+len(c.IPAddresses) == 0 {
		return nil
	}
	return bundle.Names(c)
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
