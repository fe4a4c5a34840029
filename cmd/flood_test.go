package cmd_test

import (
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// A crowd at an endpoint and at the port of the CRL: a thousand connections from
// several addresses that say nothing, and many more one after the other. Whoever
// comes meanwhile gets what they want, verbs go on, and the owner lives.
// CERTQUAY_FLOOD=10000 is the whole measurement.
func TestACrowdAtAnEndpointKeepsNobodyOut(t *testing.T) {
	many := long(t, "CERTQUAY_FLOOD", 1000)
	p, i := personWithCertificate(t)
	s := p.serve()
	place := p.deploy(i.ID, "CDN")
	address, err := crlOf(place)
	if err != nil {
		t.Fatal(err)
	}
	crl, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		if err := p.reads(i, place); err != nil {
			t.Error(err)
		}
	}
	from := func(n int, to string) (net.Conn, error) {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+n%20))}}
		return d.Dial("tcp", to)
	}
	for what, to := range map[string]string{"endpoint": place.Address, "CRL": crl.Host} {
		var idle []net.Conn
		for n := range 1000 {
			c, err := from(n, to)
			if err != nil {
				t.Fatalf("%s: %d are there: %v", what, n, err)
			}
			idle = append(idle, c)
		}
		begun := time.Now()
		read()
		t.Logf("%s: with 1000 idle connections everything was read within %v", what, time.Since(begun).Round(time.Millisecond))
		var all sync.WaitGroup
		for worker := range 20 {
			all.Go(func() {
				for n := range many / 20 {
					c, err := from(worker, to)
					if err != nil {
						t.Errorf("%s: connection %d: %v", what, n, err)
						return
					}
					_, _ = fmt.Fprint(c, "x")
					_ = c.Close()
				}
			})
		}
		read()
		all.Wait()
		begun = time.Now()
		read()
		t.Logf("%s: after %d connections everything was read within %v", what, many, time.Since(begun).Round(time.Millisecond))
		for _, c := range idle {
			_ = c.Close()
		}
	}
	p.must("buy")
	if err := s.stopServing(); err != nil {
		t.Errorf("%v\n%s", err, s.out)
	}
	checkNothingLost(t, p, i)
}
