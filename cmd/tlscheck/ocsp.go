package tlscheck

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/model"
)

// Limits of a request to an OCSP responder. Responses are a few kilobytes.
const (
	ocspTimeout = 5 * time.Second
	maxOCSP     = 64 << 10
)

// Statuses of a certificate (RFC 6960 section 2.2). Unclear means that there is no
// valid answer.
const (
	StatusGood    = "good"
	StatusRevoked = "revoked"
	StatusUnknown = "unknown"
	StatusUnclear = "unclear"
)

// OCSP is an answer about the leaf, or why there is none.
type OCSP struct {
	URL        string // of the responder; "" for a staple
	Status     string
	ThisUpdate time.Time
	NextUpdate time.Time // zero if the responder does not say
	RevokedAt  time.Time // zero unless revoked
	Err        error     // why the status is unclear
}

// askOCSP reads the staple, asks the responder that the leaf names, and adds what is
// wrong. A responder that does not answer is no problem of the server, and browsers
// ignore it.
func (c Checker) askOCSP(ctx context.Context, r *Report, staple []byte, now time.Time) {
	leaf := r.Chain[0]
	issuer := c.issuerOf(r.Chain, now)
	if len(staple) > 0 && issuer != nil {
		r.Staple = readOCSP(staple, leaf, issuer, now)
	}
	if len(leaf.OCSPServer) > 0 && issuer != nil {
		r.Responder = ask(ctx, leaf.OCSPServer[0], leaf, issuer, now)
	}
	for _, a := range []*OCSP{r.Staple, r.Responder} {
		if a != nil && a.Status == StatusRevoked && !slices.Contains(r.Problems, Revoked) {
			r.add(Revoked, model.Say("verb.check.revoked", "at", a.RevokedAt))
		}
	}
	switch {
	case r.Staple != nil && r.Staple.Err != nil:
		r.add(BadStaple, model.Say("verb.check.bad-staple", "cause", r.Staple.Err))
	case r.Staple != nil && r.Staple.Status == StatusUnknown:
		r.add(BadStaple, model.Say("verb.check.unknown-staple"))
	case len(staple) == 0 && demandsStaple(leaf):
		r.add(NoStaple, model.Say("verb.check.no-staple"))
	}
}

// issuerOf returns the certificate that signed the leaf: presented, or else among the
// roots. It is nil if it is not known.
func (c Checker) issuerOf(chain []*x509.Certificate, now time.Time) *x509.Certificate {
	leaf := chain[0]
	for _, cert := range chain[1:] {
		if bytes.Equal(cert.RawSubject, leaf.RawIssuer) && leaf.CheckSignatureFrom(cert) == nil {
			return cert
		}
	}
	if c.Roots.Pool == nil { // to Verify nil would mean the system's
		return nil
	}
	found, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.Roots.Pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil || len(found[0]) < 2 {
		return nil
	}
	return found[0][1]
}

// ask asks a responder about a certificate. It follows no redirect, because the address
// comes from a stranger's certificate.
func ask(ctx context.Context, url string, leaf, issuer *x509.Certificate, now time.Time) *OCSP {
	answer, err := post(ctx, url, leaf, issuer)
	if err != nil {
		return &OCSP{URL: url, Status: StatusUnclear, Err: err}
	}
	a := readOCSP(answer, leaf, issuer, now)
	a.URL = url
	return a
}

func post(ctx context.Context, url string, leaf, issuer *x509.Certificate) (_ []byte, err error) {
	body, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ocspTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	client := http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, model.Fail("verb.check.ocsp-http", "status", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxOCSP))
}

// readOCSP reads a response about a certificate and checks its signature and time.
func readOCSP(der []byte, leaf, issuer *x509.Certificate, now time.Time) *OCSP {
	resp, err := ocsp.ParseResponseForCert(der, leaf, issuer)
	if err != nil {
		return &OCSP{Status: StatusUnclear, Err: err}
	}
	a := &OCSP{ThisUpdate: resp.ThisUpdate, NextUpdate: resp.NextUpdate}
	switch resp.Status {
	case ocsp.Good:
		a.Status = StatusGood
	case ocsp.Revoked: // for good, so an old response is as true as a new one
		a.Status, a.RevokedAt = StatusRevoked, resp.RevokedAt
		return a
	default:
		a.Status = StatusUnknown
	}
	switch {
	case !a.NextUpdate.IsZero() && now.After(a.NextUpdate):
		a.Status, a.Err = StatusUnclear, model.Fail("verb.check.ocsp-old", "at", a.NextUpdate)
	case now.Before(a.ThisUpdate.Add(-maxSkew)):
		a.Status, a.Err = StatusUnclear, model.Fail("verb.check.ocsp-early", "at", a.ThisUpdate)
	}
	return a
}

// maxSkew is how far the clock of a responder may be ahead.
const maxSkew = 5 * time.Minute

// The extension TLS Feature with the feature status_request (RFC 7633).
var (
	oidTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
	statusRequest = 5
)

// demandsStaple reports whether a certificate must be presented with an OCSP response.
func demandsStaple(leaf *x509.Certificate) bool {
	for _, e := range leaf.Extensions {
		var features []int
		if e.Id.Equal(oidTLSFeature) {
			rest, err := asn1.Unmarshal(e.Value, &features)
			return err == nil && len(rest) == 0 && slices.Contains(features, statusRequest)
		}
	}
	return false
}
