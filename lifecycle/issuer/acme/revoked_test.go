package acme_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/lifecycle/issuer/acme"
)

// Whether a certificate is revoked is read from what it names, and believed only if its
// issuer signed it. spec: C9
func TestRevokedIsReadFromCRLAndOCSP(t *testing.T) {
	t.Parallel()
	f, liar := newForger(t), newForger(t)
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	var srv *httptest.Server
	var good, bad *x509.Certificate
	lists := func(f *forger, serial *big.Int) []byte {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: at, NextUpdate: at.Add(48 * time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: serial, RevocationTime: at, ReasonCode: 4}},
		}, f.between, f.betweenKey)
		if err != nil {
			t.Error(err)
		}
		return der
	}
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer []byte
		switch r.URL.Path {
		case "/issuer":
			answer = f.between.Raw
		case "/other-issuer":
			answer = liar.between.Raw
		case "/crl":
			answer = lists(f, bad.SerialNumber)
		case "/forged-crl":
			answer = lists(liar, bad.SerialNumber)
		case "/ocsp":
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			q, err := ocsp.ParseRequest(body)
			if err != nil {
				t.Error(err)
				return
			}
			o := ocsp.Response{Status: ocsp.Good, SerialNumber: q.SerialNumber, ThisUpdate: at, NextUpdate: at.Add(48 * time.Hour)}
			if q.SerialNumber.Cmp(bad.SerialNumber) == 0 {
				o.Status, o.RevokedAt, o.RevocationReason = ocsp.Revoked, at, ocsp.KeyCompromise
			}
			if answer, err = ocsp.CreateResponse(f.between, f.between, o, f.betweenKey); err != nil {
				t.Error(err)
			}
		case "/endless":
			_, _ = io.Copy(w, endless{})
		default:
			http.NotFound(w, r)
		}
		_, _ = w.Write(answer)
	}))
	t.Cleanup(srv.Close)
	leaf := func(crl, responder, issuer string) *x509.Certificate {
		c := &x509.Certificate{DNSNames: []string{"a.test"}}
		if crl != "" {
			c.CRLDistributionPoints = []string{"ldap://x/y", srv.URL + crl}
		}
		if responder != "" {
			c.OCSPServer = []string{srv.URL + responder}
		}
		if issuer != "" {
			c.IssuingCertificateURL = []string{srv.URL + issuer}
		}
		return f.sign(t, c, f.between, newKey(t).Public(), f.betweenKey)
	}
	p := newPebble(t, pebbleOptions{Always: true})
	w := newWorld(t, p, nil)
	check := func(name string, c *x509.Certificate, revoked bool, reason, code string) {
		t.Helper()
		when, why, err := w.Revoked(context.Background(), c)
		if code != "" {
			if !hasCode(err, code) || !when.IsZero() {
				t.Errorf("%s: %s %v, want %s", name, when, err, code)
			}
			return
		}
		if err != nil || when.IsZero() == revoked || revoked && !when.Equal(at) || why != reason {
			t.Errorf("%s: %s %q %v", name, when, why, err)
		}
	}
	bad = leaf("/crl", "", "/issuer")
	good = leaf("/crl", "/ocsp", "/issuer")
	check("CRL, revoked", bad, true, "superseded", "")
	check("CRL, good", good, false, "", "")
	check("OCSP, good", leaf("", "/ocsp", "/issuer"), false, "", "")
	bad = leaf("", "/ocsp", "/issuer")
	check("OCSP, revoked", bad, true, "keyCompromise", "")
	w.clock.add(72 * time.Hour)
	check("an old CRL", leaf("/crl", "", "/issuer"), false, "", "acme.old-status")
	check("an old answer", leaf("", "/ocsp", "/issuer"), false, "", "acme.old-status")
	check("an old answer, revoked", bad, true, "keyCompromise", "")
	check("neither", leaf("", "", ""), false, "", "")
	check("a forged CRL", leaf("/forged-crl", "", "/issuer"), false, "", "acme.crl")
	check("another issuer", leaf("/crl", "", "/other-issuer"), false, "", "acme.no-issuer")
	check("no CRL", leaf("/none", "", "/issuer"), false, "", "acme.crl")
	check("an endless issuer", leaf("/crl", "", "/endless"), false, "", "acme.no-issuer")
	check("no issuer", leaf("/crl", "", ""), false, "", "acme.not-ours")
}

// Settings are checked, and become options. spec: C1 C11
func TestSettings(t *testing.T) {
	t.Parallel()
	s := acme.DefaultSettings()
	s.Directory, s.AgreeTerms = "letsencrypt", true
	if wrong := s.Check(); len(wrong) != 0 {
		t.Errorf("%+v", wrong)
	}
	for setting, change := range map[string]func(*acme.Settings){
		"directory":      func(s *acme.Settings) { s.Directory = "http://ca.test/dir" },
		"email":          func(s *acme.Settings) { s.Email = "nobody" },
		"eab_key_file":   func(s *acme.Settings) { s.EABKeyID = "kid" },
		"challenges":     func(s *acme.Settings) { s.Challenges = nil },
		"challenges[0]":  func(s *acme.Settings) { s.Challenges = []string{"http-02"} },
		"validity_hours": func(s *acme.Settings) { s.ValidityHours = -1 },
	} {
		bad := s
		change(&bad)
		if wrong := bad.Check(); len(wrong) != 1 || wrong[0].Setting != setting {
			t.Errorf("%s: %+v", setting, wrong)
		}
	}
	for directory, want := range map[string]struct {
		profile string
		public  bool
		life    time.Duration
		ip      bool
	}{
		"letsencrypt":                        {"", true, 90 * 24 * time.Hour, false},
		"letsencrypt-staging":                {"shortlived", false, 160 * time.Hour, true},
		"https://acme.ssl.com/sslcom-dv-rsa": {"", true, 90 * 24 * time.Hour, false},
		"https://ca.test/dir":                {"", false, 0, false},
	} {
		s.Directory, s.Profile = directory, want.profile
		i, err := acme.New(nil, s.Options())
		if err != nil {
			t.Fatal(err)
		}
		c := i.Capabilities(time.Now())
		if c.Public != want.public || c.MaxValidity != want.life || c.IPNames != want.ip || c.Proof != "" {
			t.Errorf("%s: %+v", directory, c)
		}
	}
}
