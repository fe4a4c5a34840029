// Package interoptest has certquay's ACME issuer work with other servers than Pebble, which
// differ from it where RFC 8555 lets them: smallstep's validate while they answer, take a
// second CSR for an answer that got lost, and know neither renewal information nor a
// rollover of account keys.
package interoptest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/solvers"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
)

// server is a CA under test.
type server struct {
	directory string
	roots     *x509.CertPool // of its own certificate
	port      int            // at which it validates http-01
	webRoot   string         // of the web server there
	ips       bool           // it reaches addresses as well
	// names are names that it finds at 127.0.0.1, of which label makes new ones if it can.
	names func(label string) []string
}

// webRoot is the directory of a web server that answers http-01 at a port.
func webRoot(t *testing.T, port int) (dir string) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil && os.Getenv("CI") != "true" && errors.Is(err, fs.ErrPermission) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	s := &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // ends by Close
	t.Cleanup(func() { _ = s.Close() })
	return dir
}

// client is an issuer over a store, at a server.
type client struct {
	*issuertest.Fixture
	wire *wire
}

// newClient returns a client without an account. Each issuer that it opens is as one of
// another process.
func newClient(t testing.TB, s server, change func(*acme.Options)) *client {
	t.Helper()
	c := &clock{}
	w := &wire{next: &http.Transport{TLSClientConfig: trusting(s.roots)}, good: map[string]int{}}
	t.Cleanup(w.next.CloseIdleConnections)
	at := solvers.Places{HTTPRoot: s.webRoot, HTTPPort: s.port, Resolvers: []string{acmetest.Internet().DNS}}
	opt := acme.Options{
		Name: "test", Directory: s.directory, Email: "ops@example.com", AgreeTerms: true, IPNames: s.ips, Transport: w,
		Challenges: new(solvers.Solvers).Set([]challenge.Rule{{Type: challenge.HTTP01}}, at), Preflight: true,
		Now: c.now, Sleep: c.sleep, Patience: 5 * time.Minute,
	}
	opt.Resolver, opt.Dial = at.Reach()
	if change != nil {
		change(&opt)
	}
	store := issuertest.NewStore()
	return &client{wire: w, Fixture: &issuertest.Fixture{Store: store, Pause: c.sleep, Open: func(t testing.TB) ports.Issuer {
		t.Helper()
		is, err := acme.New(store, opt)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}}}
}

func (c *client) issuer(t testing.TB) *acme.Issuer {
	t.Helper()
	return c.Open(t).(*acme.Issuer)
}

// issue ends an order, if a call fails in another process.
func (c *client) issue(t *testing.T, r ports.CertificateRequest) (o ports.Order, leaf *x509.Certificate) {
	t.Helper()
	var err error
	for range 4 {
		if o, err = c.Drive(c.Open(t), r); err == nil {
			break
		}
		if err := c.Pause(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if err != nil || o.Status != ports.OrderValid || len(o.Chain) < 2 {
		t.Fatalf("%s %s, %d certificates, %v", o.Status, o.Problem, len(o.Chain), err)
	}
	if leaf, err = x509.ParseCertificate(o.Chain[0]); err != nil {
		t.Fatal(err)
	}
	return o, leaf
}

// testServer has a server do all that a certificate needs in its life.
func testServer(t *testing.T, s server) {
	// The reply to a request of each kind gets lost and the process ends: the next one
	// goes on by the URL of the order, without another order, certificate or account.
	for _, lost := range []string{"new-account", "new-order", "authz", "challenge", "order", "finalize", "certificate"} {
		t.Run("lost "+lost, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, s, nil)
			c.wire.lose = lost
			r := issuertest.Request("one", issuertest.NewKey(t), s.names("lost-"+lost)...)
			o, leaf := c.issue(t, r)
			again, err := c.Open(t).Fetch(t.Context(), o.Ref, "")
			if err != nil || !bytes.Equal(again.Chain[0], leaf.Raw) {
				t.Errorf("fetched again: %v", err)
			}
			orders := 1
			if lost == "new-order" { // nobody knows its URL
				orders = 2
			}
			if c.wire.lose != "" {
				t.Error("no reply was lost, so this proves nothing")
			}
			for kind, want := range map[string]int{"new-account": 1, "new-order": orders, "finalize": 1} {
				if got := c.wire.count(kind); got != want {
					t.Errorf("%d times %s, want %d", got, kind, want)
				}
			}
		})
	}
	t.Run("revoke", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, s, nil)
		_, leaf := c.issue(t, issuertest.Request("one", issuertest.NewKey(t), s.names("revoke")...))
		for n, want := range []string{"", "urn:ietf:params:acme:error:alreadyRevoked"} {
			if err := c.Open(t).Revoke(t.Context(), leaf, "superseded"); err != nil || c.wire.problem != want {
				t.Errorf("revocation %d: %v; the CA said %q, want %q", n+1, err, c.wire.problem, want)
			}
		}
		key := issuertest.NewKey(t)
		_, leaf = c.issue(t, issuertest.Request("two", key, s.names("revoked-by-key")...))
		other := newClient(t, s, nil).issuer(t)
		if err := other.Revoke(t.Context(), leaf, "keyCompromise"); !errors.As(err, new(*ports.PermanentError)) {
			t.Errorf("another account: %v", err)
		}
		if err := other.RevokeByKey(t.Context(), leaf, key, "keyCompromise"); err != nil {
			t.Errorf("by its own key: %v", err)
		}
		if err := c.Open(t).Revoke(t.Context(), leaf, "keyCompromise"); err != nil || !strings.HasSuffix(c.wire.problem, "alreadyRevoked") {
			t.Errorf("after that: %v; the CA said %q", err, c.wire.problem)
		}
	})
	t.Run("rollover", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, s, nil)
		is := c.issuer(t)
		if _, err := is.Test(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := is.Rollover(t.Context()); err == nil {
			t.Error("a CA that changes no account keys said that it did")
		}
		c.issue(t, issuertest.Request("one", issuertest.NewKey(t), s.names("rollover")...))
		if a, err := c.issuer(t).Account(); err != nil || a.Rolling || c.wire.count("new-account") != 1 {
			t.Errorf("the account after a refused rollover: %+v, %v, %d made", a, err, c.wire.count("new-account"))
		}
	})
}

// wire is the connection to a server. It counts what succeeds, and loses a reply.
type wire struct {
	next *http.Transport

	mu      sync.Mutex
	lose    string // kind of the request whose reply is lost once
	good    map[string]int
	problem string // type of the last problem; "" after a success
}

// kindOf is the kind of a request of smallstep's: what follows /acme/PROVISIONER/.
func kindOf(path string) string {
	if strings.HasSuffix(path, "/finalize") {
		return "finalize"
	}
	if parts := strings.Split(path, "/"); len(parts) > 3 {
		return parts[3]
	}
	return path
}

var errLost = errors.New("the reply was lost")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodPost {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	kind := kindOf(r.URL.Path)
	w.problem = ""
	if answer.StatusCode >= http.StatusBadRequest {
		var p struct{ Type string }
		if err := json.Unmarshal(body, &p); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", r.URL, body, err)
		}
		w.problem = p.Type
		return answer, nil
	}
	if kind != "new-account" || answer.StatusCode == http.StatusCreated { // it finds accounts as well
		w.good[kind]++
	}
	if kind == w.lose {
		w.lose = ""
		return nil, errLost
	}
	return answer, nil
}

func (w *wire) count(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.good[kind]
}

// clock runs with the real one, and jumps over what is slept.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.offset += d
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(3 * time.Millisecond): // lets the server work
		return nil
	}
}
