package issuertest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"testing"
	"time"
)

// KeysAndSignatures makes n certificates without anything else: a P-256 key and a signature
// of one for each, on two goroutines. No issuer that makes keys is quicker.
func KeysAndSignatures(t testing.TB, n int) {
	t.Helper()
	const goroutines = 2
	ca := NewKey(t)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for serial := g; serial < n; serial += goroutines {
				sign(t, int64(serial)+1, NewKey(t).Public(), ca)
			}
		})
	}
	wg.Wait()
}

// Certificate returns a certificate for a key, which signs it itself.
func Certificate(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	return sign(t, 1, key.Public(), key)
}

func sign(t testing.TB, serial int64, public crypto.PublicKey, ca crypto.Signer) []byte {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "a.example.com"}, DNSNames: []string{"a.example.com"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().AddDate(0, 0, 90),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, ca)
	if err != nil {
		t.Error(err)
	}
	return der
}
