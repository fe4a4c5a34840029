package issuertest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// Fixture is an issuer under test. Control of every name below the domain "test" is
// proved to it, or it asks for none.
type Fixture struct {
	Store *Store
	// Open makes another issuer on the same store, as in another process.
	Open func(t testing.TB) ports.Issuer
	// Pause lets the time of the issuer pass, and what works beside it work.
	Pause func(ctx context.Context, d time.Duration) error
}

// Request returns the request of an attempt for DNS names and IP addresses.
func Request(attempt string, key crypto.Signer, names ...string) ports.CertificateRequest {
	return ports.CertificateRequest{
		Key: attempt, Level: model.DV, Names: names, Public: key.Public(), NotAfter: time.Now().Add(30 * 24 * time.Hour),
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

// NewKey makes a key.
func NewKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Run checks what [ports.Issuer] promises. Each part gets a fixture of its own.
func Run(t *testing.T, make func(t testing.TB) *Fixture) {
	for name, part := range map[string]func(*testing.T, *Fixture){
		"issue": testIssue, "unknown": testUnknown, "attempts": testAttempts, "concurrent": testConcurrent, "cancel": testCancel,
		"revoke": testRevoke, "refuse": testRefuse, "lost": testLost, "ended": testEnded, "addresses": testAddresses,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t, make(t))
		})
	}
}

// Drive does what the engine does until an order is final, also after a crash; an error ends it.
func (f *Fixture) Drive(is ports.Issuer, r ports.CertificateRequest) (o ports.Order, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	o, err = is.Fetch(ctx, "", r.Key)
	if errors.Is(err, ports.ErrUnknownOrder) {
		o, err = is.Order(ctx, r)
	}
	for err == nil {
		switch o.Status {
		case ports.OrderValid, ports.OrderInvalid:
			return o, nil
		case ports.OrderReady:
			o, err = is.Finalize(ctx, o.Ref, r)
		default:
			if err := f.Pause(ctx, o.PollAfter); err != nil {
				return o, err
			}
			o, err = is.Fetch(ctx, o.Ref, r.Key)
		}
	}
	return o, err
}

