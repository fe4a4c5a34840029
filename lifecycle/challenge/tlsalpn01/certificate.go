package tlsalpn01

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net"
	"time"

	"certquay/lifecycle/challenge"
)

// extensionID is id-pe-acmeIdentifier.
var extensionID = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}

// errNoProof goes to the peer as an alert.
var errNoProof = errors.New("no-proof")

// certificate returns the certificate of RFC 8737 section 3 for a proof.
func certificate(p challenge.Proof) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now() // nobody looks at the validity, which is of the real clock
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "acme-challenge"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: extensionID, Critical: true, Value: digest(p)}},
	}
	if ip := net.ParseIP(p.Name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{p.Name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
