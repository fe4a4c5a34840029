package embedded_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// ca is an issuer under test with its HTTP side.
type ca struct {
	*embedded.Issuer
	store *issuertest.Store
	clock *clock
	url   string
}

func newCA(t *testing.T, change ...func(*embedded.Options)) *ca {
	t.Helper()
	c := &ca{store: issuertest.NewStore(), clock: &clock{t: start}}
	c.open(t, change...)
	return c
}

// open makes the issuer anew on the same store, as a restart does.
func (c *ca) open(t *testing.T, change ...func(*embedded.Options)) {
	t.Helper()
	opt := embedded.Options{Now: c.clock.Now, BaseURL: func() string { return c.url }}
	for _, f := range change {
		f(&opt)
	}
	i, err := embedded.New(c.store, opt)
	if err != nil {
		t.Fatal(err)
	}
	c.Issuer = i
	srv := httptest.NewServer(i.Handler())
	t.Cleanup(srv.Close)
	c.url = srv.URL
}

var p256 = sync.OnceValue(func() crypto.Signer {
	k, err := bundle.GenerateKey(model.ECDSAP256)
	if err != nil {
		panic(err)
	}
	return k
})

func request(key string, dns ...string) ports.CertificateRequest {
	return ports.CertificateRequest{Key: key, Level: model.DV, Names: dns, Public: p256().Public()}
}

func (c *ca) issue(t *testing.T, r ports.CertificateRequest) (ports.Order, *x509.Certificate) {
	t.Helper()
	o, err := c.Order(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if o.Status != ports.OrderReady || o.Ref == "" {
		t.Fatalf("order is %+v, want ready", o)
	}
	o, err = c.Finalize(context.Background(), o.Ref, r)
	if err != nil {
		t.Fatal(err)
	}
	if o.Status != ports.OrderValid || len(o.Chain) < 2 || len(o.Root) == 0 {
		t.Fatalf("order is %s with %d certificates, root %d bytes", o.Status, len(o.Chain), len(o.Root))
	}
	return o, parse(t, o.Chain[0])
}

func parse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func isFinal(err error) bool {
	var f *ports.PermanentError
	return errors.As(err, &f)
}

// needOpenssl skips where openssl is missing, but never in CI.
func needOpenssl(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("openssl is missing: apt-get install openssl")
		}
		t.Skip("openssl is missing")
	}
}

func openssl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command("openssl", args...).CombinedOutput()
	return string(out), err
}

