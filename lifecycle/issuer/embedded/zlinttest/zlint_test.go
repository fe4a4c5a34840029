// Package zlinttest lints what the embedded CA makes with zlint: RFC 5280, the
// Baseline Requirements, and whatever else it checks.
package zlinttest

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// tolerated are findings that follow from being a private CA, each with its
// reason. Any other finding of level error or above fails the test.
var tolerated = map[string]string{
	"e_ca_country_name_missing": "Baseline Requirements section 7.1.2.10.2: the country of the CA's operator; " +
		"a private CA does not know it and must not invent one",
}

// now is a day on which the limit of the Baseline Requirements is still above
// what is asked for in this test.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type maker struct {
	*embedded.Issuer
	url string
}

func open(t *testing.T, change func(*embedded.Options)) *maker {
	t.Helper()
	m := &maker{}
	opt := embedded.Options{Now: func() time.Time { return now }, BaseURL: func() string { return "http://ca.example.com" }}
	change(&opt)
	i, err := embedded.New(issuertest.NewStore(), opt)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(i.Handler())
	t.Cleanup(srv.Close)
	m.Issuer, m.url = i, srv.URL
	return m
}

func (m *maker) issue(t *testing.T, kt model.KeyType, names ...string) ports.Order {
	t.Helper()
	key, err := bundle.GenerateKey(kt)
	if err != nil {
		t.Fatal(err)
	}
	r := ports.CertificateRequest{
		Key: string(kt) + strings.Join(names, " "), Level: model.DV, Names: names, Public: key.Public(),
		NotAfter: now.AddDate(0, 0, 199).Add(-time.Second),
	}
	o, err := m.Order(context.Background(), r)
	if err == nil {
		o, err = m.Finalize(context.Background(), o.Ref, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func report(t *testing.T, what string, set *zlint.ResultSet) {
	t.Helper()
	ran := 0
	for name, r := range set.Results {
		if r.Status >= lint.Pass {
			ran++
		}
		if r.Status < lint.Warn {
			continue
		}
		_, ok := tolerated[name]
		switch {
		case r.Status < lint.Error || ok:
			t.Logf("%s: %s %s %s", what, r.Status, name, r.Details)
		default:
			t.Errorf("%s: %s %s %s", what, r.Status, name, r.Details)
		}
	}
	if ran == 0 {
		t.Errorf("%s: no lint applied", what)
	}
}

func lintCertificate(t *testing.T, what string, der []byte) {
	t.Helper()
	c, err := zx509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	report(t, what, zlint.LintCertificate(c))
}

// spec: I8
func TestCertificatesHaveNoErrors(t *testing.T) {
	plain := open(t, func(*embedded.Options) {})
	bound := open(t, func(o *embedded.Options) { o.PermittedDomains = []string{"example.com"} })
	var o ports.Order
	for _, kt := range model.KeyTypes {
		for _, names := range [][]string{{"www.example.com"}, {"a.example.com", "b.example.com"}, {"*.example.com"},
			{"bücher.example.com"}, {strings.Repeat("a", 60) + ".example.com"}} {
			o = plain.issue(t, kt, names...)
			lintCertificate(t, string(kt)+" "+names[0], o.Chain[0])
		}
	}
	lintCertificate(t, "root", o.Root)
	lintCertificate(t, "issuing CA", o.Chain[1])
	o = plain.issue(t, model.ECDSAP256, "9.9.9.9", "2620:fe::fe")
	lintCertificate(t, "address", o.Chain[0])
	o = bound.issue(t, model.ECDSAP256, "www.example.com")
	lintCertificate(t, "constrained issuing CA", o.Chain[1])
	lintCertificate(t, "below constraints", o.Chain[0])
}

// spec: I4
func TestRevocationListsHaveNoErrors(t *testing.T) {
	m := open(t, func(*embedded.Options) {})
	for _, reason := range embedded.Reasons() {
		leaf, err := x509.ParseCertificate(m.issue(t, model.ECDSAP256, strings.ToLower(reason)+".example.com").Chain[0])
		if err == nil {
			err = m.Revoke(context.Background(), leaf, reason)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/crl/root.crl", "/crl/issuing.crl"} {
		rec := httptest.NewRecorder()
		m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		der, err := io.ReadAll(rec.Body)
		if err != nil || rec.Code != 200 {
			t.Fatal(rec.Code, err)
		}
		list, err := zx509.ParseRevocationList(der)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		report(t, path, zlint.LintRevocationList(list))
	}
}

func TestToleratedFindingsAreExplained(t *testing.T) {
	all := lint.GlobalRegistry().Names()
	for name, why := range tolerated {
		if why == "" || !slices.Contains(all, name) {
			t.Errorf("%s: %q", name, why)
		}
	}
}
