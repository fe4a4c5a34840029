package acme_test

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/core"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns/dnsupdate"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// TestMain configures the CAs of the tests, which read their options from the
// environment.
func TestMain(m *testing.M) {
	worker.RunIfChild(func(name string, settings map[string]string, resolvers []string) (worker.Writer, error) {
		if name != "dnsupdate" {
			return nil, worker.ErrUnknown
		}
		return dnsupdate.New(settings, resolvers)
	})
	if err := os.Setenv("PEBBLE_VA_NOSLEEP", "1"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if network.started {
		network.srv.Shutdown()
	}
	os.Exit(code)
}

// network is the Internet of the tests: a DNS server whose names are all at
// 127.0.0.1, and the web servers there. All pebbles validate in it.
var network struct {
	sync.Once
	started       bool
	srv           *challtestsrv.ChallSrv
	dns           string
	http, tls     int
	listenHTTP    net.Listener
	filesMu       sync.Mutex
	files         map[string]string // content of challenge files by token
	filesServedAt int
}

// freePort returns a port that is free for TCP and UDP.
func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func startNetwork() {
	network.Do(func() {
		network.files = map[string]string{}
		network.dns = fmt.Sprintf("127.0.0.1:%d", freePort())
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		network.listenHTTP, network.http = l, l.Addr().(*net.TCPAddr).Port
		network.tls = freePort()
		quiet := log.New(io.Discard, "", 0)
		network.srv, err = challtestsrv.New(challtestsrv.Config{
			DNSAddrs: []string{network.dns}, TLSALPNOneAddrs: []string{fmt.Sprintf("127.0.0.1:%d", network.tls)}, Log: quiet,
		})
		if err != nil {
			log.Fatal(err)
		}
		network.srv.SetDefaultDNSIPv6("")
		network.srv.SetDefaultDNSIPv4("127.0.0.1")
		go network.srv.Run()
		go func() {
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // ends with the process
				network.filesMu.Lock()
				defer network.filesMu.Unlock()
				content, ok := network.files[strings.TrimPrefix(r.URL.Path, "/.well-known/acme-challenge/")]
				if !ok {
					http.NotFound(w, r)
					return
				}
				_, _ = io.WriteString(w, content)
			}))
		}()
		await(func() (io.Closer, error) { return net.Dial("tcp", network.dns) })
		network.srv.AddTLSALPNChallenge("await.test", "x")
		await(func() (io.Closer, error) {
			return tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", network.tls),
				&tls.Config{ServerName: "await.test", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
		})
		network.started = true
	})
}

// await waits until a connection can be made.
func await(dial func() (io.Closer, error)) {
	late := time.After(10 * time.Second)
	for {
		c, err := dial()
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-late:
			log.Fatal(err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// pebble is a CA.
type pebble struct {
	srv   *httptest.Server
	store *db.MemoryStore
	ca    *ca.CAImpl
	dir   string
	rt    http.RoundTripper // trusts it

	mu    sync.Mutex
	posts map[string]int // by the first element of the path
}

type pebbleOptions struct {
	eab, always bool
	nonces      string // percentage of refused nonces
	retryAfter  int
	reuse       string // percentage of reused authorizations
	wrap        func(http.Handler) http.Handler
	dns         string // host:port of the DNS server that it asks; "" for that of the network
}

const (
	eabKID = "kid-1"
	eabMAC = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
)

// environment is what a CA reads its options from when it is made.
var environment sync.Mutex

// newPebble starts a CA.
func newPebble(t testing.TB, o pebbleOptions) *pebble {
	t.Helper()
	startNetwork()
	always := ""
	if o.always {
		always = "1"
	}
	environment.Lock()
	defer environment.Unlock()
	for name, value := range map[string]string{
		"PEBBLE_WFE_NONCEREJECT": cmp.Or(o.nonces, "0"), "PEBBLE_AUTHZREUSE": cmp.Or(o.reuse, "0"), "PEBBLE_VA_ALWAYS_VALID": always,
	} {
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	quiet := log.New(io.Discard, "", 0)
	p := &pebble{store: db.NewMemoryStore(), posts: map[string]int{}}
	if o.eab {
		if err := p.store.AddExternalAccountKeyByID(eabKID, eabMAC); err != nil {
			t.Fatal(err)
		}
	}
	p.ca = ca.New(quiet, p.store, "", "ecdsa", 1, 1, map[string]ca.Profile{
		"default": {Description: "the default"}, "shortlived": {Description: "6 days", ValidityPeriod: 518400},
	})
	vai := va.New(quiet, network.http, network.tls, true, cmp.Or(o.dns, network.dns), p.store)
	front := wfe.New(quiet, p.store, vai, p.ca, []string{"ca.test"}, true, o.eab, o.retryAfter, o.retryAfter)
	inner := front.Handler()
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			p.mu.Lock()
			p.posts[strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")[0]]++
			p.mu.Unlock()
		}
		inner.ServeHTTP(w, r)
	})
	if o.wrap != nil {
		h = o.wrap(h)
	}
	p.srv = httptest.NewUnstartedServer(h)
	p.srv.Config.ErrorLog = quiet
	p.srv.StartTLS()
	t.Cleanup(func() { p.srv.CloseClientConnections(); p.srv.Close() })
	p.dir, p.rt = p.srv.URL+"/dir", p.srv.Client().Transport
	return p
}

// Paths of pebble.
const (
	pathAccount  = "sign-me-up"
	pathOrder    = "order-plz"
	pathFinalize = "finalize-order"
)

func (p *pebble) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.posts[path]
}

// order waits for the order of a certificate, which pebble files after it has issued.
func (p *pebble) order(t testing.TB, leaf *x509.Certificate) (o *core.Order) {
	t.Helper()
	await(func() (_ io.Closer, err error) {
		o, err = p.store.GetOrderByIssuedSerial(fmt.Sprintf("%016x", leaf.SerialNumber))
		return io.NopCloser(nil), err
	})
	return o
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

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// sleep lets a CA in the same process work while the clock jumps.
func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.add(d)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(3 * time.Millisecond):
		return nil
	}
}

