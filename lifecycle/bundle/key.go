package bundle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"certquay/model"
)

// maxRSA is the largest modulus Go's TLS verifies, maxExponent the largest
// exponent.
const (
	maxRSA      = 8192
	maxExponent = 1<<31 - 1
)

// CheckRequestKey is [CheckPublicKey] for a key that a certificate is to be made
// for: an RSA exponent below 65537 is refused too, which is unusual in keys that
// are in use but nobody makes any more (FIPS 186-5 section 5.4; Baseline
// Requirements section 6.1.6).
func CheckRequestKey(pub crypto.PublicKey) error {
	if k, ok := pub.(*rsa.PublicKey); ok && k.E < 65537 {
		return model.Fail("key.small-exponent", "exponent", k.E)
	}
	return CheckPublicKey(pub)
}

// CheckPublicKey returns why a server must not use a key: RSA below 2048 bits or
// known to be weak, or an algorithm that TLS clients do not support (spec A3,
// I3). It takes a few milliseconds at most.
func CheckPublicKey(pub crypto.PublicKey) error {
	if err := CheckKeySize(pub); err != nil {
		return err
	}
	if k, ok := pub.(*rsa.PublicKey); ok && weakRSA(k) {
		// The factors, if some were found, are the key: they stay out of texts.
		return model.Fail("key.known-weak")
	}
	return nil
}

// CheckKeySize is the part of [CheckPublicKey] that costs nothing: algorithm
// and size only.
func CheckKeySize(pub crypto.PublicKey) error {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		switch n := k.N.BitLen(); {
		case n < 2048:
			return model.Fail("key.short", "bits", n)
		case n > maxRSA:
			return model.Fail("key.long", "bits", n, "most", maxRSA)
		case k.E < 3 || k.E%2 == 0 || k.E > maxExponent || k.N.Bit(0) == 0:
			return model.Fail("key.no-rsa")
		}
		return nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return model.Fail("key.curve", "curve", k.Curve.Params().Name)
	case ed25519.PublicKey:
		return nil
	}
	return model.Fail("key.algorithm")
}

// KeyTypeName is "ecdsa-p256", "rsa-3072", "ed25519" and the like; "unknown"
// for what certquay does not know.
func KeyTypeName(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("rsa-%d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ecdsa-" + strings.ToLower(strings.ReplaceAll(k.Curve.Params().Name, "-", ""))
	case ed25519.PublicKey:
		return "ed25519"
	}
	return "unknown"
}

// GenerateKey makes a key of a type that certquay offers (spec A3).
func GenerateKey(t model.KeyType) (crypto.Signer, error) {
	switch t {
	case model.ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case model.ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case model.RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case model.RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case model.RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, model.Fail("key.no-such-type", "type", t)
}

// MarshalKey is a key as PKCS#8 DER, the form in which certquay keeps keys.
func MarshalKey(k crypto.Signer) (model.Secret, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return model.Secret{}, model.Fail("key.unwritable")
	}
	return model.NewSecret(der), nil
}

// UnmarshalKey reads what [MarshalKey] wrote.
func UnmarshalKey(s model.Secret) (crypto.Signer, error) {
	if s.Empty() {
		return nil, model.Fail("key.none")
	}
	k, err := x509.ParsePKCS8PrivateKey(s.Reveal())
	if err == nil {
		if signer, ok := k.(crypto.Signer); ok {
			return signer, nil
		}
	}
	return nil, model.Fail("key.unreadable")
}

// maxKeyDER bounds a private key, since checking the numbers of a long one takes
// minutes; one of RSA 8192 has 4.7 kB.
const maxKeyDER = 8 << 10

// keyFromDER reads PKCS#8, PKCS#1 and SEC 1, whatever the PEM type says: some
// tools mislabel them.
func keyFromDER(der []byte) (crypto.Signer, error) {
	if len(der) > maxKeyDER {
		return nil, model.Fail("key.too-long")
	}
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if s, ok := k.(crypto.Signer); ok {
			return s, nil
		}
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	return nil, model.Fail("key.no-private")
}

// SamePublic reports whether two public keys are equal.
func SamePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// Fingerprint is the SHA-256 of a certificate's DER, or of that of a public key,
// hexadecimal, lower case.
func Fingerprint(der []byte) string {
	h := sha256.Sum256(der)
	return hex.EncodeToString(h[:])
}

