package interoptest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	stepacme "github.com/smallstep/certificates/acme"
	acmenosql "github.com/smallstep/certificates/acme/db/nosql"
	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/authority/provisioner"
	"github.com/smallstep/certificates/ca"
	_ "github.com/smallstep/certificates/cas/softcas" // signs
	"github.com/smallstep/certificates/db"
	"github.com/smallstep/nosql"

	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/model"
)

// step-ca: issues to accounts that are bound to external ones (and breaks on a wrong one,
// which is then named), goes on with an order after each lost reply, revokes, and keeps what
// issuers promise. spec: C1 C2 C3
func TestStepCA(t *testing.T) {
	step := startStepCA(t)
	testServer(t, step.server)
	t.Run("contract", func(t *testing.T) {
		issuertest.Run(t, func(t testing.TB) *issuertest.Fixture { return newClient(t, step.server, nil).Fixture })
	})
	bound := step.server
	bound.directory = step.address + "/acme/" + boundName + "/directory"
	for _, c := range []struct{ name, kid, mac, code string }{
		{name: "none", code: "acme.eab-missing"},
		{name: "unknown", kid: "nobody", mac: step.mac, code: "acme.eab-perhaps"},
		{name: "wrong", kid: step.kid, mac: base64.RawURLEncoding.EncodeToString(make([]byte, 32)), code: "acme.eab-perhaps"},
		{name: "right", kid: step.kid, mac: step.mac},
	} {
		t.Run("external account/"+c.name, func(t *testing.T) {
			client := newClient(t, bound, func(o *acme.Options) {
				o.EABKeyID, o.EABMAC = c.kid, func() (model.Secret, error) { return model.NewSecret([]byte(c.mac)), nil }
			})
			is := client.issuer(t)
			_, err := is.Test(t.Context())
			if c.code != "" {
				if !says(err, c.code) || client.wire.count("new-account") != 0 {
					t.Errorf("%v, want %s; %d accounts", err, c.code, client.wire.count("new-account"))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			_, leaf := client.issue(t, issuertest.Request("one", issuertest.NewKey(t), "external.test"))
			if a, err := is.Account(); err != nil || a.External != c.kid || !slices.Contains(leaf.DNSNames, "external.test") {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// says reports whether an error, or one that it wraps, has a code.
func says(err error, code string) bool {
	for err != nil {
		var e *model.Error
		if !errors.As(err, &e) {
			return false
		}
		if e.Text.Code() == code {
			return true
		}
		err = e.Err
	}
	return false
}

// boundName is the provisioner that asks for an external account.
const boundName = "bound"

// stepCA is step-ca with a provisioner for everybody and one for external accounts.
type stepCA struct {
	server
	address  string
	kid, mac string // of an external account
}

// startStepCA starts step-ca in this process, which ends with the test. It finds names at
// the DNS server of [acmetest.Internet].
func startStepCA(t *testing.T) *stepCA {
	t.Helper()
	dir := t.TempDir()
	root, rootKey := makeCA(t, dir, "root", nil, nil)
	makeCA(t, dir, "intermediate", root, rootKey)
	system := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = system })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", acmetest.Internet().DNS)
	}}
	port := acmetest.FreePort()
	stepacme.InsecurePortHTTP01 = acmetest.FreePort()
	store := &db.Config{Type: "badgerv2", DataSource: filepath.Join(dir, "db")}
	authDB, err := db.New(store)
	if err != nil {
		t.Fatal(err)
	}
	acmeDB, err := acmenosql.New(authDB.(nosql.DB))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := ca.New(&config.Config{
		Root: []string{filepath.Join(dir, "root.crt")}, IntermediateCert: filepath.Join(dir, "intermediate.crt"),
		IntermediateKey: filepath.Join(dir, "intermediate.key"), DB: store,
		Address: fmt.Sprintf("127.0.0.1:%d", port), DNSNames: []string{"127.0.0.1"},
		CRL: &config.CRLConfig{Enabled: true, GenerateOnRevoke: true},
		AuthorityConfig: &config.AuthConfig{Provisioners: provisioner.List{
			&provisioner.ACME{Type: "ACME", Name: "open"},
			&provisioner.ACME{ID: boundName, Type: "ACME", Name: boundName, RequireEAB: true},
		}},
	}, ca.WithDatabase(authDB), ca.WithQuiet(true))
	if err != nil {
		t.Fatal(err)
	}
	external, err := acmeDB.CreateExternalAccountKey(t.Context(), boundName, "certquay")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Run() }()
	t.Cleanup(func() {
		if err := srv.Stop(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	s := &stepCA{
		address: fmt.Sprintf("https://127.0.0.1:%d", port),
		kid:     external.ID, mac: base64.RawURLEncoding.EncodeToString(external.HmacKey),
	}
	s.server = server{
		directory: s.address + "/acme/open/directory", roots: x509.NewCertPool(), port: stepacme.InsecurePortHTTP01, ips: true,
		names: func(label string) []string { return []string{label + ".test", "www." + label + ".test"} },
	}
	s.webRoot = webRoot(t, s.port)
	s.roots.AddCert(root)
	awaitServer(t, func() error { return answers(s.server) })
	return s
}

// makeCA writes a CA certificate and its key to files, by the name of the CA.
func makeCA(t *testing.T, dir, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(10 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string]*pem.Block{
		".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name+file), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, key
}
