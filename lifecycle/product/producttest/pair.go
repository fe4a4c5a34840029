// Package producttest is the contract suite for products: every driver runs it
// against what it drives.
package producttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
)

// CA makes certificates for tests.
type CA struct {
	Root    *x509.Certificate
	issuing *x509.Certificate
	rootKey *ecdsa.PrivateKey
	key     *ecdsa.PrivateKey
	now     time.Time
}

// NewCA makes a root with an intermediate, valid for a year around now.
func NewCA(t testing.TB, now time.Time) *CA {
	t.Helper()
	ca := &CA{now: now.UTC().Truncate(time.Second), rootKey: newKey(t), key: newKey(t)}
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name},
			NotBefore: ca.now.AddDate(0, -6, 0), NotAfter: ca.now.AddDate(0, 6, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	root := template(1, "producttest root")
	ca.Root = create(t, root, root, ca.rootKey, ca.rootKey)
	ca.issuing = create(t, template(2, "producttest issuing"), ca.Root, ca.key, ca.rootKey)
	return ca
}

// Pair makes a fresh certificate with its key and chain for some names, valid
// from an hour before now for 90 days.
func (ca *CA) Pair(t testing.TB, names ...string) ports.KeyPair {
	t.Helper()
	return ca.PairBetween(t, ca.now.Add(-time.Hour), ca.now.AddDate(0, 0, 90), names...)
}

// PairBetween is Pair with a validity.
func (ca *CA) PairBetween(t testing.TB, from, to time.Time, names ...string) ports.KeyPair {
	t.Helper()
	return ca.pair(t, newKey(t), from, to, names)
}

// PairFor is Pair with a key of one's own.
func (ca *CA) PairFor(t testing.TB, key crypto.Signer, names ...string) ports.KeyPair {
	t.Helper()
	return ca.pair(t, key, ca.now.Add(-time.Hour), ca.now.AddDate(0, 0, 90), names)
}

func (ca *CA) pair(t testing.TB, key crypto.Signer, from, to time.Time, names []string) ports.KeyPair {
	t.Helper()
	serial := make([]byte, 12)
	if _, err := rand.Read(serial); err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(append([]byte{1}, serial...)), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	leaf := create(t, c, ca.issuing, key, ca.key)
	pkcs8, err := bundle.MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return ports.KeyPair{Chain: [][]byte{leaf.Raw, ca.issuing.Raw}, Key: pkcs8, Fingerprint: bundle.Fingerprint(leaf.Raw)}
}

// Pool is the root alone.
func (ca *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.Root)
	return p
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func create(t testing.TB, c, parent *x509.Certificate, key, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