// world is an issuer over a store, at a CA.
type world struct {
	*acme.Issuer
	store  *issuertest.Store
	clock  *clock
	opt    acme.Options
	solver *webFiles
	// afterError is called after each error that drive is allowed.
	afterError func()
}

func newWorld(t testing.TB, p *pebble, change func(*acme.Options)) *world {
	t.Helper()
	w := &world{store: issuertest.NewStore(), clock: &clock{}, solver: &webFiles{}}
	w.opt = acme.Options{
		Name: "test", Directory: p.dir, Email: "ops@example.com", AgreeTerms: true, Transport: p.rt,
		Challenges: entries(w.solver), Now: w.clock.now, Sleep: w.clock.sleep, Patience: 5 * time.Minute,
	}
	if change != nil {
		change(&w.opt)
	}
	w.open(t)
	return w
}

// entries are rules for every name.
func entries(solvers ...challenge.Solver) (s challenge.Set) {
	for _, v := range solvers {
		e := challenge.Entry{Rule: challenge.Rule{Type: v.Type()}, Solver: v}
		if _, records := v.(dnsRecords); records {
			e.DNS = "test"
		}
		s.Entries = append(s.Entries, e)
	}
	return s
}

// open makes another issuer on the same store, as after a crash.
func (w *world) open(t testing.TB) {
	t.Helper()
	i, err := acme.New(w.store, w.opt)
	if err != nil {
		t.Fatal(err)
	}
	w.Issuer = i
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func request(t testing.TB, attempt string, key crypto.Signer, names ...string) ports.CertificateRequest {
	t.Helper()
	return ports.CertificateRequest{
		Key: attempt, Level: model.DV, Names: names, Public: key.Public(),
		CSR: func() ([]byte, error) {
			r := &x509.CertificateRequest{}
			for _, n := range names {
				if ip := net.ParseIP(n); ip != nil {
					r.IPAddresses = append(r.IPAddresses, ip)
				} else {
					r.DNSNames = append(r.DNSNames, n)
				}
			}
			return x509.CreateCertificateRequest(rand.Reader, r, key)
		},
	}
}

// drive does what the engine does for an order until it is final, and after errors as
// often as it is told.
func (w *world) drive(t testing.TB, r ports.CertificateRequest, errorsAllowed int) ports.Order {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ref, step, resumed := "", "order", false
	for n := 0; n < 200; n++ {
		o, err := w.step(ctx, step, ref, r, resumed)
		if err != nil {
			if errorsAllowed--; errorsAllowed < 0 {
				t.Fatalf("%s: %v", step, err)
			}
			resumed = true
			if w.afterError != nil {
				w.afterError()
			}
			w.clock.add(pauseAfter(err))
			continue
		}
		resumed = false
		ref = o.Ref
		switch o.Status {
		case ports.OrderValid, ports.OrderInvalid:
			return o
		case ports.OrderReady:
			step = "finalize"
		default:
			step = "fetch"
			if err := w.clock.sleep(ctx, o.PollAfter); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatal("the order does not end")
	return ports.Order{}
}

// pauseAfter is the pause after an error: what it asks for, or the engine's first.
func pauseAfter(err error) time.Duration {
	var pause *ports.RetryAfterError
	if asPause(err, &pause) {
		return max(pause.After, time.Minute)
	}
	return time.Minute
}

func (w *world) step(ctx context.Context, step, ref string, r ports.CertificateRequest, resumed bool) (ports.Order, error) {
	switch step {
	case "order":
		if resumed {
			o, err := w.Fetch(ctx, "", r.Key)
			if !isUnknown(err) {
				return o, err
			}
		}
		return w.Order(ctx, r)
	case "finalize":
		if resumed {
			o, err := w.Fetch(ctx, ref, r.Key)
			if err != nil || o.Status != ports.OrderReady {
				return o, err
			}
		}
		return w.Finalize(ctx, ref, r)
	}
	return w.Fetch(ctx, ref, r.Key)
}

// issue is drive for an order that must end well.
func (w *world) issue(t testing.TB, r ports.CertificateRequest) *x509.Certificate {
	t.Helper()
	o := w.drive(t, r, 0)
	if o.Status != ports.OrderValid {
		t.Fatalf("%s: %s", o.Status, o.Problem)
	}
	leaf, err := x509.ParseCertificate(o.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// webFiles answers http-01 on the web server of the network.
type webFiles struct {
	mu               sync.Mutex
	presented, clean int
	here             map[string]bool // tokens that are presented
	refuse           error           // of Present
	leave            error           // of CleanUp
}

func (*webFiles) Type() challenge.Type { return challenge.HTTP01 }

func (s *webFiles) Present(_ context.Context, p challenge.Proof) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	s.presented++
	if s.here == nil {
		s.here = map[string]bool{}
	}
	s.here[p.Token] = true
	network.filesMu.Lock()
	defer network.filesMu.Unlock()
	network.files[p.Token] = p.KeyAuthorization
	return nil
}

func (s *webFiles) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return true, "", nil
}

func (s *webFiles) CleanUp(_ context.Context, p challenge.Proof) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leave != nil {
		return &challenge.LeftError{Proof: p, Err: s.leave}
	}
	s.clean++
	delete(s.here, p.Token)
	network.filesMu.Lock()
	defer network.filesMu.Unlock()
	delete(network.files, p.Token)
	return nil
}

func (*webFiles) Close(string) {}

// left is how many files of this solver are there.
func (s *webFiles) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.here)
}

