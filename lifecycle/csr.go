package lifecycle

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"

	"certquay/model"
)

// makeCSR signs a PKCS#10 request (RFC 2986) for names with a sealed key.
func makeCSR(key model.Secret, names []string) ([]byte, error) {
	signer, err := x509.ParsePKCS8PrivateKey(key.Reveal())
	if err != nil {
		return nil, model.Fail("key.decode", "cause", err)
	}
	t := x509.CertificateRequest{}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	if len(names) > 0 && len(names[0]) <= 64 {
		t.Subject = pkix.Name{CommonName: names[0]}
	}
	return x509.CreateCertificateRequest(rand.Reader, &t, signer)
}
