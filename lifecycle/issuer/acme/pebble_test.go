package acme_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns/dnsupdate"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// TestMain lets the test binary be the child process of a DNS provider.
func TestMain(m *testing.M) {
	worker.RunIfChild(func(name string, settings map[string]string, resolvers []string) (worker.Writer, error) {
		if name != "dnsupdate" {
			return nil, worker.ErrUnknown
		}
		return dnsupdate.New(settings, resolvers)
	})
	os.Exit(m.Run())
}

type (
	pebble        = acmetest.CA
	pebbleOptions = acmetest.Options
)

func newPebble(t testing.TB, o pebbleOptions) *pebble {
	t.Helper()
	return acmetest.Start(t, o)
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
		Name: "test", Directory: p.Directory, Email: "ops@example.com", AgreeTerms: true, Transport: p.Transport,
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

func (*webFiles) Lasts() bool { return true }

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
	acmetest.Internet().SetFile(p.Token, p.KeyAuthorization)
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
	acmetest.Internet().SetFile(p.Token, "")
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
	acmetest.Internet().AddDNSTXTRecord(p.Record, p.Value)
	return nil
}

func (dnsRecords) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return true, "", nil
}

func (dnsRecords) CleanUp(_ context.Context, p challenge.Proof) error {
	acmetest.Internet().DeleteDNSTXTRecord(p.Record)
	return nil
}

func (dnsRecords) Close(string) {}

// alpn answers tls-alpn-01.
type alpn struct{}

func (alpn) Type() challenge.Type { return challenge.TLSALPN01 }

func (alpn) Present(_ context.Context, p challenge.Proof) error {
	acmetest.Internet().AddTLSALPNChallenge(p.Name, p.KeyAuthorization)
	return nil
}

func (alpn) Seen(context.Context, challenge.Proof) (bool, model.Text, error) { return true, "", nil }

func (alpn) CleanUp(_ context.Context, p challenge.Proof) error {
	acmetest.Internet().DeleteTLSALPNChallenge(p.Name)
	return nil
}

func (alpn) Close(string) {}

func mac(t testing.TB) func() (model.Secret, error) {
	t.Helper()
	if _, err := base64.RawURLEncoding.DecodeString(acmetest.MAC); err != nil {
		t.Fatal(err)
	}
	return func() (model.Secret, error) { return model.NewSecret([]byte(acmetest.MAC)), nil }
}
