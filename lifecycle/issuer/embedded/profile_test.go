package embedded

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// What the profile of a CA writes is what crypto/x509 makes of the same template, byte by
// byte but for the signature, which is one of the CA.
func TestLeavesByProfileAreThoseOfCryptoX509(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 30, 12, 0, 0, 500, time.UTC)
	ca := &x509.Certificate{
		SerialNumber: newSerial(), Subject: subject("a CA"), NotBefore: now, NotAfter: now.AddDate(40, 0, 0), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: keyID(key.Public()),
	}
	a := &authority{}
	if a.cert, err = sign(ca, ca, key.Public(), key); err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	organization := &model.Organization{
		Name: "Ünïcode & Söhne", Country: "DE", Province: "Bayern", City: "München", Address: "Straße 1", Zip: "80331", OrganizationID: "HRB 1",
	}
	dns := [][]string{{"www.example.com"}, {"*.example.com", "example.com"}, {strings.Repeat("a.", 40) + "example.com"}, nil}
	ips := [][]net.IP{nil, {net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}}
	profiles := 0
	for _, level := range []model.Level{model.DV, model.OV, model.EV} {
		for _, base := range []string{"", "http://ca.example.com:8402"} {
			for _, public := range []crypto.PublicKey{key.Public(), p384.Public(), r2048.Public()} {
				for n, names := range dns {
					for _, addresses := range ips {
						for _, end := range []time.Time{now.AddDate(0, 0, 90), now.AddDate(30, 0, 0)} {
							t1 := template(t, level, base, public, names, addresses, now, end, organization)
							k := profileKey{level, base, t1.KeyUsage}
							if _, known := a.profiles.Load(k); !known {
								profiles++
								if _, err := a.leafDER(k, t1, public, key); err != nil { // makes it
									t.Fatal(err)
								}
							}
							want, err := x509.CreateCertificate(rand.Reader, t1, a.cert, public, key)
							if err != nil {
								t.Fatal(err)
							}
							got, err := a.leafDER(k, t1, public, key)
							if err != nil {
								t.Fatal(err)
							}
							is, err := x509.ParseCertificate(got)
							if err != nil {
								t.Fatalf("%s %q, names %d: %v", level, base, n, err)
							}
							should, err := x509.ParseCertificate(want)
							if err != nil {
								t.Fatal(err)
							}
							if !bytes.Equal(is.RawTBSCertificate, should.RawTBSCertificate) {
								t.Errorf("%s %q, names %d:\n%x\nwant\n%x", level, base, n, is.RawTBSCertificate, should.RawTBSCertificate)
							}
							if err := is.CheckSignatureFrom(a.cert); err != nil {
								t.Error(err)
							}
						}
					}
				}
			}
		}
	}
	if profiles != 3*2*2 {
		t.Errorf("%d profiles", profiles)
	}
}

func template(
	t *testing.T, level model.Level, base string, public crypto.PublicKey, names []string, ips []net.IP, from, to time.Time,
	o *model.Organization,
) *x509.Certificate {
	t.Helper()
	cn := ""
	if len(names) > 0 && len(names[0]) <= maxCommonName {
		cn = names[0]
	}
	name, err := leafSubject(ports.CertificateRequest{Level: level, Organization: o}, cn)
	if err != nil {
		t.Fatal(err)
	}
	if len(names)+len(ips) == 0 {
		names = []string{"x.example.com"}
	}
	c := &x509.Certificate{
		SerialNumber: newSerial(), NotBefore: from, NotAfter: to, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, SubjectKeyId: keyID(public),
		Policies: []x509.OID{policyOf[level]}, DNSNames: names, IPAddresses: ips, Subject: name,
	}
	if _, ok := public.(*rsa.PublicKey); ok {
		c.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	if base != "" {
		c.CRLDistributionPoints, c.OCSPServer, c.IssuingCertificateURL = []string{base + "/crl"}, []string{base + "/ocsp"}, []string{base + "/ca"}
	}
	return c
}

// A CA whose key is not its own signs nothing by a profile.
func TestALeafWithAWrongSignatureIsNotGiven(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := template(t, model.DV, "", key.Public(), []string{"a.example.com"}, nil, time.Now(), time.Now().AddDate(0, 0, 90), nil)
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "a CA"}}
	leaf, err := createCertificate(c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProfile(leaf)
	if err != nil {
		t.Fatal(err)
	}
	wrong := *other
	wrong.PublicKey = key.PublicKey
	if leaf, err := p.sign(c, ca, key.Public(), &wrong); err == nil {
		t.Errorf("a leaf of %d bytes", len(leaf))
	}
}
