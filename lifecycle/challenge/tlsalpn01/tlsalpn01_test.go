package tlsalpn01_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/tlsalpn01"
	"certquay/lifecycle/listen"
)

// The port answers the CA's handshake for the names of its proofs, and nobody else's.
// spec: C4
func TestTheHandshakeOfACAIsAnswered(t *testing.T) {
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	s := tlsalpn01.New(tlsalpn01.Options{Listen: address, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}})
	proof := func(name string) challenge.Proof {
		return challenge.Proof{Order: "o1", Type: challenge.TLSALPN01, Name: name, Token: "t", KeyAuthorization: "t." + name}
	}
	seen := func(p challenge.Proof) string {
		ok, missing, err := s.Seen(t.Context(), p)
		if err != nil || ok != (missing == "") {
			t.Fatal(ok, missing, err)
		}
		return missing.Code()
	}
	names := []string{"www.example.com", "192.0.2.7", "2001:db8::7"}
	for _, n := range names {
		if code := seen(proof(n)); code != "challenge.tls.unreachable" {
			t.Errorf("%s before: %s", n, code)
		}
	}
	for _, n := range names {
		if err := s.Present(t.Context(), proof(n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range names {
		if code := seen(proof(n)); code != "" {
			t.Errorf("%s: %s", n, code)
		}
	}
	other := proof("www.example.com")
	other.KeyAuthorization = "u.other"
	if code := seen(other); code != "challenge.tls.other" {
		t.Errorf("another proof: %s", code)
	}
	if code := seen(proof("unknown.example.com")); code != "challenge.tls.handshake" {
		t.Errorf("an unknown name: %s", code)
	}
	if c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: "www.example.com"}); err == nil {
		t.Error("a browser is answered")
		_ = c.Close()
	}
	if err := s.CleanUp(t.Context(), proof(names[0])); err != nil {
		t.Fatal(err)
	}
	s.Close("o1")
	if code := seen(proof(names[1])); code != "challenge.tls.unreachable" {
		t.Errorf("after the last: %s", code)
	}
}
