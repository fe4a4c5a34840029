package acme

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/model"
)

const (
	// maxCRL bounds a CRL, in bytes; those of large CAs are split.
	maxCRL = 32 << 20
	// maxStatus bounds an OCSP response and a CA certificate, in bytes.
	maxStatus = 1 << 18
)

// Revoked reads when and why a certificate was revoked from the CRL that it names, or
// else from its OCSP responder: a zero time if it was not, or names neither. Both are
// signed, so that they may come over plain HTTP.
func (i *Issuer) Revoked(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error) {
	crl, responder := firstHTTP(leaf.CRLDistributionPoints), firstHTTP(leaf.OCSPServer)
	if crl == "" && responder == "" {
		return at, "", nil
	}
	issuer, err := i.issuerOf(ctx, leaf)
	if err != nil {
		return at, "", err
	}
	if crl != "" {
		return i.byCRL(ctx, crl, leaf, issuer)
	}
	return i.byOCSP(ctx, responder, leaf, issuer)
}

func firstHTTP(list []string) string {
	for _, s := range list {
		if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
			return s
		}
	}
	return ""
}

// issuerOf returns the certificate of the CA that signed a leaf: from the chain of its
// order, or from where the leaf says it is.
func (i *Issuer) issuerOf(ctx context.Context, leaf *x509.Certificate) (*x509.Certificate, error) {
	at := firstHTTP(leaf.IssuingCertificateURL)
	if at == "" {
		return i.issuerOfOrders(leaf)
	}
	data, err := i.fetch(ctx, http.MethodGet, at, nil, maxStatus)
	if err != nil {
		return nil, model.Fail("acme.no-issuer", "url", at, "cause", err)
	}
	issuer, err := x509.ParseCertificate(data)
	if err != nil {
		var chain []*x509.Certificate
		if chain, err = parseChain(data); err == nil {
			issuer = chain[0]
		}
	}
	if err == nil {
		err = leaf.CheckSignatureFrom(issuer)
	}
	if err != nil {
		return nil, model.Fail("acme.no-issuer", "url", at, "cause", err)
	}
	return issuer, nil
}

// issuerOfOrders finds it among the chains of this issuer's orders.
func (i *Issuer) issuerOfOrders(leaf *x509.Certificate) (*x509.Certificate, error) {
	var found *x509.Certificate
	err := i.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: space + "/" + i.doneCell("")}) {
			if err != nil {
				return err
			}
			rec, err := readOrder(r, key)
			if err != nil || len(rec.Chain) < 2 || !bytes.Equal(rec.Chain[0], leaf.Raw) {
				continue // a damaged record of another order does not matter here
			}
			found, err = x509.ParseCertificate(rec.Chain[1])
			return err
		}
		return nil
	})
	if err == nil && found == nil {
		err = model.Fail("acme.not-ours")
	}
	return found, err
}

func (i *Issuer) byCRL(ctx context.Context, at string, leaf, issuer *x509.Certificate) (time.Time, string, error) {
	fail := func(err error) (time.Time, string, error) {
		return time.Time{}, "", model.Fail("acme.crl", "url", at, "cause", err)
	}
	data, err := i.fetch(ctx, http.MethodGet, at, nil, maxCRL)
	if err != nil {
		return fail(err)
	}
	list, err := x509.ParseRevocationList(data)
	if err == nil {
		err = list.CheckSignatureFrom(issuer)
	}
	if err != nil {
		return fail(err)
	}
	for _, e := range list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			return e.RevocationTime.UTC(), reasonName(e.ReasonCode), nil
		}
	}
	return time.Time{}, "", i.checkFresh(at, list.NextUpdate)
}

func (i *Issuer) byOCSP(ctx context.Context, at string, leaf, issuer *x509.Certificate) (time.Time, string, error) {
	fail := func(err error) (time.Time, string, error) {
		return time.Time{}, "", model.Fail("acme.ocsp", "url", at, "cause", err)
	}
	req, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		return fail(err)
	}
	data, err := i.fetch(ctx, http.MethodPost, at, req, maxStatus)
	if err != nil {
		return fail(err)
	}
	resp, err := ocsp.ParseResponseForCert(data, leaf, issuer)
	if err != nil {
		return fail(err)
	}
	if resp.Status == ocsp.Revoked {
		return resp.RevokedAt.UTC(), reasonName(resp.RevocationReason), nil
	}
	return time.Time{}, "", i.checkFresh(at, resp.NextUpdate)
}

// checkFresh refuses to conclude from old news that nothing is revoked.
func (i *Issuer) checkFresh(at string, until time.Time) error {
	if !until.IsZero() && i.now().After(until.Add(clockSkew)) {
		return model.Fail("acme.old-status", "url", at, "at", until)
	}
	return nil
}

// fetch reads a bounded answer of a server that needs no trust.
func (i *Issuer) fetch(ctx context.Context, method, at string, body []byte, limit int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	resp, err := (&http.Client{Timeout: i.opt.RequestTimeout}).Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, model.Fail("acme.answer", "host", req.URL.Host, "status", resp.StatusCode)
	}
	data, err := io.ReadAll(&boundedBody{ReadCloser: resp.Body, left: limit})
	if errors.Is(err, errTooLong) {
		return nil, model.Fail("acme.too-long", "host", req.URL.Host).Wrapping(err)
	}
	return data, err
}
