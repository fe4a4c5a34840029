package product_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/producttest"
)

// rsaCertificate is a self-signed one with an RSA key.
func rsaCertificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestLookSeesBothKindsOfKeys asks servers with one certificate and with two. spec: P8
func TestLookSeesBothKindsOfKeys(t *testing.T) {
	pair, second := producttest.NewCA(t, now).Pair(t, "a.example.com"), rsaCertificate(t, "a.example.com")
	both := func(c *tls.Config) { c.Certificates = append(c.Certificates, second) }
	for name, c := range map[string]struct {
		change func(*tls.Config)
		want   []string
	}{
		"ECDSA":              {func(*tls.Config) {}, []string{"ecdsa"}},
		"RSA":                {func(c *tls.Config) { c.Certificates = []tls.Certificate{second} }, []string{"rsa"}},
		"both":               {both, []string{"ecdsa", "rsa"}},
		"both, TLS 1.3 only": {func(c *tls.Config) { both(c); c.MinVersion = tls.VersionTLS13 }, []string{"ecdsa"}},
		"TLS 1.1":            {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, []string{"ecdsa"}},
	} {
		address := serve(t, pair, c.change)
		seen, err := product.Prober{Now: clock}.Look(context.Background(), address, "a.example.com")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range seen {
			if s.Err != nil || s.Address != address {
				t.Errorf("%s: %+v", name, s)
				continue
			}
			got = append(got, s.Algorithm)
			want := map[string][]byte{"ecdsa": pair.Chain[0], "rsa": second.Certificate[0]}[s.Algorithm]
			if !slices.Equal(s.Chain[0], want) {
				t.Errorf("%s: another %s certificate %s", name, s.Algorithm, bundle.Fingerprint(s.Chain[0]))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: saw %v, want %v", name, got, c.want)
		}
	}
}

// TestLookAsksEveryAddress resolves a name that has several, at most one of which is
// served; where somebody else dials, the name goes to them. spec: P8
func TestLookAsksEveryAddress(t *testing.T) {
	pair := producttest.NewCA(t, now).Pair(t, "a.example.com")
	_, port, err := net.SplitHostPort(serve(t, pair))
	if err != nil {
		t.Fatal(err)
	}
	ips, err := net.DefaultResolver.LookupIPAddr(t.Context(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	seen, err := product.Prober{Now: clock}.Look(t.Context(), net.JoinHostPort("localhost", port), "a.example.com")
	if err != nil || len(seen) != len(ips) {
		t.Fatalf("%d of %d addresses, %v", len(seen), len(ips), err)
	}
	if !slices.ContainsFunc(seen, func(s ports.Seen) bool {
		return s.Err == nil && s.Address == net.JoinHostPort("127.0.0.1", port) && bundle.Fingerprint(s.Chain[0]) == pair.Fingerprint
	}) {
		t.Errorf("not seen at 127.0.0.1: %+v", seen)
	}
	var dialed []string
	far := product.Prober{Now: clock, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed = append(dialed, address)
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}}
	if seen, err := far.Look(t.Context(), "web.internal:443", "a.example.com"); err != nil || len(seen) != 1 || seen[0].Err != nil {
		t.Errorf("%+v, %v", seen, err)
	}
	if len(dialed) == 0 || dialed[0] != "web.internal:443" {
		t.Errorf("dialed %v", dialed)
	}
	if _, err := (product.Prober{}).Look(t.Context(), "no-such-host.invalid:443", ""); err == nil {
		t.Error("a name without an address is no error")
	}
}
