package bundle_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// node is a certificate with its key.
type node struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// pki is a chain of four: leaf, inter, upper, root.
type pki struct{ leaf, inter, upper, root *node }

func newPKI(t testing.TB) *pki {
	t.Helper()
	p := &pki{}
	p.root = p.issue(t, caTemplate("root"), ecKey(t), nil)
	p.upper = p.issue(t, caTemplate("upper"), ecKey(t), p.root)
	p.inter = p.issue(t, caTemplate("inter"), ecKey(t), p.upper)
	p.leaf = p.issue(t, leafTemplate("www.example.com"), ecKey(t), p.inter)
	return p
}

func (p *pki) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.root.cert)
	return pool
}

func (p *pki) issue(t testing.TB, c *x509.Certificate, key crypto.Signer, by *node) *node {
	t.Helper()
	if by == nil {
		return issueWith(t, c, key, c, key)
	}
	return issueWith(t, c, key, by.cert, by.key)
}

func issueWith(t testing.TB, c *x509.Certificate, key crypto.Signer, parent *x509.Certificate, by crypto.Signer) *node {
	t.Helper()
	c.SerialNumber = serial(t)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	return &node{cert: parse(t, der), key: key}
}

func parse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		t.Fatal(err)
	}
	return n.Add(n, big.NewInt(1))
}

func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func leafTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 2, 0),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func selfSigned(t testing.TB, ca bool) *node {
	t.Helper()
	c := leafTemplate("self.example.com")
	c.IsCA = ca
	k := ecKey(t)
	return issueWith(t, c, k, c, k)
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func nextPrime(p *big.Int) *big.Int {
	n := new(big.Int).Add(p, big.NewInt(2))
	for !n.ProbablyPrime(20) {
		n.Add(n, big.NewInt(2))
	}
	return n
}

func (n *node) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.cert.Raw})
}

func (n *node) pkcs8(t testing.TB) []byte {
	t.Helper()
	s, err := bundle.MarshalKey(n.key)
	if err != nil {
		t.Fatal(err)
	}
	return s.Reveal()
}

// keyPEM is the key in one of the forms tools write.
func (n *node) keyPEM(t testing.TB, form string) []byte {
	t.Helper()
	b := &pem.Block{Type: "PRIVATE KEY", Bytes: n.pkcs8(t)}
	switch form {
	case "SEC1":
		der, err := x509.MarshalECPrivateKey(n.key.(*ecdsa.PrivateKey))
		if err != nil {
			t.Fatal(err)
		}
		b = &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}
	case "PKCS1":
		b = &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(n.key.(*rsa.PrivateKey))}
	}
	return pem.EncodeToMemory(b)
}

func (p *pki) csr(t testing.TB, names ...string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: names[0]},
		DNSNames: names}, p.leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	return bundle.EncodeCSR(der)
}

// sha1 makes a self-signed certificate signed with SHA-1, which crypto/x509
// does not make any more: it signs the body of another by hand.
func (p *pki) sha1(t testing.TB) []byte {
	t.Helper()
	k := rsaKey(t, 2048).(*rsa.PrivateKey)
	c := leafTemplate("old.example.com")
	n := issueWith(t, c, k, c, k)
	// sha256WithRSAEncryption and sha1WithRSAEncryption differ in the last
	// byte of their identifiers only.
	from := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}
	to := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05}
	tbs := replace(n.cert.RawTBSCertificate, from, to)
	sum := sha1.Sum(tbs)
	sig, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA1, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5},
		Parameters: asn1.NullRawValue}, asn1.BitString{Bytes: sig, BitLength: len(sig) * 8}})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func replace(b, from, to []byte) []byte {
	out := append([]byte(nil), b...)
	for i := range out[:len(out)-len(from)+1] {
		if string(out[i:i+len(from)]) == string(from) {
			copy(out[i:], to)
		}
	}
	return out
}
