package embedded_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/model"
)

func ed25519Key(t *testing.T) crypto.Signer {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// weakRSA is a public key of 1024 bits; it has no private one.
func weakRSA(t *testing.T) crypto.PublicKey {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), 1023)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

// answer is what there is of an answer besides its body.
type answer struct {
	Status     string
	StatusCode int
	Header     http.Header
}

func get(t *testing.T, address string) (answer, []byte) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.Status, resp.StatusCode, resp.Header}, body
}

func (c *ca) getCRL(t *testing.T, address string) *x509.RevocationList {
	t.Helper()
	_, name, _ := strings.Cut(address, "/crl/")
	resp, body := get(t, c.url+"/crl/"+name)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/pkix-crl" ||
		!strings.Contains(resp.Header.Get("Cache-Control"), "max-age=") {
		t.Fatalf("%s: %s, %v", address, resp.Status, resp.Header)
	}
	l, err := x509.ParseRevocationList(body)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func serials(l *x509.RevocationList) []string {
	var out []string
	for _, e := range l.RevokedCertificateEntries {
		out = append(out, bundle.Serial(e.SerialNumber))
	}
	slices.Sort(out)
	return out
}

// spec: I4
func TestRevocationReasons(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	codes := map[string]int{"unspecified": 0, "keyCompromise": 1, "affiliationChanged": 3, "superseded": 4, "cessationOfOperation": 5,
		"privilegeWithdrawn": 9}
	if len(embedded.Reasons()) != len(codes) {
		t.Errorf("reasons %v", embedded.Reasons())
	}
	bySerial := map[string]int{}
	for _, reason := range embedded.Reasons() {
		_, leaf := c.issue(t, request(reason, "www.example.com"))
		if at, _, err := c.Revoked(ctx, leaf); err != nil || !at.IsZero() {
			t.Errorf("before: %s, %v", at, err)
		}
		c.clock.add(time.Minute)
		if err := c.Revoke(ctx, leaf, reason); err != nil {
			t.Fatal(err)
		}
		want := c.clock.Now().Truncate(time.Second)
		c.clock.add(time.Minute)
		if err := c.Revoke(ctx, leaf, "keyCompromise"); err != nil {
			t.Errorf("revoking again: %v", err)
		}
		if at, why, err := c.Revoked(ctx, leaf); err != nil || !at.Equal(want) || why != reason {
			t.Errorf("%s: revoked at %s for %s, %v", reason, at, why, err)
		}
		bySerial[bundle.Serial(leaf.SerialNumber)] = codes[reason]
	}
	for _, e := range c.getCRL(t, "/crl/issuing.crl").RevokedCertificateEntries {
		if want, ok := bySerial[bundle.Serial(e.SerialNumber)]; !ok || e.ReasonCode != want {
			t.Errorf("serial %x has reason %d, want %d", e.SerialNumber, e.ReasonCode, want)
		}
	}
	_, leaf := c.issue(t, request("k", "www.example.com"))
	for reason, code := range map[string]string{
		"certificateHold": "ca.no-hold", "removeFromCRL": "ca.no-hold-to-lift", "cACompromise": "ca.no-ca-compromise",
		"aACompromise": "ca.no-attribute-authority",
		"":             "", "bored": "",
	} {
		err := c.Revoke(ctx, leaf, reason)
		if said := model.TextOf(err); !isFinal(err) || said.Message().Texts["why"].Code() != code ||
			(code == "") != (said.Code() == "ca.no-reason") {
			t.Errorf("%q: %v", reason, err)
		}
	}
	if at, _, _ := c.Revoked(ctx, leaf); !at.IsZero() {
		t.Error("a refused reason revoked")
	}
}

// spec: I4
func TestOnlyOwnCertificatesAreRevoked(t *testing.T) {
	ctx := context.Background()
	c, other := newCA(t), newCA(t)
	_, leaf := other.issue(t, request("k", "www.example.com"))
	if err := c.Revoke(ctx, leaf, "superseded"); !isFinal(err) || !errors.Is(err, embedded.ErrNotIssued) {
		t.Errorf("revoke: %v", err)
	}
	if _, _, err := c.Revoked(ctx, leaf); !errors.Is(err, embedded.ErrNotIssued) {
		t.Errorf("revoked: %v", err)
	}
	if err := c.Revoke(ctx, nil, "superseded"); !isFinal(err) {
		t.Errorf("nil: %v", err)
	}
}

// spec: I4
func TestCRLIsRenewedWhenDue(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	if resp, _ := get(t, c.url+"/crl/issuing.crl"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("before the first certificate: %s", resp.Status)
	}
	o, leaf := c.issue(t, request("1", "www.example.com"))
	issuing, root := parse(t, o.Chain[1]), parse(t, o.Root)
	number := int64(0)
	next := func(step string, signer *x509.Certificate, path string, renewed bool) *x509.RevocationList {
		t.Helper()
		l := c.getCRL(t, path)
		if err := l.CheckSignatureFrom(signer); err != nil || !bytes.Equal(l.AuthorityKeyId, signer.SubjectKeyId) {
			t.Errorf("%s: signature: %v", step, err)
		}
		if renewed {
			number++
		}
		if l.Number.Int64() != number {
			t.Errorf("%s: number %d, want %d", step, l.Number, number)
		}
		if now := c.clock.Now(); now.Before(l.ThisUpdate) || !now.Before(l.NextUpdate) {
			t.Errorf("%s: at %s valid from %s to %s", step, now, l.ThisUpdate, l.NextUpdate)
		}
		return l
	}
	if l := next("first", issuing, "/crl/issuing.crl", true); len(l.RevokedCertificateEntries) != 0 {
		t.Errorf("lists %v", serials(l))
	}
	next("again", issuing, "/crl/issuing.crl", false)
	if err := c.Revoke(ctx, leaf, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	if l := next("revoked", issuing, "/crl/issuing.crl", true); !slices.Equal(serials(l), []string{bundle.Serial(leaf.SerialNumber)}) {
		t.Errorf("lists %v", serials(l))
	}
	c.open(t) // numbers go on after a restart
	next("restarted", issuing, "/crl/issuing.crl", false)
	c.clock.add(3 * 24 * time.Hour)
	next("fresh enough", issuing, "/crl/issuing.crl", false)
	c.clock.add(24 * time.Hour)
	next("half its life", issuing, "/crl/issuing.crl", true)
	// Expired: on one more CRL, then dropped (RFC 5280 section 3.3).
	c.clock.add(400 * 24 * time.Hour)
	if l := next("expired", issuing, "/crl/issuing.crl", true); len(serials(l)) != 1 {
		t.Errorf("dropped too early: %v", serials(l))
	}
	c.clock.add(7 * 24 * time.Hour)
	if l := next("dropped", issuing, "/crl/issuing.crl", true); len(serials(l)) != 0 {
		t.Errorf("still lists %v", serials(l))
	}
	number = 1 // its first is as old as the root, and nobody has asked for it
	if l := next("root", root, "/crl/root.crl", true); len(serials(l)) != 0 {
		t.Errorf("root lists %v", serials(l))
	}
	for _, p := range []string{"/crl/issuing-2.crl", "/crl/issuing-1.crl", "/crl/issuing-02.crl", "/crl/", "/crl/x", "/ca/issuing-9.cer",
		"/", "/crl/issuing-99999999999999999999.crl"} {
		if resp, _ := get(t, c.url+p); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", p, resp.Status)
		}
	}
}

// spec: I4
func TestCRLNumbersAreNeverGivenTwice(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	other := *c
	other.open(t)
	seen := map[string]string{} // number -> DER
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range 8 {
		_, leaf := c.issue(t, request(fmt.Sprint(n), "www.example.com"))
		wg.Add(1)
		go func() {
			defer wg.Done()
			at := c
			if n%2 == 0 {
				at = &other
			}
			if err := at.Revoke(ctx, leaf, "superseded"); err != nil {
				t.Error(err)
			}
			l := at.getCRL(t, "/crl/issuing.crl")
			if !slices.Contains(serials(l), bundle.Serial(leaf.SerialNumber)) {
				t.Error("a CRL asked for after the revocation does not show it")
			}
			mu.Lock()
			defer mu.Unlock()
			if was, ok := seen[l.Number.String()]; ok && was != string(l.Raw) {
				t.Errorf("two CRLs have number %s", l.Number)
			}
			seen[l.Number.String()] = string(l.Raw)
		}()
	}
	wg.Wait()
}

// spec: I4
func TestOCSPAnswers(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	o, leaf := c.issue(t, request("1", "www.example.com"))
	issuing := parse(t, o.Chain[1])
	_, stranger := newCA(t).issue(t, request("1", "www.example.com"))
	ask := func(cert *x509.Certificate, h crypto.Hash, post bool) *ocsp.Response {
		t.Helper()
		der, err := ocsp.CreateRequest(cert, issuing, &ocsp.RequestOptions{Hash: h})
		if err != nil {
			t.Fatal(err)
		}
		var resp *http.Response
		if post {
			resp, err = http.Post(c.url+"/ocsp", "application/ocsp-request", bytes.NewReader(der))
		} else {
			resp, err = http.Get(c.url + "/ocsp/" + url.PathEscape(base64.StdEncoding.EncodeToString(der)))
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/ocsp-response" {
			t.Fatalf("%s %v %v", resp.Status, resp.Header, err)
		}
		r, err := ocsp.ParseResponseForCert(body, cert, issuing)
		if err != nil {
			t.Fatal(err)
		}
		if now := c.clock.Now(); now.Before(r.ThisUpdate) || !now.Before(r.NextUpdate) {
			t.Errorf("at %s valid from %s to %s", now, r.ThisUpdate, r.NextUpdate)
		}
		return r
	}
	for _, post := range []bool{false, true} {
		for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			if r := ask(leaf, h, post); r.Status != ocsp.Good {
				t.Errorf("status %d, want good", r.Status)
			}
			if r := ask(stranger, h, post); r.Status != ocsp.Unknown {
				t.Errorf("status %d, want unknown", r.Status)
			}
		}
	}
	if err := c.Revoke(ctx, leaf, "superseded"); err != nil {
		t.Fatal(err)
	}
	r := ask(leaf, crypto.SHA1, true)
	if r.Status != ocsp.Revoked || r.RevocationReason != ocsp.Superseded || !r.RevokedAt.Equal(c.clock.Now().Truncate(time.Second)) {
		t.Errorf("status %d, reason %d, at %s", r.Status, r.RevocationReason, r.RevokedAt)
	}
	// Base64 with slashes must not be redirected or cut: try many serials.
	for n := range 40 {
		_, l := c.issue(t, request(fmt.Sprintf("many%d", n), "www.example.com"))
		der, _ := ocsp.CreateRequest(l, issuing, nil)
		_, body := get(t, c.url+"/ocsp/"+base64.StdEncoding.EncodeToString(der)) // not escaped, as some clients do
		if r, err := ocsp.ParseResponseForCert(body, l, issuing); err != nil || r.Status != ocsp.Good {
			t.Fatalf("unescaped: %v", err)
		}
	}
	_, body := get(t, c.url+"/ocsp/nonsense")
	if !bytes.Equal(body, ocsp.MalformedRequestErrorResponse) {
		t.Errorf("nonsense is answered %x", body)
	}
	foreign := newCA(t)
	fo, _ := foreign.issue(t, request("1", "www.example.com"))
	der, _ := ocsp.CreateRequest(stranger, parse(t, fo.Chain[1]), nil)
	_, body = get(t, c.url+"/ocsp/"+url.PathEscape(base64.StdEncoding.EncodeToString(der)))
	if !bytes.Equal(body, ocsp.UnauthorizedErrorResponse) {
		t.Errorf("another CA's certificate is answered %x", body)
	}
	resp, err := http.Post(c.url+"/ocsp", "application/ocsp-request", bytes.NewReader(make([]byte, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if !bytes.Equal(body, ocsp.MalformedRequestErrorResponse) {
		t.Errorf("a megabyte is answered %x", body)
	}
}

// spec: I4
func TestOpensslSeesTheRevocation(t *testing.T) {
	needOpenssl(t)
	ctx := context.Background()
	c := newCA(t)
	// openssl ocsp knows the real time only.
	c.clock.t = time.Now()
	o, revoked := c.issue(t, request("1", "a.example.com"))
	_, good := c.issue(t, request("2", "b.example.com"))
	if err := c.Revoke(ctx, revoked, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	root := writePEM(t, dir, "root.pem", "CERTIFICATE", o.Root)
	issuing := writePEM(t, dir, "issuing.pem", "CERTIFICATE", o.Chain[1])
	both := writePEM(t, dir, "both.pem", "CERTIFICATE", o.Chain[1], o.Root)
	a := writePEM(t, dir, "a.pem", "CERTIFICATE", revoked.Raw)
	b := writePEM(t, dir, "b.pem", "CERTIFICATE", good.Raw)
	_, crl := get(t, c.url+"/crl/issuing.crl")
	_, rootCRL := get(t, c.url+"/crl/root.crl")
	list := writePEM(t, dir, "crl.pem", "X509 CRL", crl, rootCRL)
	out, err := openssl(t, "crl", "-in", writePEM(t, dir, "one.pem", "X509 CRL", crl), "-noout", "-text", "-CAfile", both)
	if err != nil || !strings.Contains(out, "verify OK") || !strings.Contains(out, "Key Compromise") ||
		!strings.Contains(strings.ToLower(out), bundle.Serial(revoked.SerialNumber)) {
		t.Errorf("%v\n%s", err, out)
	}
	for path, ok := range map[string]bool{a: false, b: true} {
		out, err := openssl(t, "verify", "-x509_strict", "-crl_check_all", "-CRLfile", list, "-CAfile", root, "-untrusted", issuing, path)
		if (err == nil) != ok || !ok && !strings.Contains(out, "certificate revoked") {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
	out, err = openssl(t, "ocsp", "-issuer", issuing, "-cert", a, "-url", c.url+"/ocsp", "-CAfile", both, "-no_nonce")
	if err != nil || !strings.Contains(out, "a.pem: revoked") || !strings.Contains(out, "Reason: keyCompromise") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = openssl(t, "ocsp", "-issuer", issuing, "-cert", b, "-url", c.url+"/ocsp", "-CAfile", both)
	if err != nil || !strings.Contains(out, "b.pem: good") || !strings.Contains(out, "Response verify OK") {
		t.Errorf("%v\n%s", err, out)
	}
}

// spec: I8
func TestCACertificatesAreServed(t *testing.T) {
	c := newCA(t)
	o, _ := c.issue(t, request("1", "www.example.com"))
	for path, want := range map[string][]byte{"/ca/issuing.cer": o.Chain[1], "/ca/root.cer": o.Root} {
		resp, body := get(t, c.url+path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/pkix-cert" || !bytes.Equal(body, want) {
			t.Errorf("%s: %s, %d bytes", path, resp.Status, len(body))
		}
	}
	resp, err := http.Post(c.url+"/ca/root.cer", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}
