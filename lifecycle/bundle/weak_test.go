package bundle_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"

	"certquay/lifecycle/bundle"
)

// product is a modulus of so many bits that is a prime times another.
func product(t *testing.T, bits int, p *big.Int) *big.Int {
	t.Helper()
	for {
		q := prime(t, bits-p.BitLen())
		if n := q.Mul(q, p); n.BitLen() == bits {
			return n
		}
	}
}

// divisible is a modulus of so many bits with a small factor.
func divisible(bits int, by int64) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	n.Div(n, big.NewInt(by)).Add(n, big.NewInt(1001))
	n.SetBit(n, 0, 1)
	return n.Mul(n, big.NewInt(by))
}

func prime(t *testing.T, bits int) *big.Int {
	t.Helper()
	p, err := rand.Prime(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// near is the product of two primes next to each other.
func near(t *testing.T, bits int) *big.Int {
	t.Helper()
	for {
		p := prime(t, bits/2)
		q := new(big.Int).Add(p, big.NewInt(2))
		for !q.ProbablyPrime(10) {
			q.Add(q, big.NewInt(2))
		}
		if n := q.Mul(q, p); n.BitLen() == bits {
			return n
		}
	}
}

// roca is a modulus as Infineon's library made them: a power of 65537 modulo each
// small prime.
func roca(bits int) *big.Int {
	m := big.NewInt(1)
	for n := int64(3); n <= 167; n += 2 {
		if p := big.NewInt(n); p.ProbablyPrime(0) {
			m.Mul(m, p)
		}
	}
	n := new(big.Int).Exp(big.NewInt(65537), big.NewInt(4711), m)
	step := new(big.Int).Lsh(m, 1)
	if n.Bit(0) == 0 {
		n.Add(n, m)
	}
	k := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	k.Div(k, step).Add(k, big.NewInt(1))
	return n.Add(n, k.Mul(k, step))
}

// spec: A3, I3
// finding: R-M8
func TestWeakRSAKeysAreRefusedWhateverTheirSizeAndExponent(t *testing.T) {
	strong := product(t, 2049, prime(t, 1024))
	for _, c := range []struct {
		name            string
		n               *big.Int
		e               int
		upload, request bool // accepted
	}{
		{"2048 bits, strong", product(t, 2048, prime(t, 1024)), 65537, true, true},
		{"2049 bits, strong", strong, 65537, true, true},
		{"2048 bits, strong, e = 65539", product(t, 2048, prime(t, 1024)), 65539, true, true},
		{"2049 bits, strong, e = 3", strong, 3, true, false},
		{"2049 bits, strong, e = 17", strong, 17, true, false},
		{"2049 bits, strong, e = 1", strong, 1, false, false},
		{"2049 bits, strong, e even", strong, 65538, false, false},
		{"2049 bits, strong, e = 2^31+1", strong, 1<<31 + 1, false, false},
		{"2048 bits, divisible by 3", divisible(2048, 3), 65537, false, false},
		{"2048 bits, divisible by 3, e = 3", divisible(2048, 3), 3, false, false},
		{"2048 bits, divisible by 3, e = 65539", divisible(2048, 3), 65539, false, false},
		{"2049 bits, divisible by 3", divisible(2049, 3), 65537, false, false},
		{"2050 bits, divisible by 3", divisible(2050, 3), 65537, false, false},
		{"2056 bits, divisible by 3", divisible(2056, 3), 65537, false, false},
		{"3000 bits, divisible by 3", divisible(3000, 3), 65537, false, false},
		{"4095 bits, divisible by 3", divisible(4095, 3), 65537, false, false},
		{"2050 bits, divisible by 751", divisible(2050, 751), 65537, false, false},
		{"2050 bits, factors close together", near(t, 2050), 65537, false, false},
		{"a square", new(big.Int).Exp(prime(t, 1025), big.NewInt(2), nil), 65537, false, false},
		{"2050 bits, ROCA", roca(2050), 65537, false, false},
	} {
		k := &rsa.PublicKey{N: c.n, E: c.e}
		if err := bundle.CheckPublicKey(k); (err == nil) != c.upload {
			t.Errorf("%s: uploaded: %v", c.name, err)
		}
		if err := bundle.CheckRequestKey(k); (err == nil) != c.request {
			t.Errorf("%s: requested: %v", c.name, err)
		}
	}
}

// spec: A3
// finding: R-M8
func TestARequestWithASmallExponentIsRefused(t *testing.T) {
	usual, smaller := []byte{2, 3, 1, 0, 1}, []byte{2, 3, 0, 0xff, 0xff} // the exponent in DER
	data := request(t, rsaKey(t, 2048), rsaSHA256, &x509.CertificateRequest{DNSNames: []string{"a.example.com"}}, func(b []byte) []byte {
		return bytes.Replace(b, usual, smaller, 1)
	})
	_, err := bundle.ParseCSR(data)
	checkRefusal(t, err, string(bundle.WeakKey))
}

// One name on many certificates would have each signature checked with each key.
//
// spec: I3
// finding: R-L1
func TestManyCertificatesOfOneNameCostNothing(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &pki{}
	var many bytes.Buffer
	for range bundle.MaxCertificates {
		c := caTemplate("one name")
		c.SubjectKeyId = nil
		many.Write(p.issue(t, c, key, nil).pem())
	}
	var parsed error
	if n := testing.AllocsPerRun(1, func() { _, parsed = bundle.Parse(now, file(many.Bytes())) }); n > 20000 {
		t.Errorf("%v allocations", n)
	}
	checkRefusal(t, parsed, string(bundle.TooLarge))
}

// A CA that several others have signed over the years is no such case.
//
// spec: I3
// finding: R-L1
func TestACAWithManyCrossSignaturesIsAccepted(t *testing.T) {
	p := newPKI(t)
	parts := [][]byte{p.leaf.pem()}
	for n := range 14 {
		root := p.issue(t, caTemplate(fmt.Sprint("root ", n)), ecKey(t), nil)
		c := caTemplate("inter")
		c.SubjectKeyId = p.inter.cert.SubjectKeyId
		c.Subject = pkix.Name{CommonName: p.inter.cert.Subject.CommonName}
		c.RawSubject = p.inter.cert.RawSubject
		parts = append(parts, issueWith(t, c, p.inter.key, root.cert, root.key).pem(), root.pem())
	}
	if _, err := bundle.Parse(now, file(parts...)); err != nil {
		t.Error(err)
	}
}