func (f *Fixture) issue(t *testing.T, is ports.Issuer, r ports.CertificateRequest) (ports.Order, *x509.Certificate) {
	t.Helper()
	o, err := f.Drive(is, r)
	if err != nil || o.Status != ports.OrderValid || len(o.Chain) == 0 {
		t.Fatalf("%s %s, %d certificates, %v", o.Status, o.Problem, len(o.Chain), err)
	}
	leaf, err := x509.ParseCertificate(o.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	return o, leaf
}

func isPermanent(err error) bool { return errors.As(err, new(*ports.PermanentError)) }

func testIssue(t *testing.T, f *Fixture) {
	is := f.Open(t)
	names := []string{"www.contract.test", "contract.test"}
	key := NewKey(t)
	o, leaf := f.issue(t, is, Request("one", key, names...))
	got := bundle.Names(leaf)
	slices.Sort(got)
	want := slices.Sorted(slices.Values(names))
	if !slices.Equal(got, want) || !bundle.SamePublic(leaf.PublicKey, key.Public()) {
		t.Errorf("names %v, or another key", got)
	}
	child := leaf
	for n, der := range o.Chain[1:] {
		parent, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := child.CheckSignatureFrom(parent); err != nil {
			t.Errorf("certificate %d of the chain: %v", n, err)
		}
		if bytes.Equal(parent.RawIssuer, parent.RawSubject) {
			t.Error("the root is in the chain")
		}
		child = parent
	}
	// It stays, for this process and the next one.
	for _, is := range []ports.Issuer{is, f.Open(t)} {
		ctx := context.Background()
		for _, by := range [][2]string{{o.Ref, "one"}, {o.Ref, ""}, {"", "one"}} {
			if again, err := is.Fetch(ctx, by[0], by[1]); err != nil || again.Ref != o.Ref || !bytes.Equal(again.Chain[0], leaf.Raw) {
				t.Errorf("fetch by %q: %v", by, err)
			}
		}
		for call, fn := range map[string]func() (ports.Order, error){
			"order":    func() (ports.Order, error) { return is.Order(ctx, Request("one", key, names...)) },
			"finalize": func() (ports.Order, error) { return is.Finalize(ctx, o.Ref, Request("one", key, names...)) },
		} {
			if again, err := fn(); err != nil || again.Status != ports.OrderValid || !bytes.Equal(again.Chain[0], leaf.Raw) {
				t.Errorf("%s again: %s, %v", call, again.Status, err)
			}
		}
	}
	if _, other := f.issue(t, is, Request("two", key, names...)); bytes.Equal(other.Raw, leaf.Raw) {
		t.Error("another attempt got the same certificate")
	}
	if c := is.Capabilities(time.Now()); !slices.Contains(c.Levels, model.DV) || len(c.Types) == 0 || len(c.Grades) == 0 || !c.Revocation {
		t.Errorf("%+v", c)
	}
}

func testUnknown(t *testing.T, f *Fixture) {
	is := f.Open(t)
	for _, by := range [][2]string{{"", "never"}, {"", ""}, {"elsewhere", ""}, {"../../x", ""}} {
		if _, err := is.Fetch(context.Background(), by[0], by[1]); !errors.Is(err, ports.ErrUnknownOrder) {
			t.Errorf("fetch by %q: %v", by, err)
		}
	}
}

func testAttempts(t *testing.T, f *Fixture) {
	is := f.Open(t)
	ctx := context.Background()
	a, err := is.Order(ctx, Request("one", NewKey(t), "a.test"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := is.Order(ctx, Request("one", NewKey(t), "a.test"))
	if err != nil || a.Ref != b.Ref || a.Ref == "" {
		t.Errorf("one attempt has the orders %q and %q, %v", a.Ref, b.Ref, err)
	}
	if _, err := is.Finalize(ctx, a.Ref, Request("two", NewKey(t), "a.test")); !isPermanent(err) {
		t.Errorf("another attempt finalizes the order: %v", err)
	}
}

func testConcurrent(t *testing.T, f *Fixture) {
	is := f.Open(t)
	r := Request("one", NewKey(t), "a.test")
	leaves := make([][]byte, 8)
	var wg sync.WaitGroup
	for n := range leaves {
		wg.Go(func() {
			o, err := f.Drive(is, r)
			if err != nil || o.Status != ports.OrderValid {
				t.Errorf("%s %s, %v", o.Status, o.Problem, err)
				return
			}
			leaves[n] = o.Chain[0]
		})
	}
	wg.Wait()
	for _, l := range leaves {
		if !bytes.Equal(l, leaves[0]) {
			t.Fatal("two certificates for one attempt")
		}
	}
}

func testCancel(t *testing.T, f *Fixture) {
	is := f.Open(t)
	c, ok := is.(ports.Canceller)
	if !ok {
		t.Skip("orders cannot be cancelled")
	}
	ctx := context.Background()
	r := Request("one", NewKey(t), "a.test")
	o, err := is.Order(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Cancel(ctx, o.Ref); err != nil {
			t.Fatal(err)
		}
	}
	for _, is := range []ports.Issuer{is, f.Open(t)} {
		if o, err := is.Finalize(ctx, o.Ref, r); err != nil || o.Status != ports.OrderInvalid || o.Problem == "" {
			t.Errorf("a cancelled order: %+v, %v", o, err)
		}
	}
	done, _ := f.issue(t, is, Request("two", NewKey(t), "a.test"))
	if err := c.Cancel(ctx, done.Ref); !isPermanent(err) {
		t.Errorf("an issued order: %v", err)
	}
	if err := c.Cancel(ctx, "elsewhere"); !isPermanent(err) || !errors.Is(err, ports.ErrUnknownOrder) {
		t.Errorf("an unknown order: %v", err)
	}
}

func testRevoke(t *testing.T, f *Fixture) {
	is := f.Open(t)
	ctx := context.Background()
	_, leaf := f.issue(t, is, Request("one", NewKey(t), "a.test"))
	if at, _, err := is.Revoked(ctx, leaf); err != nil || !at.IsZero() {
		t.Errorf("revoked at %s, %v", at, err)
	}
	if err := is.Revoke(ctx, leaf, "boredom"); !isPermanent(err) {
		t.Errorf("for no reason: %v", err)
	}
	for range 2 {
		if err := is.Revoke(ctx, leaf, "superseded"); err != nil {
			t.Error(err)
		}
	}
}

func testRefuse(t *testing.T, f *Fixture) {
	is := f.Open(t)
	ctx := context.Background()
	r := Request("one", NewKey(t), "a.test")
	r.Key = ""
	if _, err := is.Order(ctx, r); !isPermanent(err) {
		t.Errorf("without an attempt: %v", err)
	}
	levels := is.Capabilities(time.Now()).Levels
	for _, l := range model.Levels {
		r := Request("level "+string(l), NewKey(t), "a.test")
		if r.Level = l; slices.Contains(levels, l) {
			continue
		}
		if _, err := is.Order(ctx, r); !isPermanent(err) {
			t.Errorf("level %s: %v", l, err)
		}
	}
	if _, err := is.Order(ctx, Request("no names", NewKey(t))); !isPermanent(err) {
		t.Errorf("without names: %v", err)
	}
}

// testLost loses the answer of the store, or of the commit itself, at each point.
func testLost(t *testing.T, f *Fixture) {
	lost := errors.New("the process was killed")
	for _, stored := range []bool{true, false} {
		for at, ended := 1, false; !ended; at++ {
			if at > 40 {
				t.Fatal("the order does not end")
			}
			updates := 0
			f.Store.Refuse = func() (before, after error) {
				if updates++; updates != at {
					return nil, nil
				}
				if stored {
					return nil, lost
				}
				return lost, nil
			}
			r := Request(fmt.Sprint(stored, at), NewKey(t), "a.test")
			_, err := f.Drive(f.Open(t), r)
			if ended = updates < at; ended != (err == nil) {
				t.Errorf("killed at update %d: %v", at, err)
			}
			f.Store.Refuse = nil
			if err := f.Pause(context.Background(), time.Minute); err != nil {
				t.Fatal(err)
			}
			_, leaf := f.issue(t, f.Open(t), r)
			if o, err := f.Open(t).Fetch(context.Background(), "", r.Key); err != nil || !bytes.Equal(o.Chain[0], leaf.Raw) {
				t.Errorf("killed at update %d: another certificate, %v", at, err)
			}
		}
	}
}

func testEnded(t *testing.T, f *Fixture) {
	is := f.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := Request("one", NewKey(t), "a.test")
	if o, err := is.Order(ctx, r); err == nil {
		t.Errorf("an order without time: %+v", o)
	}
	f.issue(t, is, r)
}

func testAddresses(t *testing.T, f *Fixture) {
	is := f.Open(t)
	if !is.Capabilities(time.Now()).IPNames {
		t.Skip("no IP names")
	}
	_, leaf := f.issue(t, is, Request("one", NewKey(t), "127.0.0.1"))
	if len(leaf.IPAddresses) != 1 || len(leaf.DNSNames) != 0 {
		t.Errorf("%v %v", leaf.IPAddresses, leaf.DNSNames)
	}
}
