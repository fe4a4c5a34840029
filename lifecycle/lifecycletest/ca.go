package lifecycletest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"time"
)

// signer is the key of the CA of all tests. It is fixed, and Ed25519 signatures
// are a function of key and message: the same certificate has the same
// fingerprint in every run.
var signer = sync.OnceValue(func() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("lifecycletest"))
	return ed25519.NewKeyFromSeed(seed[:])
})

// Root is the certificate that signs all others of this package. Do not change it.
var Root = sync.OnceValue(func() *x509.Certificate {
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "scripted"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, signer().Public(), signer())
	if err != nil {
		panic(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return ca
})

// Sign makes a certificate for names, the first of which is its subject, valid
// from a whole second.
func Sign(public any, serial *big.Int, from, to time.Time, names ...string) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[0]},
		DNSNames:     names,
		NotBefore:    from.Truncate(time.Second),
		NotAfter:     to,
	}, Root(), public, signer())
}

// randomSerial is a serial number of 100 bits.
func randomSerial() *big.Int {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		panic(err)
	}
	return serial
}
