package worker_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/knottest"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/model"
)

// zones are those of every server here: the first delegates a name to the second.
var zones = []knottest.Zone{
	{Name: "feas.test", Records: []string{"_acme-challenge.shop CNAME shop.acme.test."}},
	{Name: "acme.test"},
}

// solver is a dns-01 solver with an account for one zone of a server.
func solver(t *testing.T, s *knottest.Server, typ challenge.Type, zone string) (*dns.Solver, *worker.Account) {
	t.Helper()
	a := accountOf(t, worker.Options{Provider: "dnsupdate", Settings: s.Settings(zone)})
	return dns.New(typ, a, dns.NewResolver([]string{s.Address}, nil)), a
}

func proofOf(order, name, value string) challenge.Proof {
	return challenge.Proof{
		Order: order, Type: challenge.DNS01, Name: name, Token: "t", KeyAuthorization: "t." + value,
		Record: "_acme-challenge." + name + ".", Value: value,
	}
}

func wantSeen(t *testing.T, s challenge.Solver, p challenge.Proof, want bool) {
	t.Helper()
	if seen, missing, err := s.Seen(t.Context(), p); seen != want || err != nil {
		t.Errorf("%s %s: seen %v, missing %v, %v", p.Record, p.Value, seen, missing, err)
	}
}

// A name and its wildcard have two values at one name, which come and go alone. spec: C4
func TestANameAndItsWildcardOnARealServer(t *testing.T) {
	server := knottest.Start(t, zones...)
	s, _ := solver(t, server, challenge.DNS01, "feas.test")
	name, wildcard := proofOf("o1", "feas.test", "v1"), proofOf("o1", "feas.test", "v2")
	wantSeen(t, s, name, false)
	for range 2 {
		if err := errors.Join(s.Present(t.Context(), name), s.Present(t.Context(), wildcard)); err != nil {
			t.Fatal(err)
		}
	}
	wantSeen(t, s, name, true)
	wantSeen(t, s, wildcard, true)
	if err := s.CleanUp(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	wantSeen(t, s, name, false)
	wantSeen(t, s, wildcard, true)
	for range 2 {
		if err := s.CleanUp(t.Context(), wildcard); err != nil {
			t.Fatal(err)
		}
	}
	s.Close("o1")
	if left := server.Texts(t, name.Record); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}

// spec: C4
func TestADelegationOnARealServer(t *testing.T) {
	server := knottest.Start(t, zones...)
	s, _ := solver(t, server, challenge.DNS01, "acme.test")
	p := proofOf("o1", "shop.feas.test", "v1")
	if err := s.Present(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	wantSeen(t, s, p, true)
	if got := server.Texts(t, "shop.acme.test"); !slices.Equal(got, []string{"v1"}) {
		t.Errorf("%q", got)
	}
	if err := s.CleanUp(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	wantSeen(t, s, p, false)
}

// Two accounts at one provider work at once, each with its own credentials.
func TestTwoAccountsAtOneProvider(t *testing.T) {
	server := knottest.Start(t, zones...)
	var wg sync.WaitGroup
	for _, zone := range []string{"feas.test", "acme.test"} {
		s, _ := solver(t, server, challenge.DNS01, zone)
		for n := range 5 {
			wg.Go(func() {
				p := proofOf(fmt.Sprint("o", n), fmt.Sprintf("n%d.%s", n, zone), "v")
				defer s.Close(p.Order)
				if err := s.Present(t.Context(), p); err != nil {
					t.Error(err)
					return
				}
				wantSeen(t, s, p, true)
				if err := s.CleanUp(t.Context(), p); err != nil {
					t.Error(err)
				}
				wantSeen(t, s, p, false)
			})
		}
	}
	wg.Wait()
	// The key of one zone changes no other.
	s, _ := solver(t, server, challenge.DNS01, "acme.test")
	err := s.Present(t.Context(), proofOf("o", "www.feas.test", "v"))
	if cause := model.TextOf(err).Message().Texts["cause"]; cause.Code() != "dns-provider.update" ||
		!strings.Contains(cause.Message().Args["rcode"], "NOTAUTH") &&
			!strings.Contains(cause.Message().Args["rcode"], "REFUSED") {
		t.Errorf("%v", err)
	}
}

// A child killed between making and removing a record is followed by another, which
// removes it; where that fails, the record is named. spec: C5
func TestAChildKilledBeforeItCleansUp(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("children are found in /proc")
	}
	server := knottest.Start(t, zones...)
	s, a := solver(t, server, challenge.DNS01, "acme.test")
	p := proofOf("o1", "shop.feas.test", "v1")
	kill := func() {
		t.Helper()
		for _, pid := range childrenOf(os.Getpid()) {
			if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.HasPrefix(string(b), "certquay-dns") {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	if err := s.Present(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	kill()
	if err := s.CleanUp(t.Context(), p); err != nil {
		t.Error(err)
	}
	wantSeen(t, s, p, false)

	if err := s.Present(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	a.Stop()
	wrong := server.Settings("acme.test")
	wrong["DNSUPDATE_TSIG_SECRET"] = model.NewSecret([]byte("d3Jvbmc="))
	other := accountOf(t, worker.Options{Provider: "dnsupdate", Settings: wrong})
	err := dns.New(challenge.DNS01, other, dns.NewResolver([]string{server.Address}, nil)).CleanUp(t.Context(), p)
	var left *challenge.LeftError
	if !errors.As(err, &left) || left.Proof.Record != "shop.acme.test." || left.Proof.Value != "v1" {
		t.Fatalf("%v", err)
	}
	if err := s.CleanUp(t.Context(), left.Proof); err != nil { // what a later order does
		t.Error(err)
	}
	wantSeen(t, s, p, false)
}

// spec: C4
func TestALastingRecordOnARealServer(t *testing.T) {
	server := knottest.Start(t, zones...)
	s, _ := solver(t, server, challenge.DNSPersist01, "feas.test")
	p := challenge.Proof{
		Order: "o1", Type: challenge.DNSPersist01, Name: "feas.test", Record: "_validation-persist.feas.test.",
		Value: "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard; persistUntil=1999999999; " + strings.Repeat("x", 200),
	}
	if err := errors.Join(s.Present(t.Context(), p), s.CleanUp(t.Context(), p)); err != nil {
		t.Fatal(err)
	}
	s.Close("o1")
	wantSeen(t, s, p, true)
}

// An account is tried by a record that is made, seen and removed. spec: C5
func TestAnAccountIsTried(t *testing.T) {
	server := knottest.Start(t, zones...)
	r := dns.NewResolver([]string{server.Address}, nil)
	_, a := solver(t, server, challenge.DNS01, "acme.test")
	if name, err := dns.Try(t.Context(), a, r, "shop.feas.test"); name != "shop.acme.test." || err != nil {
		t.Errorf("%s %v", name, err)
	}
	if left := server.Texts(t, "shop.acme.test"); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
	if _, err := dns.Try(t.Context(), a, r, "www.feas.test"); codeOf(err) != "dns-provider.failed" {
		t.Error(err)
	}
}
