package cmd_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
)

// Another program has the address of CRL and OCSP that stands in certificates.
//
// spec: O4, D9
// finding: R-H9, U4
func TestAHeldPortOfCRLAndOCSPStopsNothing(t *testing.T) {
	p := newPerson(t)
	first := p.issue("first.example.com")
	address := crlAddress(t, p.must("download", first.ID, "--out", "-"))
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()

	for _, verb := range [][]string{{"list"}, {"--read-only", "list"}, {"fsck"}, {"show", first.ID}, {"download", first.ID, "--out", "-"}} {
		p.must(verb...)
	}
	type task struct{ Kind, Text, Detail string }
	tasks := decode[[]task](t, p.must("tasks", "--json"))
	holder := fmt.Sprint("process ", os.Getpid())
	if len(tasks) != 1 || tasks[0].Kind != "serve" || !strings.Contains(tasks[0].Text, address) ||
		!strings.Contains(tasks[0].Detail, holder) {
		t.Errorf("tasks: %+v", tasks)
	}
	second := p.issue("second.example.com")
	if got := crlAddress(t, p.must("download", second.ID, "--out", "-")); got != address {
		t.Errorf("the address is now %s, it was %s", got, address)
	}
	s := p.serve()
	p.must("list")
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if tasks := decode[[]task](t, p.must("tasks", "--json")); len(tasks) != 0 {
		t.Errorf("once it is free: %+v", tasks)
	}
}

// crlAddress returns host and port of the CRL of a chain.
func crlAddress(t *testing.T, chain string) string {
	t.Helper()
	_, leaf, _ := strings.Cut(chain, "-----BEGIN CERTIFICATE") // within an archive
	b, _ := pem.Decode([]byte("-----BEGIN CERTIFICATE" + leaf))
	if b == nil {
		t.Fatalf("no certificate in %q", chain)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.CRLDistributionPoints[0])
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
