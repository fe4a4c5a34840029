package forecast

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
)

// What a forecast's issuer hands over reads as what was asked for.
func TestCertificateReadsAsWhatWasAsked(t *testing.T) {
	k, err := standInKey()
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat(strings.Repeat("a", 49)+".", 4) + "example.com"
	many := []string{"a.example.com", "192.0.2.1", "2001:db8::1"}
	for n := range 90 {
		many = append(many, fmt.Sprintf("n%d.example.com", n))
	}
	from := time.Date(2049, 12, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	for serial, names := range map[int64][]string{1: {"example.com"}, 0x7f: {"*.example.com"}, 0x80: {long}, 0xff80: many,
		1 << 62: {"192.0.2.1"}} {
		to := from.Add(time.Duration(serial%100) * 24 * time.Hour)
		der, err := certificate(serial, names, from, to, k.Public)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatalf("%x: %v", serial, err)
		}
		got, want := bundle.Names(c), slices.Clone(names)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || c.SerialNumber.Int64() != serial || !c.NotBefore.Equal(from) || !c.NotAfter.Equal(to) ||
			c.Version != 3 {
			t.Errorf("%x: %v %s %s..%s", serial, got, c.SerialNumber, c.NotBefore, c.NotAfter)
		}
		if cn := c.Subject.CommonName; cn != names[0] && len(names[0]) <= 64 || cn != "" && len(names[0]) > 64 {
			t.Errorf("%x: the common name is %q", serial, cn)
		}
		if spki := string(c.RawSubjectPublicKeyInfo); spki != string(k.Public) {
			t.Errorf("%x: another key", serial)
		}
	}
	if _, err := certificate(1, nil, from, from, k.Public); err == nil {
		t.Error("a certificate for nothing")
	}
}
