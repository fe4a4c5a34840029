// Package tlscheck looks once at a TLS server: what it presents, how, whether its
// certificate is revoked, and what a browser would say (spec O5). It keeps nothing and
// needs no store.
package tlscheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/product"
	"certquay/model"
)

// Problems beside those of [product.VerifyChain], by their stable names. The staple is the
// OCSP response in the handshake (RFC 6066 section 8).
const (
	Revoked     = monitor.WatchRevoked
	OldProtocol = "old-protocol" // older than TLS 1.2, which browsers refuse (RFC 8996)
	BadStaple   = "bad-staple"   // not signed by the issuer, out of date, or for another certificate
	NoStaple    = "no-staple"    // the certificate demands one (RFC 7633)
)

// Report is what a server presented and what is wrong with it.
type Report struct {
	Address, Name string // as asked
	Remote        string // the IP address that answered, with the port
	Protocol      string // such as TLS 1.3
	Cipher        string // such as TLS_AES_128_GCM_SHA256
	Chain         []*x509.Certificate
	TrustedBy     string // the roots that the chain reaches; "" if none
	Staple        *OCSP  // nil if none was presented
	Responder     *OCSP  // nil if the certificate names none, or its issuer is not known
	Problems      []string
	Sentences     []model.Text // one for each problem at least
}

// Checker looks at servers. It is safe for concurrent use.
type Checker struct {
	Roots product.Roots
	Now   func() time.Time
}

// Check looks at the server at an address for a name. An error means that it did not
// answer; what is wrong with an answer is in the report. It takes about ten seconds at
// most.
func (c Checker) Check(ctx context.Context, address, name string) (*Report, error) {
	state, remote, err := product.Prober{Now: c.Now}.Handshake(ctx, address, name)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &model.Error{Text: monitor.DialError(err, address, name), Err: err}
	}
	r := &Report{
		Address: address, Name: name, Remote: addressOf(remote), Chain: state.PeerCertificates,
		Protocol: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite),
	}
	now := c.Now()
	c.judge(r, now)
	if state.Version < tls.VersionTLS12 {
		r.add(OldProtocol, model.Say("verb.check.old-protocol", "protocol", r.Protocol))
	}
	c.askOCSP(ctx, r, state.OCSPResponse, now)
	return r, nil
}

func (r *Report) add(problem string, sentence model.Text) {
	r.Problems, r.Sentences = append(r.Problems, problem), append(r.Sentences, sentence)
}

// judge adds what a client with the roots would object to, and that the certificate
// should have been renewed by now (spec T3).
func (c Checker) judge(r *Report, now time.Time) {
	var chain [][]byte
	for _, cert := range r.Chain {
		chain = append(chain, cert.Raw)
	}
	v := product.VerifyChain(chain, r.Name, []product.Roots{c.Roots}, now)
	r.TrustedBy = v.TrustedBy
	for _, f := range v.Findings {
		r.add(string(f.Problem), f.Text)
	}
	if v.Leaf == nil {
		return
	}
	leaf := bundle.Version(v.Leaf)
	if !now.Before(leaf.Window()) && !now.After(leaf.NotAfter) {
		r.add(monitor.WatchExpiring, model.Say("watch-problem.expires", "at", leaf.NotAfter))
	}
}

func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// browserErrors are the errors that Chromium shows for problems, the worst first. The
// other problems do not keep it from opening a page.
var browserErrors = []struct{ problem, code string }{
	{OldProtocol, "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"},
	{string(product.Unreadable), "NET::ERR_CERT_INVALID"},
	{Revoked, "NET::ERR_CERT_REVOKED"},
	{string(product.SelfSigned), "NET::ERR_CERT_AUTHORITY_INVALID"},
	{string(product.Untrusted), "NET::ERR_CERT_AUTHORITY_INVALID"},
	{string(product.Incomplete), "NET::ERR_CERT_AUTHORITY_INVALID"},
	{string(product.WrongName), "NET::ERR_CERT_COMMON_NAME_INVALID"},
	{string(product.Expired), "NET::ERR_CERT_DATE_INVALID"},
	{string(product.NotYetValid), "NET::ERR_CERT_DATE_INVALID"},
}

// BrowserError returns the error that a browser with the same roots would show, by its
// name in Chromium; "" if it would open the page.
func (r *Report) BrowserError() string {
	for _, e := range browserErrors {
		for _, p := range r.Problems {
			if p == e.problem {
				return e.code
			}
		}
	}
	return ""
}