// dnsRecords answers dns-01 and dns-persist-01, with records at a DNS server.
type dnsRecords struct{ typ challenge.Type }

func (s dnsRecords) Type() challenge.Type { return s.typ }

func (dnsRecords) Present(_ context.Context, p challenge.Proof) error {
	network.srv.AddDNSTXTRecord(p.Record, p.Value)
	return nil
}

func (dnsRecords) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return true, "", nil
}

func (dnsRecords) CleanUp(_ context.Context, p challenge.Proof) error {
	network.srv.DeleteDNSTXTRecord(p.Record)
	return nil
}

func (dnsRecords) Close(string) {}

// alpn answers tls-alpn-01.
type alpn struct{}

func (alpn) Type() challenge.Type { return challenge.TLSALPN01 }

func (alpn) Present(_ context.Context, p challenge.Proof) error {
	network.srv.AddTLSALPNChallenge(p.Name, p.KeyAuthorization)
	return nil
}

func (alpn) Seen(context.Context, challenge.Proof) (bool, model.Text, error) { return true, "", nil }

func (alpn) CleanUp(_ context.Context, p challenge.Proof) error {
	network.srv.DeleteTLSALPNChallenge(p.Name)
	return nil
}

func (alpn) Close(string) {}

func mac(t testing.TB) func() (model.Secret, error) {
	t.Helper()
	if _, err := base64.RawURLEncoding.DecodeString(eabMAC); err != nil {
		t.Fatal(err)
	}
	return func() (model.Secret, error) { return model.NewSecret([]byte(eabMAC)), nil }
}
