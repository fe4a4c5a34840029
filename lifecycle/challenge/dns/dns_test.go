package dns_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	miekg "github.com/miekg/dns"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/dnstest"
	"certquay/model"
)

const ns1, ns2 = "192.0.2.1:53", "[2001:db8::2]:53"

func example(t *testing.T, more ...string) (*dnstest.World, *dns.Resolver) {
	w := dnstest.New(t, append([]string{
		"example.com. SOA ns1.example.com. h.example.com. 1 60 60 60 60",
		"example.com. NS ns1.example.com.", "example.com. NS ns2.example.com.",
		"ns1.example.com. A 192.0.2.1", "ns2.example.com. AAAA 2001:db8::2",
	}, more...)...)
	w.Add(t, ns1)
	w.Add(t, ns2)
	return w, dns.NewResolver([]string{dnstest.Resolver}, w.Exchange)
}

// provider notes what it is asked for.
type provider struct {
	asked      []string
	resolvers  []string
	fail       error
	sequential bool
}

func (p *provider) Present(_ context.Context, r dns.Record) error {
	p.asked, p.resolvers = append(p.asked, "present "+r.Name+" "+r.Value), r.Resolvers
	return p.fail
}

func (p *provider) CleanUp(_ context.Context, r dns.Record) error {
	p.asked = append(p.asked, "clean up "+r.Name+" "+r.Value)
	return p.fail
}

func (p *provider) Close(order string) { p.asked = append(p.asked, "close "+order) }

func (p *provider) Sequential() bool { return p.sequential }

var proof = challenge.Proof{
	Order: "o1", Type: challenge.DNS01, Name: "www.example.com", Token: "t", KeyAuthorization: "t.k",
	Record: "_acme-challenge.www.example.com.", Value: "v1",
}

const record = `_acme-challenge.www.example.com. TXT `

func codeOf(err error) string { return model.TextOf(err).Code() }

// A record counts once every authoritative server that answers has it. spec: C4
func TestARecordIsLookedForAtEveryNameServer(t *testing.T) {
	w, r := example(t)
	s := dns.New(challenge.DNS01, &provider{}, r)
	look := func(want bool, code, server string) {
		t.Helper()
		seen, missing, err := s.Seen(t.Context(), proof)
		if err != nil || seen != want || missing.Code() != code || missing.Message().Args["server"] != server {
			t.Errorf("%v %v %v, want %v %s", seen, missing, err, want, code)
		}
	}
	look(false, "challenge.dns.missing", "ns2.example.com (2001:db8::2)")
	w.Add(t, ns1, record+`"v1"`)
	look(false, "challenge.dns.missing", "ns2.example.com (2001:db8::2)")
	w.Add(t, ns2, record+`"v0"`)
	look(false, "challenge.dns.other", "ns2.example.com (2001:db8::2)")
	w.Add(t, ns2, record+`"v" "1"`)
	look(true, "", "")
	w.Remove(ns2, proof.Record)
	w.Answer(ns2, miekg.RcodeRefused)
	look(true, "", "")
	w.Silence(ns1)
	look(false, "challenge.dns.rcode", "ns2.example.com (2001:db8::2)")
}

