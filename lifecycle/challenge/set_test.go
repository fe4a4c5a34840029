package challenge_test

import (
	"context"
	"testing"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// spec: C4
func TestRules(t *testing.T) {
	for _, s := range []string{
		"http-01", "tls-alpn-01=www.example.com", "dns-01=*.example.com,route53", "dns-01=,one", "manual", "http-01=192.0.2.1",
	} {
		r, err := challenge.ParseRule(s)
		if err != nil || r.String() != s {
			t.Errorf("%s: %q, %v", s, r, err)
		}
	}
	for s, code := range map[string]string{
		"": "challenge.no-type", "http-02": "challenge.no-type", "http-01=a.test,dns": "challenge.no-dns",
		"dns-01=a*.test": "challenge.pattern", "dns-01=.test": "challenge.pattern", "dns-01=a test": "challenge.pattern",
		"manual=a.test,dns": "challenge.no-dns",
	} {
		if _, err := challenge.ParseRule(s); model.TextOf(err).Code() != code {
			t.Errorf("%q: %v, want %s", s, err, code)
		}
	}
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "a.test", true}, {"*", "*.a.test", true}, {"a.test", "a.test", true}, {"a.test", "www.a.test", true},
		{"a.test", "*.a.test", true}, {"a.test", "ba.test", false}, {"*.a.test", "a.test", false}, {"*.a.test", "www.a.test", true},
		{"*.a.test", "*.a.test", true}, {"*.a.test", "*.www.a.test", true}, {"A.test", "a.TEST", true},
		{"192.0.2.1", "192.0.2.1", true}, {"2.1", "192.0.2.1", false}, {"2001:db8::1", "2001:db8::1", true},
	} {
		r, err := challenge.ParseRule("http-01=" + c.pattern)
		if err != nil || r.Matches(c.name) != c.want {
			t.Errorf("%s for %s: %t, %v", c.pattern, c.name, !c.want, err)
		}
	}
}

// solver answers a type and sees everything.
type solver struct {
	challenge.Solver
	typ challenge.Type
}

func (s solver) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return true, "", nil
}

// The first rule that is for the name, and that the CA offers, decides. spec: C4
func TestSetPicks(t *testing.T) {
	var set challenge.Set
	for _, s := range []string{"http-01=www.a.test", "dns-01=a.test,one", "tls-alpn-01", "dns-01=,two", "manual"} {
		r, err := challenge.ParseRule(s)
		if err != nil {
			t.Fatal(err)
		}
		e := challenge.Entry{Rule: r}
		if r.Type != challenge.Manual {
			e.Solver = solver{typ: r.Type}
		}
		set.Entries = append(set.Entries, e)
	}
	all := []challenge.Type{challenge.DNS01, challenge.HTTP01, challenge.TLSALPN01}
	dns := []challenge.Type{challenge.DNS01}
	for _, c := range []struct {
		name    string
		offered []challenge.Type
		rule    string
		typ     challenge.Type
	}{
		{"www.a.test", all, "http-01=www.a.test", challenge.HTTP01},
		{"www.a.test", dns, "dns-01=a.test,one", challenge.DNS01},
		{"*.a.test", dns, "dns-01=a.test,one", challenge.DNS01},
		{"b.test", all, "tls-alpn-01", challenge.TLSALPN01},
		{"*.b.test", dns, "dns-01=,two", challenge.DNS01},
		{"192.0.2.1", []challenge.Type{challenge.HTTP01}, "manual", challenge.HTTP01},
		{"b.test", []challenge.Type{"other-01"}, "", ""},
	} {
		e, typ, ok := set.Pick(c.name, c.offered)
		if ok != (c.rule != "") || typ != c.typ || ok && e.String() != c.rule {
			t.Errorf("%s %v: %s by %s", c.name, c.offered, typ, e)
		}
	}
	if e, ok := set.Find("dns-01=gone,three", challenge.DNS01); !ok || e.DNS != "one" {
		t.Errorf("a rule that is gone: %s", e)
	}
	for _, e := range set.Entries {
		if e.Manual() != (e.Type == challenge.Manual) {
			t.Errorf("%s: by hand %t", e, e.Manual())
		}
	}
	byHand := challenge.Entry{Rule: challenge.Rule{Type: challenge.DNS01}, Solver: solver{typ: challenge.DNS01}}
	if !byHand.Manual() {
		t.Error("records without an account are no work of a person")
	}
	manual, ok := set.Find("manual", challenge.DNS01)
	if !ok || manual.Solver != nil {
		t.Errorf("%s", manual)
	}
	if _, _, err := set.Seen(context.Background(), manual, challenge.Proof{}); model.TextOf(err).Code() != "challenge.nobody-looks" {
		t.Errorf("nobody looks: %v", err)
	}
}
