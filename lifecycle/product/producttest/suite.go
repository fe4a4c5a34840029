package producttest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
)

// Harness is a product under test, as it is before any deployment.
type Harness struct {
	Product ports.Product
	Region  string // one of Product.Regions
	// Hosts are different host names that may be deployed to: six, or one for a product
	// that has only one target. A product that does not create resources has them already.
	Hosts []string
	// Target names the target that serves a host; nil where targets are named after hosts.
	Target func(host string) string
	Now    time.Time // the moment the product takes for now
	// Reopen, when not nil, is a restart that nothing prepared: the same
	// product over the same state.
	Reopen func(t *testing.T) ports.Product
	// HTTP means that the endpoints answer HTTP requests, so that the suite can
	// check that a connection survives a swap.
	HTTP bool
	// State, when not nil, describes all that the product may change, so that two of them
	// are equal only if nothing differs.
	State func() string
}

// Run runs the contract of ports.Product; open makes a fresh product for
// each test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"RegionsAreListed", testRegions},
		{"UnknownPlacesAreRefused", testUnknown},
		{"DeployedLeafIsPresentedWithItsChain", testDeploy},
		{"DeployingAgainChangesNothing", testAgain},
		{"RestoreAfterTheFirstDeploy", testRestoreFirst},
		{"RestoreAfterALaterDeploy", testRestoreLater},
		{"RestoreWithoutADeployChangesNothing", testRestoreNothing},
		{"UndeployTakesItOff", testUndeploy},
		{"BrokenPairsChangeNothing", testBroken},
		{"PlacesAreIndependent", testIndependent},
		{"ManyPlacesAtOnce", testConcurrent},
		{"OpenConnectionsSurviveASwap", testSwap},
		{"RestartKeepsAllOfIt", testReopen},
		{"PlansChangeNothing", testPlan},
		{"LooksByItself", testLook},
		{"SurveysWhatIsThere", testSurvey},
		{"TestsItself", testTest},
		{"WhatWasThereComesBack", testByteForByte},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			c.test(t, &suite{Harness: h, ca: NewCA(t, h.Now), ctx: context.Background()})
		})
	}
}

type suite struct {
	Harness
	ca  *CA
	ctx context.Context
}

func (s *suite) place(n int) ports.Target {
	return s.target(s.Hosts[n])
}

func (s *suite) target(host string) ports.Target {
	name := host
	if s.Target != nil {
		name = s.Target(host)
	}
	return ports.Target{Region: s.Region, Name: name}
}

// host is the host that a target serves.
func (s *suite) host(p ports.Target) string {
	for _, h := range s.Hosts {
		if s.target(h) == p {
			return h
		}
	}
	return p.Name
}

func (s *suite) deploy(t *testing.T, p ports.Target) (ports.KeyPair, ports.Binding) {
	t.Helper()
	pair := s.ca.Pair(t, s.host(p))
	b, err := s.Product.Deploy(s.ctx, p, pair)
	if err != nil {
		t.Fatal(err)
	}
	if b.Fingerprint != pair.Fingerprint || b.Address == "" && !s.looks() {
		t.Fatalf("deploying gave %+v, want fingerprint %s and an address", b, pair.Fingerprint)
	}
	return pair, b
}

// looks reports whether the product looks by itself, so that it needs no address.
func (s *suite) looks() bool {
	_, ok := s.Product.(ports.Verifier)
	return ok
}

// seen asks by a real handshake, or lets a product look that does so by itself; nil when
// there is no answer.
func (s *suite) seen(p ports.Target, b ports.Binding) [][]byte {
	if v, ok := s.Product.(ports.Verifier); ok {
		l, err := v.Look(s.ctx, p)
		if err != nil || len(l.Seen) == 0 || l.Seen[0].Err != nil {
			return nil
		}
		return l.Seen[0].Chain
	}
	chain, _, err := product.Prober{Now: func() time.Time { return s.Now }}.Probe(s.ctx, b.Address, b.SNI)
	if err != nil {
		return nil
	}
	return chain
}