// spec: C4
func TestDelegationsAreFollowed(t *testing.T) {
	w, r := example(t,
		"_acme-challenge.www.example.com. CNAME WWW.Challenges.example.net.",
		"www.challenges.example.net. CNAME x.challenges.example.net.",
		"challenges.example.net. SOA ns.example.net. h.example.net. 1 60 60 60 60",
		"challenges.example.net. NS ns.example.net.", "ns.example.net. A 192.0.2.3",
	)
	w.Add(t, "192.0.2.3:53", `x.challenges.example.net. TXT "v1"`)
	p := &provider{}
	s := dns.New(challenge.DNS01, p, r)
	if err := s.Present(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
	if seen, missing, err := s.Seen(t.Context(), proof); !seen {
		t.Error(missing, err)
	}
	if err := s.CleanUp(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
	s.Close("o1")
	if want := []string{
		"present x.challenges.example.net. v1",
		"clean up x.challenges.example.net. v1",
		"close o1",
	}; !slices.Equal(
		p.asked,
		want,
	) {
		t.Errorf("%q", p.asked)
	}
	if want := []string{dnstest.Resolver}; !slices.Equal(p.resolvers, want) {
		t.Errorf("the provider is to ask %q", p.resolvers)
	}
}

func TestEndlessDelegationsAreRefused(t *testing.T) {
	var long []string
	for n := range 12 {
		long = append(long, fmt.Sprintf("n%d.example.com. CNAME n%d.example.com.", n, n+1))
	}
	_, r := example(t, append(long, "a.example.com. CNAME b.example.com.", "b.example.com. CNAME a.example.com.")...)
	for name, want := range map[string]string{
		"a.example.com.": "challenge.dns.loop", "n0.example.com.": "challenge.dns.long", "n2.example.com.": "",
	} {
		if _, way, err := r.Follow(t.Context(), name); codeOf(err) != want {
			t.Errorf("%s: %v by %v", name, err, way)
		}
	}
	p := &provider{}
	loop := proof
	loop.Record = "a.example.com."
	if err := dns.New(challenge.DNS01, p, r).Present(t.Context(), loop); codeOf(err) != "challenge.dns.loop" || len(p.asked) > 0 {
		t.Errorf("%v %v", err, p.asked)
	}
}

// What cannot be removed is said with the exact name and value; what is gone is not.
// spec: C5
func TestALeftRecordIsNamed(t *testing.T) {
	w, r := example(t, "_acme-challenge.www.example.com. CNAME x.example.com.")
	p := &provider{fail: errors.New("no such id")}
	s := dns.New(challenge.DNS01, p, r)
	if err := s.CleanUp(t.Context(), proof); err != nil {
		t.Errorf("nothing is there: %v", err)
	}
	w.Add(t, ns1, `x.example.com. TXT "v1"`)
	var left *challenge.LeftError
	err := s.CleanUp(t.Context(), proof)
	if !errors.As(err, &left) || left.Proof.Record != "x.example.com." || left.Proof.Value != "v1" || !errors.Is(err, p.fail) {
		t.Errorf("%v", err)
	}
}

func TestOneRecordAtATime(t *testing.T) {
	_, r := example(t)
	p := &provider{sequential: true}
	s := dns.New(challenge.DNS01, p, r)
	other := proof
	other.Value = "v2"
	if err := errors.Join(s.Present(t.Context(), proof), s.Present(t.Context(), proof)); err != nil {
		t.Fatal(err)
	}
	if err := s.Present(t.Context(), other); !errors.Is(err, challenge.ErrBusy) {
		t.Errorf("%v", err)
	}
	if err := errors.Join(s.CleanUp(t.Context(), proof), s.Present(t.Context(), other)); err != nil {
		t.Error(err)
	}
	s.Close("o1")
	if err := s.Present(t.Context(), proof); err != nil {
		t.Error(err)
	}
}

// Records of dns-persist-01 stay, and without a provider nothing is written. spec: C4
func TestRecordsThatStay(t *testing.T) {
	_, r := example(t)
	p := &provider{}
	persist := proof
	persist.Record, persist.Token, persist.KeyAuthorization = "_validation-persist.www.example.com.", "", ""
	s := dns.New(challenge.DNSPersist01, p, r)
	if err := errors.Join(s.Present(t.Context(), persist), s.CleanUp(t.Context(), persist)); err != nil || len(p.asked) != 1 {
		t.Errorf("%v %v", err, p.asked)
	}
	p.fail = dns.ErrNotPossible
	if err := s.Present(t.Context(), persist); err != nil {
		t.Error(err)
	}
	by := dns.New(challenge.DNS01, nil, r)
	if err := errors.Join(by.Present(t.Context(), proof), by.CleanUp(t.Context(), proof)); err != nil {
		t.Error(err)
	}
	by.Close("o1")
	if seen, missing, err := by.Seen(t.Context(), proof); seen || missing.Code() != "challenge.dns.missing" || err != nil {
		t.Errorf("%v %v %v", seen, missing, err)
	}
}

// A named resolver that is authoritative is asked in place of the published servers.
func TestAHiddenPrimaryIsAskedItself(t *testing.T) {
	w := dnstest.New(t)
	const primary = "127.0.0.1:25353"
	w.Add(t, primary, "feas.test. SOA ns.feas.test. h.feas.test. 1 60 60 60 60", "feas.test. NS ns.feas.test.", "ns.feas.test. A 127.0.0.1")
	_, servers, err := dns.NewResolver([]string{primary}, w.Exchange).Authorities(t.Context(), "_acme-challenge.feas.test.")
	if err != nil || len(servers) != 1 || servers[0].String() != primary {
		t.Errorf("%v %v", servers, err)
	}
}