// Serial is a serial number as its bytes in hexadecimal, lower case, so always
// of even length, as openssl prints it but for the case.
func Serial(n *big.Int) string {
	if n == nil {
		return ""
	}
	s := n.Text(16)
	sign := ""
	if n.Sign() < 0 {
		sign, s = "-", s[1:]
	}
	if len(s)%2 == 1 {
		s = "0" + s
	}
	return sign + s
}

// Names lists what a certificate is for: DNS names, then IP addresses; for one
// without any, its common name.
func Names(c *x509.Certificate) []string {
	out := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	if len(out) == 0 && c.Subject.CommonName != "" {
		out = append(out, c.Subject.CommonName)
	}
	return out
}

// Version returns the version record of a leaf. The caller adds Number, KeyID,
// Issued, Issuer, AnnualRenewal, Incomplete and the window the CA suggests.
func Version(leaf *x509.Certificate) model.Version {
	v := model.Version{
		Serial: Serial(leaf.SerialNumber), Fingerprint: Fingerprint(leaf.Raw),
		Subject: leaf.Subject.CommonName, Domains: Names(leaf), KeyType: KeyTypeName(leaf.PublicKey),
		SPKI:      Fingerprint(leaf.RawSubjectPublicKeyInfo),
		NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(),
		SelfSigned: signedBy(leaf, leaf),
	}
	if v.Subject == "" && len(v.Domains) > 0 {
		v.Subject = v.Domains[0]
	}
	return v
}

// levels are the reserved policy identifiers of the CA/Browser Forum (Baseline
// Requirements section 7.1.6.1; EV Guidelines section 9.3).
var levels = map[string]model.Level{
	"2.23.140.1.2.1": model.DV,
	"2.23.140.1.2.2": model.OV,
	"2.23.140.1.2.3": model.OV, // validated for a person: as much as for a company
	"2.23.140.1.1":   model.EV,
}

// Specification derives the specification of a certificate issued elsewhere (spec
// H2): the level from its policy identifier and the domain type from its names.
// Brand, grade and unknown parts are empty.
func Specification(leaf *x509.Certificate) model.Specification {
	var s model.Specification
	for _, p := range leaf.Policies {
		if l, ok := levels[p.String()]; ok {
			s.Level = l
		}
	}
	list := Names(leaf)
	wildcards := 0
	for _, n := range list {
		if strings.HasPrefix(n, "*.") {
			wildcards++
		}
	}
	switch {
	case len(list) == 0:
	case wildcards == 0 && len(list) == 1:
		s.Type = model.Single
	case wildcards == 0:
		s.Type = model.Multi
	case wildcards == 1 && len(list) == 1:
		s.Type = model.Wildcard
	}
	return s
}

// sctList is the extension that holds signed certificate timestamps (RFC 6962
// section 3.3).
var sctList = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

// PubliclyTrusted reports whether a chain, the leaf first, comes from a public CA:
// one of the roots signed it, or it was logged for certificate transparency, as
// browsers require and private CAs do not do. It needs no network; without either
// sign the answer is no.
func PubliclyTrusted(chain []*x509.Certificate, roots *x509.CertPool) bool {
	leaf, between := chain[0], x509.NewCertPool()
	for _, e := range leaf.Extensions {
		if e.Id.Equal(sctList) {
			return true
		}
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: leaf.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}

// CheckPair returns the leaf of a chain, DER, leaf first, or says why a server could not
// present it: as [CheckLeaf], or since the key is not its own.
func CheckPair(chain [][]byte, key model.Secret, fingerprint string) (*x509.Certificate, error) {
	leaf, err := CheckLeaf(chain, fingerprint)
	if err != nil {
		return nil, err
	}
	k, err := UnmarshalKey(key)
	if err != nil {
		return nil, err
	}
	if !SamePublic(k.Public(), leaf.PublicKey) {
		return nil, model.Fail("pair.other-key")
	}
	return leaf, nil
}

// CheckLeaf returns the leaf of a chain, DER, leaf first, or says that there is none, that it
// cannot be read or that it has another fingerprint.
func CheckLeaf(chain [][]byte, fingerprint string) (*x509.Certificate, error) {
	if len(chain) == 0 {
		return nil, model.Fail("pair.none")
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, model.Fail("pair.unreadable")
	}
	if fp := Fingerprint(chain[0]); fp != fingerprint {
		return nil, model.Fail("pair.fingerprint", "is", fp, "want", fingerprint)
	}
	return leaf, nil
}