// mustPresent checks what is configured and what is seen; nil means nothing.
func (s *suite) mustPresent(t *testing.T, p ports.Target, pair *ports.KeyPair) {
	t.Helper()
	b, err := s.Product.Current(s.ctx, p)
	if pair == nil {
		if s.Product.CreatesResources() {
			if !errors.Is(err, ports.ErrNoResource) {
				t.Errorf("present: %+v, %v; want ErrNoResource", b, err)
			}
		} else if err != nil || b.Fingerprint != "" {
			t.Errorf("present: %+v, %v; want nothing bound", b, err)
		}
		return
	}
	if err != nil || b.Fingerprint != pair.Fingerprint {
		t.Errorf("configured is %q, %v; want %q", b.Fingerprint, err, pair.Fingerprint)
		return
	}
	if got := s.seen(p, b); !slices.EqualFunc(got, pair.Chain, bytes.Equal) {
		t.Errorf("a handshake shows %d certificates, not the chain deployed", len(got))
	}
}

func testRegions(t *testing.T, s *suite) {
	if !slices.Contains(s.Product.Regions(), s.Region) {
		t.Errorf("regions %v", s.Product.Regions())
	}
	s.Product.Regions()[0] = "changed"
	if s.Product.Regions()[0] == "changed" {
		t.Error("the list of regions is not the caller's own")
	}
}

func testUnknown(t *testing.T, s *suite) {
	if _, err := s.Product.Discover(s.ctx, "nowhere"); err == nil {
		t.Error("an unknown region is listed")
	}
	bad := ports.Target{Region: "nowhere", Name: s.Hosts[0]}
	if _, err := s.Product.Deploy(s.ctx, bad, s.ca.Pair(t, s.Hosts[0])); err == nil {
		t.Error("deployed to an unknown region")
	}
	if _, err := s.Product.Current(s.ctx, bad); !errors.Is(err, ports.ErrNoResource) {
		t.Errorf("present: %v", err)
	}
	none := ports.Target{Region: s.Region, Name: "no-such-resource.example"}
	if _, err := s.Product.Current(s.ctx, none); !errors.Is(err, ports.ErrNoResource) {
		t.Errorf("present: %v", err)
	}
	if err := s.Product.Undeploy(s.ctx, none); !errors.Is(err, ports.ErrNoResource) {
		t.Errorf("undeploy: %v", err)
	}
	_, err := s.Product.Deploy(s.ctx, none, s.ca.Pair(t, none.Name))
	if !s.Product.CreatesResources() && !errors.Is(err, ports.ErrNoResource) {
		t.Errorf("deploy: %v", err)
	}
}

