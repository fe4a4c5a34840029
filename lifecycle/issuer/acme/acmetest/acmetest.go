// Package acmetest has certificate authorities that speak ACME, and the network in which
// they validate names, for tests. The authorities are Pebble, the test server of Let's
// Encrypt, in this process.
package acmetest

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/letsencrypt/pebble/v2/acme"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/core"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// CA is a certificate authority. Its methods may be called concurrently.
type CA struct {
	*ca.CAImpl
	Store     *db.MemoryStore
	URL       string            // of its server, without a path
	Directory string            // address of the ACME directory
	Transport http.RoundTripper // trusts the server
	Roots     []byte            // PEM, of the server's own certificate

	srv   *httptest.Server
	mu    sync.Mutex
	posts map[string]int // by the first element of the path
}

// Options say how a CA behaves.
type Options struct {
	EAB     bool   // it asks for the external account [KeyID] with [MAC]
	Always  bool   // every proof is taken for valid
	Nonces  string // percentage of refused nonces
	Reuse   string // percentage of reused authorizations
	Blocked string // a domain for which it does not issue

	RetryAfter int // seconds
	// HTTP and TLS are the ports at which it validates; 0 for those of the [Network].
	HTTP, TLS int
	DNS       string // host:port of the DNS server that it asks; "" for that of the [Network]
	// Wrap changes what answers.
	Wrap func(http.Handler) http.Handler
}

// The external account of CAs with [Options.EAB].
const (
	KeyID = "kid-1"
	MAC   = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
)

// Paths of POST requests.
const (
	PathAccount  = "sign-me-up"
	PathOrder    = "order-plz"
	PathFinalize = "finalize-order"
)

// StepOf is the step of an order that a request to a CA belongs to; "" for none.
func StepOf(r *http.Request) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return map[string]string{
		"dir": "directory", "nonce-plz": "nonce", PathAccount: "account", PathOrder: "order", "my-order": "look",
		"authZ": "authorization", "chalZ": "challenge", PathFinalize: "finalize", "certZ": "download", "revoke-cert": "revoke",
	}[first]
}

// environment is what a CA reads its options from when it is made.
var environment sync.Mutex

// New starts a CA and the [Network]. The caller closes the CA.
func New(o Options) (*CA, error) {
	n := Internet()
	always := ""
	if o.Always {
		always = "1"
	}
	environment.Lock()
	defer environment.Unlock()
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_VA_ALWAYS_VALID": always,
		"PEBBLE_WFE_NONCEREJECT": cmp.Or(o.Nonces, "0"), "PEBBLE_AUTHZREUSE": cmp.Or(o.Reuse, "0"),
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	quiet := log.New(io.Discard, "", 0)
	c := &CA{Store: db.NewMemoryStore(), posts: map[string]int{}}
	if o.EAB {
		if err := c.Store.AddExternalAccountKeyByID(KeyID, MAC); err != nil {
			return nil, err
		}
	}
	if o.Blocked != "" {
		if err := c.Store.AddBlockedDomain(o.Blocked); err != nil {
			return nil, err
		}
	}
	c.CAImpl = ca.New(quiet, c.Store, "", "ecdsa", 1, 1, map[string]ca.Profile{
		"default": {Description: "the default"}, "shortlived": {Description: "6 days", ValidityPeriod: 518400},
	})
	validation := va.New(quiet, cmp.Or(o.HTTP, n.HTTP), cmp.Or(o.TLS, n.TLS), true, cmp.Or(o.DNS, n.DNS), c.Store)
	front := wfe.New(quiet, c.Store, validation, c.CAImpl, []string{"ca.test"}, true, o.EAB, o.RetryAfter, o.RetryAfter)
	h := c.counted(front.Handler())
	if o.Wrap != nil {
		h = o.Wrap(h)
	}
	c.srv = httptest.NewUnstartedServer(h)
	c.srv.Config.ErrorLog = quiet
	c.srv.StartTLS()
	c.URL, c.Transport = c.srv.URL, c.srv.Client().Transport
	c.Directory = c.URL + "/dir"
	c.Roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.srv.Certificate().Raw})
	return c, nil
}

// Start starts a CA that ends with the test.
func Start(t testing.TB, o Options) *CA {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Close ends the CA and its connections.
func (c *CA) Close() {
	c.srv.CloseClientConnections()
	c.srv.Close()
}

func (c *CA) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			c.mu.Lock()
			c.posts[strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")[0]]++
			c.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// Count is how many POST requests came to a path.
func (c *CA) Count(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts[path]
}

// Looked waits until the CA has looked for the proof of the challenge that a request is
// about, which it does after it has answered.
func (c *CA) Looked(t testing.TB, r *http.Request) {
	t.Helper()
	id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if err := await(func() (io.Closer, error) {
		ch := c.Store.GetChallengeByID(id)
		ch.RLock()
		defer ch.RUnlock()
		if ch.Status != acme.StatusValid && ch.Status != acme.StatusInvalid {
			return nil, fmt.Errorf("the challenge %s is %s", id, ch.Status)
		}
		return io.NopCloser(nil), nil
	}); err != nil {
		t.Error(err)
	}
}

// Order waits for the order of a certificate, which is filed after the certificate was
// issued.
func (c *CA) Order(t testing.TB, leaf *x509.Certificate) (o *core.Order) {
	t.Helper()
	if err := await(func() (_ io.Closer, err error) {
		o, err = c.Store.GetOrderByIssuedSerial(fmt.Sprintf("%016x", leaf.SerialNumber))
		return io.NopCloser(nil), err
	}); err != nil {
		t.Fatal(err)
	}
	return o
}
