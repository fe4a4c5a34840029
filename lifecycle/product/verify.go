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

// Problem is the code of a defect of a presented chain. The codes are stable.
type Problem string

// Problems, the worst first.
const (
	Unreadable  Problem = "unreadable" // no certificate, or not one X.509 can read
	WrongName   Problem = "wrong-name" // not valid for the probed name
	Expired     Problem = "expired"    // its last second has passed
	NotYetValid Problem = "not-yet-valid"
	SelfSigned  Problem = "self-signed"
	Incomplete  Problem = "incomplete-chain" // an intermediate is missing
	Untrusted   Problem = "untrusted"        // ends at a root of no set
)

// Finding is a problem with its message.
type Finding struct {
	Problem Problem
	Text    model.Text
}

// Verdict is the result of verifying a presented chain.
type Verdict struct {
	Leaf        *x509.Certificate // nil when unreadable
	Fingerprint string            // of the leaf; "" when there is none
	TrustedBy   string            // the name of the first set of roots that the chain reaches; "" if none
	Findings    []Finding         // none: a client would accept it
}

// OK reports whether a client with these roots would accept the chain.
func (v *Verdict) OK() bool { return len(v.Findings) == 0 }

// Has reports whether a problem was found.
func (v *Verdict) Has(p Problem) bool {
	for _, f := range v.Findings {
		if f.Problem == p {
			return true
		}
	}
	return false
}

// AsText returns the findings, or the set of roots by which the chain verifies.
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

// VerifyChain verifies a chain (DER, leaf first, as presented) at a time, for a
// host, against sets of roots, and returns all defects. An empty name accepts any
// host. It uses only the presented intermediates, as a client that fetches none
// does.
func VerifyChain(chain [][]byte, name string, roots []Roots, now time.Time) Verdict {
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

// within moves a time into the leaf's validity, so that trust is verified
// independently of expiry.
func within(now time.Time, leaf *x509.Certificate) time.Time {
	if now.After(leaf.NotAfter) {
		return leaf.NotAfter
	}
	if now.Before(leaf.NotBefore) {
		return leaf.NotBefore
	}
	return now
}

// trust returns the first set of roots that the chain reaches, or else an expired
// certificate above the leaf.
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

// altNames returns the names that clients check; the common name is not among
// them (RFC 9525 section 2).
func altNames(c *x509.Certificate) []string {
	if len(c.DNSNames)+len(c.IPAddresses) == 0 {
		return nil
	}
	return bundle.Names(c)
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
