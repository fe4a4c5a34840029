package tlscheck

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/lifecycle/product"
	"certquay/model"
)

const host = "shop.example.com"

// authority is a CA with its root.
type authority struct {
	root *x509.Certificate
	key  crypto.Signer
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key := newKey(t)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(9, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	return authority{certify(t, root, root, key.Public(), key), key}
}

func certify(t *testing.T, c, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, by)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// issue returns a leaf of 90 days for host with its key.
func (a authority) issue(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key := newKey(t)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 90),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(leaf)
	}
	made := certify(t, leaf, a.root, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{made.Raw}, PrivateKey: key, Leaf: made}
}

// status returns an OCSP response about a leaf.
func (a authority) status(t *testing.T, leaf *x509.Certificate, status int, change func(*ocsp.Response)) []byte {
	t.Helper()
	resp := ocsp.Response{
		Status: status, SerialNumber: leaf.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
		RevokedAt: time.Now().Add(-time.Hour),
	}
	if change != nil {
		change(&resp)
	}
	der, err := ocsp.CreateResponse(a.root, a.root, resp, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// check looks at a server that presents a certificate.
func (a authority) check(t *testing.T, cert tls.Certificate, change func(*tls.Config)) *Report {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(srv.TLS)
	}
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	r, err := Checker{Roots: product.Roots{Name: "test", Pool: pool}, Now: time.Now}.Check(t.Context(), srv.Listener.Addr().String(), host)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) != len(r.Sentences) {
		t.Errorf("%v: %v", r.Problems, r.Sentences)
	}
	return r
}

// TestProblemsOfServers is what is found at servers. spec: O5
func TestProblemsOfServers(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	staple := func(by authority, status int, change func(*ocsp.Response)) func(*tls.Certificate) {
		return func(c *tls.Certificate) { c.OCSPStaple = by.status(t, c.Leaf, status, change) }
	}
	old := func(r *ocsp.Response) { r.NextUpdate = time.Now().Add(-time.Minute) }
	early := func(r *ocsp.Response) { r.ThisUpdate = time.Now().Add(30 * time.Minute) }
	demand := func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: oidTLSFeature, Value: []byte{0x30, 3, 2, 1, 5}}}
	}
	for _, c := range []struct {
		what    string
		leaf    func(*x509.Certificate)
		cert    func(*tls.Certificate)
		config  func(*tls.Config)
		want    []string
		browser string
	}{
		{"all well", nil, nil, nil, nil, ""},
		{"good staple", demand, staple(a, ocsp.Good, nil), nil, nil, ""},
		{"no staple", demand, nil, nil, []string{NoStaple}, ""},
		{"revoked", nil, staple(a, ocsp.Revoked, nil), nil, []string{Revoked}, "NET::ERR_CERT_REVOKED"},
		{"unknown", nil, staple(a, ocsp.Unknown, nil), nil, []string{BadStaple}, ""},
		{"old staple", nil, staple(a, ocsp.Good, old), nil, []string{BadStaple}, ""},
		{"early staple", nil, staple(a, ocsp.Good, early), nil, []string{BadStaple}, ""},
		{"foreign staple", nil, staple(other, ocsp.Good, nil), nil, []string{BadStaple}, ""},
		{"garbled staple", nil, func(c *tls.Certificate) { c.OCSPStaple = []byte("no") }, nil, []string{BadStaple}, ""},
		{"expired", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, nil, nil,
			[]string{"expired"}, "NET::ERR_CERT_DATE_INVALID"},
		{"expiring", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().AddDate(0, 0, -80), time.Now().AddDate(0, 0, 5)
		}, nil, nil,
			[]string{"expiring"}, ""},
		{"wrong name", func(c *x509.Certificate) { c.DNSNames = []string{"a.example"} }, nil, nil,
			[]string{"wrong-name"}, "NET::ERR_CERT_COMMON_NAME_INVALID"},
		{"TLS 1.1", nil, nil, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 },
			[]string{OldProtocol}, "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"},
	} {
		cert := a.issue(t, c.leaf)
		if c.cert != nil {
			c.cert(&cert)
		}
		r := a.check(t, cert, c.config)
		if !slices.Equal(r.Problems, c.want) || r.BrowserError() != c.browser {
			t.Errorf("%s: %v, %q, want %v, %q", c.what, r.Problems, r.BrowserError(), c.want, c.browser)
		}
	}
	if r := a.check(t, other.issue(t, nil), nil); !slices.Equal(r.Problems, []string{"incomplete-chain"}) || r.TrustedBy != "" {
		t.Errorf("foreign CA: %v", r.Problems)
	}
}

// TestRespondersAreAsked asks the responder that a certificate names. One that gives no
// valid answer is no problem of the server. spec: O5
func TestRespondersAreAsked(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var cert tls.Certificate
	var asked atomic.Int32
	mux := http.NewServeMux()
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if req, err := ocsp.ParseRequest(body); err != nil || req.SerialNumber.Cmp(cert.Leaf.SerialNumber) != 0 {
				t.Errorf("asked %v, %v", req, err)
			}
			_, _ = w.Write(a.status(t, cert.Leaf, status, nil))
		}
	}
	mux.HandleFunc("/good", answer(ocsp.Good))
	mux.HandleFunc("/revoked", answer(ocsp.Revoked))
	mux.HandleFunc("/unknown", answer(ocsp.Unknown))
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/garbled", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no") })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for path, want := range map[string]string{
		"good": StatusGood, "revoked": StatusRevoked, "unknown": StatusUnknown,
		"moved": StatusUnclear, "garbled": StatusUnclear, "missing": StatusUnclear,
	} {
		cert = a.issue(t, func(c *x509.Certificate) { c.OCSPServer = []string{srv.URL + "/" + path} })
		r := a.check(t, cert, nil)
		if r.Responder == nil || r.Responder.Status != want || (r.Responder.Err != nil) != (want == StatusUnclear) {
			t.Errorf("%s: %+v", path, r.Responder)
		}
		if revoked := slices.Equal(r.Problems, []string{Revoked}); revoked != (want == StatusRevoked) || !revoked && len(r.Problems) > 0 {
			t.Errorf("%s: %v", path, r.Problems)
		}
	}
	if asked.Load() != 3 {
		t.Errorf("asked %d times, want 3: a redirect is not followed", asked.Load())
	}
	cert = a.issue(t, func(c *x509.Certificate) { c.OCSPServer = []string{"ldap://x/"} })
	if r := a.check(t, cert, nil); r.Responder.Err == nil || !strings.Contains(model.TextOf(r.Responder.Err).String(), "ldap") {
		t.Errorf("%+v", r.Responder)
	}
}