// spec: D3
func testDeploy(t *testing.T, s *suite) {
	p := s.place(0)
	pair, _ := s.deploy(t, p)
	s.mustPresent(t, p, &pair)
	places, err := s.Product.Discover(s.ctx, s.Region)
	if err != nil || !slices.Contains(places, p) {
		t.Errorf("discovered %v, %v", places, err)
	}
	b, err := s.Product.Current(s.ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	v := product.VerifyChain(s.seen(p, b), s.host(p), []product.Roots{{Name: "configured", Pool: s.ca.Pool()}}, s.Now)
	if !v.OK() {
		t.Errorf("the presented chain does not verify: %s", v.AsText())
	}
}

// spec: D6
func testAgain(t *testing.T, s *suite) {
	p := s.place(0)
	first, _ := s.deploy(t, p)
	if err := s.Product.Commit(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	second, _ := s.deploy(t, p)
	for range 2 {
		if b, err := s.Product.Deploy(s.ctx, p, second); err != nil || b.Fingerprint != second.Fingerprint {
			t.Fatalf("again: %+v, %v", b, err)
		}
	}
	s.mustPresent(t, p, &second)
	// Nor does it forget what was there before.
	if err := s.Product.Rollback(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	s.mustPresent(t, p, &first)
}

// spec: D3
func testRestoreFirst(t *testing.T, s *suite) {
	p := s.place(0)
	before, errBefore := s.Product.Current(s.ctx, p)
	_, b := s.deploy(t, p)
	for range 2 {
		if err := s.Product.Rollback(s.ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	after, errAfter := s.Product.Current(s.ctx, p)
	missing := func(err error) bool { return errors.Is(err, ports.ErrNoResource) }
	if after.Fingerprint != before.Fingerprint || missing(errAfter) != missing(errBefore) {
		t.Errorf("before %+v, %v; after %+v, %v", before, errBefore, after, errAfter)
	}
	if s.Product.CreatesResources() {
		if got := s.seen(p, b); got != nil {
			t.Error("it still presents what was taken back")
		}
	}
}

// spec: D3
func testRestoreLater(t *testing.T, s *suite) {
	p := s.place(0)
	first, _ := s.deploy(t, p)
	if err := s.Product.Commit(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	second, _ := s.deploy(t, p)
	s.mustPresent(t, p, &second)
	for range 2 { // a repeated call after a crash changes nothing more
		if err := s.Product.Rollback(s.ctx, p); err != nil {
			t.Fatal(err)
		}
		s.mustPresent(t, p, &first)
	}
}

func testRestoreNothing(t *testing.T, s *suite) {
	p := s.place(0)
	if err := s.Product.Rollback(s.ctx, p); err != nil {
		t.Errorf("nothing was ever deployed: %v", err)
	}
	if err := s.Product.Commit(s.ctx, p); err != nil {
		t.Errorf("nothing was ever deployed: %v", err)
	}
	pair, _ := s.deploy(t, p)
	for range 2 {
		if err := s.Product.Commit(s.ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Product.Rollback(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	s.mustPresent(t, p, &pair)
}

// spec: D8
func testUndeploy(t *testing.T, s *suite) {
	p := s.place(0)
	_, b := s.deploy(t, p)
	if err := s.Product.Commit(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := s.Product.Undeploy(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	if !s.Product.CreatesResources() {
		return // what was there before is the driver's own test
	}
	s.mustPresent(t, p, nil)
	if s.seen(p, b) != nil {
		t.Error("it is still presented")
	}
	if err := s.Product.Undeploy(s.ctx, p); !errors.Is(err, ports.ErrNoResource) {
		t.Errorf("again: %v", err)
	}
	if err := s.Product.Rollback(s.ctx, p); err != nil {
		t.Errorf("restore: %v", err)
	}
	s.mustPresent(t, p, nil)
	again, _ := s.deploy(t, p)
	s.mustPresent(t, p, &again)
}

func testBroken(t *testing.T, s *suite) {
	p := s.place(0)
	good, _ := s.deploy(t, p)
	if err := s.Product.Commit(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	other := s.ca.Pair(t, s.host(p))
	for name, pair := range map[string]ports.KeyPair{
		"another key":         {Chain: other.Chain, Key: good.Key, Fingerprint: other.Fingerprint},
		"no key":              {Chain: other.Chain, Fingerprint: other.Fingerprint},
		"no chain":            {Key: other.Key, Fingerprint: other.Fingerprint},
		"another fingerprint": {Chain: other.Chain, Key: other.Key, Fingerprint: good.Fingerprint},
		"not a certificate":   {Chain: [][]byte{{1, 2, 3}}, Key: other.Key, Fingerprint: other.Fingerprint},
	} {
		_, err := s.Product.Deploy(s.ctx, p, pair)
		if err == nil {
			t.Errorf("%s: deployed", name)
		} else if bytes.Contains([]byte(err.Error()), good.Key.Reveal()) || bytes.Contains([]byte(err.Error()), other.Key.Reveal()) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	s.mustPresent(t, p, &good)
	if err := s.Product.Rollback(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	s.mustPresent(t, p, &good)
}

// spec: D3
func testIndependent(t *testing.T, s *suite) {
	if len(s.Hosts) == 1 {
		t.Skip("the product has one target")
	}
	a, b := s.place(0), s.place(1)
	first, _ := s.deploy(t, a)
	second, _ := s.deploy(t, b)
	if err := s.Product.Commit(s.ctx, a); err != nil {
		t.Fatal(err)
	}
	if err := s.Product.Rollback(s.ctx, b); err != nil {
		t.Fatal(err)
	}
	s.mustPresent(t, a, &first)
	third, _ := s.deploy(t, b)
	s.mustPresent(t, a, &first)
	s.mustPresent(t, b, &third)
	if third.Fingerprint == second.Fingerprint {
		t.Fatal("the pairs are the same")
	}
}

func testConcurrent(t *testing.T, s *suite) {
	var wg sync.WaitGroup
	last := make([]ports.KeyPair, len(s.Hosts))
	for n := range s.Hosts {
		p := s.place(n)
		pairs := []ports.KeyPair{s.ca.Pair(t, s.host(p)), s.ca.Pair(t, s.host(p)), s.ca.Pair(t, s.host(p))}
		last[n] = pairs[2]
		wg.Add(2)
		go func() {
			defer wg.Done()
			for _, pair := range pairs {
				b, err := s.Product.Deploy(s.ctx, p, pair)
				if err != nil {
					t.Error(err)
					return
				}
				if got := s.seen(p, b); len(got) == 0 || !bytes.Equal(got[0], pair.Chain[0]) {
					t.Errorf("%s: a handshake after deploying does not show the new leaf", p.Name)
				}
				if err := s.Product.Commit(s.ctx, p); err != nil {
					t.Error(err)
				}
			}
		}()
		go func() { // readers meanwhile
			defer wg.Done()
			for range 10 {
				if _, err := s.Product.Discover(s.ctx, s.Region); err != nil {
					t.Error(err)
				}
				if _, err := s.Product.Current(s.ctx, p); err != nil && !errors.Is(err, ports.ErrNoResource) {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	for n := range s.Hosts {
		s.mustPresent(t, s.place(n), &last[n])
	}
}

// spec: D3
func testSwap(t *testing.T, s *suite) {
	if !s.HTTP {
		t.Skip("the endpoints do not speak HTTP")
	}
	p := s.place(0)
	first, b := s.deploy(t, p)
	dials := 0
	client := &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			dials++
			config := &tls.Config{ServerName: cmp.Or(b.SNI, s.host(p)), RootCAs: s.ca.Pool(), Time: func() time.Time { return s.Now }}
			return (&tls.Dialer{Config: config}).DialContext(ctx, network, b.Address)
		},
	}}
	defer client.CloseIdleConnections()
	ask := func() {
		t.Helper()
		resp, err := client.Get("https://" + s.host(p) + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil || len(body) == 0 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
	ask()
	second, _ := s.deploy(t, p)
	s.mustPresent(t, p, &second)
	ask()
	if dials != 1 {
		t.Errorf("%d connections: the swap dropped one", dials)
	}
	client.CloseIdleConnections()
	ask()
	if dials != 2 || first.Fingerprint == second.Fingerprint {
		t.Errorf("%d connections", dials)
	}
}

// spec: H9
func testReopen(t *testing.T, s *suite) {
	if s.Reopen == nil {
		t.Skip("the product has no state of its own")
	}
	if len(s.Hosts) == 1 {
		t.Skip("the product has one target")
	}
	kept, tried := s.place(0), s.place(1)
	pair, before := s.deploy(t, kept)
	if err := s.Product.Commit(s.ctx, kept); err != nil {
		t.Fatal(err)
	}
	old, _ := s.deploy(t, tried)
	if err := s.Product.Commit(s.ctx, tried); err != nil {
		t.Fatal(err)
	}
	next, _ := s.deploy(t, tried)
	s.Product = s.Reopen(t)
	s.mustPresent(t, kept, &pair)
	s.mustPresent(t, tried, &next)
	if b, err := s.Product.Current(s.ctx, kept); err != nil || b.Address != before.Address {
		t.Errorf("address %s, before %s, %v", b.Address, before.Address, err)
	}
	if err := s.Product.Rollback(s.ctx, tried); err != nil {
		t.Fatal(err)
	}
	s.mustPresent(t, tried, &old)
}