func writePEM(t *testing.T, dir, name, typ string, ders ...[]byte) string {
	t.Helper()
	var b bytes.Buffer
	for _, der := range ders {
		if err := pem.Encode(&b, &pem.Block{Type: typ, Bytes: der}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// spec: A3, I8
func TestOpensslAcceptsEveryKindStrictly(t *testing.T) {
	needOpenssl(t)
	c := newCA(t)
	dir := t.TempDir()
	long := strings.Repeat("a", 60) + ".example.com"
	var many []string
	for n := range 100 {
		many = append(many, fmt.Sprintf("h%d.example.com", n))
	}
	kinds := map[string]struct {
		names []string
		host  string
	}{
		"single":   {[]string{"www.example.com"}, "www.example.com"},
		"multi":    {many, "h99.example.com"},
		"wildcard": {[]string{"*.example.com"}, "x.example.com"},
		"idn":      {[]string{"bücher.example"}, "xn--bcher-kva.example"},
		"long":     {[]string{long}, long},
		"address":  {[]string{"192.0.2.1", "2001:db8::1"}, ""},
	}
	at := fmt.Sprint(start.Unix() + 1)
	for _, kt := range append(slices.Clone(model.KeyTypes), "ed25519") {
		pub := keyOf(t, kt)
		for kind, k := range kinds {
			r := request(string(kt)+kind, k.names...)
			r.Public = pub
			o, leaf := c.issue(t, r)
			if got := bundle.KeyTypeName(leaf.PublicKey); got != string(kt) {
				t.Errorf("%s %s: key type %s", kt, kind, got)
			}
			root := writePEM(t, dir, "root.pem", "CERTIFICATE", o.Root)
			chain := writePEM(t, dir, "chain.pem", "CERTIFICATE", o.Chain[1:]...)
			cert := writePEM(t, dir, "cert.pem", "CERTIFICATE", o.Chain[0])
			args := []string{"verify", "-x509_strict", "-check_ss_sig", "-policy_check", "-purpose", "sslserver", "-attime", at,
				"-CAfile", root, "-untrusted", chain}
			if k.host != "" {
				args = append(args, "-verify_hostname", k.host)
			} else {
				args = append(args, "-verify_ip", k.names[1])
			}
			if out, err := openssl(t, append(args, cert)...); err != nil {
				t.Errorf("%s %s: %v\n%s", kt, kind, err, out)
			}
			if n := len(k.names); len(leaf.DNSNames)+len(leaf.IPAddresses) != n {
				t.Errorf("%s %s: %d names, want %d", kt, kind, len(leaf.DNSNames), n)
			}
		}
	}
}

func keyOf(t *testing.T, kt model.KeyType) crypto.PublicKey {
	t.Helper()
	if kt == "ed25519" {
		return ed25519Key(t).Public()
	}
	k, err := bundle.GenerateKey(kt)
	if err != nil {
		t.Fatal(err)
	}
	return k.Public()
}

// spec: I8
func TestProfileFollowsRFC5280(t *testing.T) {
	c := newCA(t)
	o, leaf := c.issue(t, request("k", "www.example.com"))
	issuing, root := parse(t, o.Chain[1]), parse(t, o.Root)
	if !root.IsCA || root.MaxPathLen > 0 || root.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("root: CA %v, path length %d, usage %b", root.IsCA, root.MaxPathLen, root.KeyUsage)
	}
	if !issuing.IsCA || issuing.MaxPathLen != 0 || !issuing.MaxPathLenZero {
		t.Errorf("issuing CA: CA %v, path length %d", issuing.IsCA, issuing.MaxPathLen)
	}
	if leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature ||
		!slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("leaf: CA %v, usage %b, extended %v", leaf.IsCA, leaf.KeyUsage, leaf.ExtKeyUsage)
	}
	for name, x := range map[string]*x509.Certificate{"root": root, "issuing": issuing, "leaf": leaf} {
		if len(x.SerialNumber.Bytes()) != 16 || x.SerialNumber.Sign() != 1 {
			t.Errorf("%s: serial %x", name, x.SerialNumber)
		}
		if len(x.SubjectKeyId) == 0 || x.Version != 3 {
			t.Errorf("%s: no subject key identifier", name)
		}
		for _, e := range x.Extensions {
			// Basic constraints and key usage are critical, no other.
			id := e.Id.String()
			if critical := id == "2.5.29.19" || id == "2.5.29.15"; e.Critical != critical {
				t.Errorf("%s: extension %s critical: %v", name, id, e.Critical)
			}
		}
	}
	if !bytes.Equal(leaf.AuthorityKeyId, issuing.SubjectKeyId) || !bytes.Equal(issuing.AuthorityKeyId, root.SubjectKeyId) {
		t.Error("authority key identifiers do not match")
	}
	if len(leaf.Policies) != 1 || leaf.Policies[0].String() != "2.23.140.1.2.1" {
		t.Errorf("policies %v", leaf.Policies)
	}
	if !slices.Equal(leaf.CRLDistributionPoints, []string{c.url + "/crl/issuing.crl"}) ||
		!slices.Equal(leaf.OCSPServer, []string{c.url + "/ocsp"}) ||
		!slices.Equal(leaf.IssuingCertificateURL, []string{c.url + "/ca/issuing.cer"}) {
		t.Errorf("addresses %v %v %v", leaf.CRLDistributionPoints, leaf.OCSPServer, leaf.IssuingCertificateURL)
	}
	if got := root.NotAfter; !got.Equal(start.Truncate(time.Second).AddDate(20, 0, 0).Add(-time.Second)) {
		t.Errorf("root ends %s", got)
	}
	if leaf.Subject.CommonName != "www.example.com" {
		t.Errorf("subject %s", leaf.Subject)
	}
	_, anonymous := c.issue(t, request("long", strings.Repeat("a", 60)+".example.com"))
	if anonymous.Subject.CommonName != "" {
		t.Errorf("a common name of %d bytes", len(anonymous.Subject.CommonName))
	}
	for _, e := range anonymous.Extensions {
		if e.Id.String() == "2.5.29.17" && !e.Critical {
			t.Error("names of an empty subject are not critical")
		}
	}
}

// spec: T2
func TestNotAfterIsCut(t *testing.T) {
	c := newCA(t)
	begin := start.Truncate(time.Second)
	longest := begin.Add(398*24*time.Hour - time.Second) // its last second is included
	for n, k := range []struct{ asked, want time.Time }{
		{time.Time{}, longest},
		{begin.AddDate(5, 0, 0), longest},
		{longest, longest},
		{longest.Add(-time.Nanosecond), longest.Add(-time.Second)},
		{begin.Add(time.Hour), begin.Add(time.Hour)},
		{begin.Add(time.Second), begin.Add(time.Second)},
	} {
		r := request(fmt.Sprint(n), "www.example.com")
		r.NotAfter = k.asked
		_, leaf := c.issue(t, r)
		if !leaf.NotBefore.Equal(begin) || !leaf.NotAfter.Equal(k.want) {
			t.Errorf("asked %s: valid %s to %s, want to %s", k.asked, leaf.NotBefore, leaf.NotAfter, k.want)
		}
	}
	r := request("past", "www.example.com")
	r.NotAfter = begin.Add(-time.Hour)
	if _, err := c.Order(context.Background(), r); !isFinal(err) {
		t.Errorf("an end in the past: %v", err)
	}
}

// spec: I8
func TestIssuingCAIsReplacedBeforeItEndsAndNeverOutlived(t *testing.T) {
	c := newCA(t)
	o1, leaf1 := c.issue(t, request("1", "www.example.com"))
	c.clock.add(9 * 365 * 24 * time.Hour) // less than 398 days are left
	o2, leaf2 := c.issue(t, request("2", "www.example.com"))
	if bytes.Equal(o1.Chain[1], o2.Chain[1]) || !bytes.Equal(o1.Root, o2.Root) {
		t.Fatal("want a new issuing CA under the same root")
	}
	if got := leaf2.CRLDistributionPoints[0]; !strings.HasSuffix(got, "/crl/issuing-2.crl") {
		t.Errorf("CRL at %s", got)
	}
	for n, leaf := range map[int]*x509.Certificate{1: leaf1, 2: leaf2} {
		if err := c.Revoke(context.Background(), leaf, "superseded"); err != nil {
			t.Fatal(err)
		}
		if got := serials(c.getCRL(t, leaf.CRLDistributionPoints[0])); !slices.Equal(got, []string{bundle.Serial(leaf.SerialNumber)}) {
			t.Errorf("CRL of issuing CA %d lists %v", n, got)
		}
	}
}

// spec: A2
func TestRefusalsAreFinal(t *testing.T) {
	c := newCA(t, func(o *embedded.Options) { o.PermittedDomains = []string{"example.com", ".Bücher.example"} })
	weak := weakRSA(t)
	for name, change := range map[string]func(*ports.CertificateRequest){
		"no names":         func(r *ports.CertificateRequest) { r.Names = nil },
		"bad name":         func(r *ports.CertificateRequest) { r.Names = []string{"a b"} },
		"public suffix":    func(r *ports.CertificateRequest) { r.Names = []string{"*.com"} },
		"twice":            func(r *ports.CertificateRequest) { r.Names = []string{"a.example.com", "A.example.com"} },
		"outside":          func(r *ports.CertificateRequest) { r.Names = []string{"example.org"} },
		"outside, similar": func(r *ports.CertificateRequest) { r.Names = []string{"notexample.com"} },
		"outside, above":   func(r *ports.CertificateRequest) { r.Names = []string{"*.example"} },
		"address":          func(r *ports.CertificateRequest) { r.Names = []string{"192.0.2.1"} },
		"level":            func(r *ports.CertificateRequest) { r.Level = model.EV },
		"no key name":      func(r *ports.CertificateRequest) { r.Key = "" },
		"weak key":         func(r *ports.CertificateRequest) { r.Public = weak },
		"no public key":    func(r *ports.CertificateRequest) { r.Public = nil },
	} {
		r := request("k", "www.example.com")
		change(&r)
		if _, err := c.Order(context.Background(), r); !isFinal(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Order(context.Background(), request("k", "a..b")); err == nil {
		t.Error("no error")
	} else if _, ok := names.IsError(err); !ok {
		t.Errorf("the rule is lost: %v", err)
	}
	if n := c.store.Updates(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// spec: A2
func TestNameConstraintsAreInTheIssuingCA(t *testing.T) {
	needOpenssl(t)
	c := newCA(t, func(o *embedded.Options) { o.PermittedDomains = []string{"example.com"} })
	o, leaf := c.issue(t, request("k", "www.example.com", "*.example.com", "example.com"))
	issuing := parse(t, o.Chain[1])
	if !issuing.PermittedDNSDomainsCritical || !slices.Equal(issuing.PermittedDNSDomains, []string{"example.com"}) ||
		len(issuing.ExcludedIPRanges) != 2 {
		t.Errorf("constraints %v critical %v, excluded %v", issuing.PermittedDNSDomains, issuing.PermittedDNSDomainsCritical,
			issuing.ExcludedIPRanges)
	}
	dir := t.TempDir()
	out, err := openssl(t, "verify", "-x509_strict", "-attime", fmt.Sprint(start.Unix()+1),
		"-CAfile", writePEM(t, dir, "root.pem", "CERTIFICATE", o.Root), "-untrusted", writePEM(t, dir, "chain.pem", "CERTIFICATE",
			o.Chain[1]),
		writePEM(t, dir, "cert.pem", "CERTIFICATE", leaf.Raw))
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if c.Capabilities(start).IPNames {
		t.Error("IP names are offered though no constraint could permit them")
	}
	// Other constraints need another issuing CA; the root stays.
	c.open(t)
	wide, _ := c.issue(t, request("wide", "example.org"))
	if len(parse(t, wide.Chain[1]).PermittedDNSDomains) != 0 || !bytes.Equal(wide.Root, o.Root) {
		t.Error("the issuing CA did not change, or the root did")
	}
	if old, err := c.Fetch(context.Background(), "", "k"); err != nil || !bytes.Equal(old.Chain[1], issuing.Raw) {
		t.Errorf("the older chain is lost: %v", err)
	}
}

// spec: I8
func TestKeysAreSealedAndApart(t *testing.T) {
	c := newCA(t)
	c.issue(t, request("k", "www.example.com"))
	secrets := 0
	for name, cell := range c.store.Cells("") {
		if !cell.Secret.Empty() {
			secrets++
			if name != "embedded/ca/root" && name != "embedded/ca/issuing/0001" {
				t.Errorf("a secret in %s", name)
			}
			if bytes.Contains(cell.Data, cell.Secret.Reveal()) {
				t.Errorf("%s has its key in the open", name)
			}
		}
	}
	if secrets != 2 {
		t.Errorf("%d keys", secrets)
	}
}
