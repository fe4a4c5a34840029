package bundle_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"testing"

	"certquay/lifecycle/bundle"
)

// tbs is a TBSCertificate (RFC 5280 section 4.1) that can be changed.
type tbs struct {
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   asn1.RawValue
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

type signed struct {
	TBS       asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

func der(t testing.TB, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func raw(b []byte) asn1.RawValue { return asn1.RawValue{FullBytes: b} }

func block(kind string, b []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})
}

var (
	ecdsaSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	ecdsaSHA1   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	rsaSHA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	rsaSHA1     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}
	rsaMD5      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}
)

// forge makes what crypto/x509 refuses to: the certificate changed by hand and
// signed again by a key, with an algorithm of one's choice.
func forge(t testing.TB, n *node, by crypto.Signer, algorithm asn1.ObjectIdentifier, change func(*tbs)) []byte {
	t.Helper()
	var c tbs
	if _, err := asn1.Unmarshal(n.cert.RawTBSCertificate, &c); err != nil {
		t.Fatal(err)
	}
	c.Algorithm = pkix.AlgorithmIdentifier{Algorithm: algorithm}
	if change != nil {
		change(&c)
	}
	body := der(t, c)
	return der(t, signed{raw(body), c.Algorithm, sign(t, by, algorithm, body)})
}

func sign(t testing.TB, by crypto.Signer, algorithm asn1.ObjectIdentifier, body []byte) asn1.BitString {
	t.Helper()
	s2, s1, m5 := sha256.Sum256(body), sha1.Sum(body), md5.Sum(body)
	hash, sum := crypto.SHA256, s2[:]
	switch {
	case algorithm.Equal(rsaSHA1), algorithm.Equal(ecdsaSHA1):
		hash, sum = crypto.SHA1, s1[:]
	case algorithm.Equal(rsaMD5):
		hash, sum = crypto.MD5, m5[:]
	}
	var sig []byte
	var err error
	switch k := by.(type) {
	case *ecdsa.PrivateKey:
		sig, err = ecdsa.SignASN1(rand.Reader, k, sum)
	case *rsa.PrivateKey:
		sig, err = rsa.SignPKCS1v15(rand.Reader, k, hash, sum)
	}
	if err != nil {
		t.Fatal(err)
	}
	return asn1.BitString{Bytes: sig, BitLength: len(sig) * 8}
}

// named is a leaf whose common name is any bytes, as UTF8String.
func named(t testing.TB, p *pki, name string) []byte {
	t.Helper()
	return forge(t, p.leaf, p.inter.key, ecdsaSHA256, func(c *tbs) {
		c.Subject = raw(rdn(t, name))
		for i, e := range c.Extensions { // without alternative names the common name is shown
			if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
				c.Extensions = append(c.Extensions[:i:i], c.Extensions[i+1:]...)
				break
			}
		}
	})
}

func rdn(t testing.TB, name string) []byte {
	t.Helper()
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	set := der(t, attribute{asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(name)}})
	return der(t, []asn1.RawValue{{Tag: asn1.TagSet, IsCompound: true, Bytes: set}})
}

// rsaInfo is a SubjectPublicKeyInfo with these numbers.
func rsaInfo(t testing.TB, n, e *big.Int) []byte {
	t.Helper()
	key := der(t, struct{ N, E *big.Int }{n, e})
	return der(t, struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1},
		Parameters: asn1.NullRawValue}, asn1.BitString{Bytes: key, BitLength: len(key) * 8}})
}

// withKeyInfo is the leaf with another public key.
func withKeyInfo(t testing.TB, p *pki, info []byte) []byte {
	t.Helper()
	return forge(t, p.leaf, p.inter.key, ecdsaSHA256, func(c *tbs) { c.PublicKey = raw(info) })
}

// The structures of PKCS#12 (RFC 7292) that hostile files need.
type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	pfx struct {
		Version int
		Auth    contentInfo
		Mac     macData `asn1:"optional"`
	}
	macData struct {
		Digest     digestInfo
		Salt       []byte
		Iterations int `asn1:"optional,default:1"`
	}
	digestInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	kdfParams struct {
		Salt       []byte
		Iterations int
		KeyLength  int `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier
	}
	twoAlgorithms struct{ KDF, Other pkix.AlgorithmIdentifier }
	bag           struct {
		ID    asn1.ObjectIdentifier
		Value asn1.RawValue `asn1:"tag:0,explicit"`
	}
)

var (
	oidData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncrypted = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidSHA1      = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidHMAC256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidPBES1     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidPBES2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	oidPBMAC1    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidAES256    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidKeyBag    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShrouded  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
)

func algorithm(t testing.TB, oid asn1.ObjectIdentifier, params any) pkix.AlgorithmIdentifier {
	t.Helper()
	a := pkix.AlgorithmIdentifier{Algorithm: oid}
	if params != nil {
		a.Parameters = raw(der(t, params))
	}
	return a
}

func kdf(t testing.TB, iterations, length int) pkix.AlgorithmIdentifier {
	t.Helper()
	return algorithm(t, oidPBKDF2, kdfParams{[]byte("salt"), iterations, length, pkix.AlgorithmIdentifier{Algorithm: oidHMAC256}})
}

func pbes2(t testing.TB, iterations int) pkix.AlgorithmIdentifier {
	t.Helper()
	return algorithm(t, oidPBES2, twoAlgorithms{kdf(t, iterations, 0), algorithm(t, oidAES256, make([]byte, 16))})
}

func data(t testing.TB, content []byte) contentInfo {
	t.Helper()
	return contentInfo{oidData, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der(t, content)}}
}

// encryptedData is content that nobody can decrypt, at some cost.
func encryptedData(t testing.TB, a pkix.AlgorithmIdentifier) contentInfo {
	t.Helper()
	type info struct {
		Type      asn1.ObjectIdentifier
		Algorithm pkix.AlgorithmIdentifier
		Content   []byte `asn1:"tag:0,optional"`
	}
	inner := der(t, struct {
		Version int
		Info    info
	}{0, info{oidData, a, make([]byte, 64)}})
	return contentInfo{oidEncrypted, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}}
}

// macced is a PKCS#12 file with a right check value (PBMAC1, one iteration), so
// that what is inside is looked at.
func macced(t testing.TB, safe ...contentInfo) []byte {
	t.Helper()
	auth := der(t, safe)
	key, err := pbkdf2.Key(sha256.New, word, []byte("salt"), 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	h.Write(auth)
	params := twoAlgorithms{kdf(t, 1, 32), pkix.AlgorithmIdentifier{Algorithm: oidHMAC256}}
	return der(t, pfx{3, data(t, auth), macData{digestInfo{algorithm(t, oidPBMAC1, params), h.Sum(nil)}, []byte("unused"), 1}})
}

func bags(t testing.TB, list ...bag) contentInfo { t.Helper(); return data(t, der(t, list)) }

func certBag(t testing.TB, cert []byte) bag {
	t.Helper()
	inner := der(t, struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}, cert})
	return bag{oidCertBag, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}}
}

func keyBag(id asn1.ObjectIdentifier, key []byte) bag {
	return bag{id, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: key}}
}

// protectedKey is an EncryptedPrivateKeyInfo that nobody can decrypt.
func protectedKey(t testing.TB, a pkix.AlgorithmIdentifier) []byte {
	t.Helper()
	return der(t, struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}{a, make([]byte, 64)})
}

// jks is a Java key store of raw entries, with a right check value.
func jks(count int, entries ...[]byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2}, uint32(count))
	for _, e := range entries {
		out = append(out, e...)
	}
	h := sha1.New()
	for _, b := range []byte(word) {
		h.Write([]byte{0, b})
	}
	h.Write([]byte("Mighty Aphrodite"))
	h.Write(out)
	return h.Sum(out)
}

// entry is one of a Java key store: its length fields say what they are told.
func entry(tag int, alias string, length int, body []byte, certs int) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(tag))
	out = binary.BigEndian.AppendUint16(out, uint16(len(alias)))
	out = append(append(out, alias...), make([]byte, 8)...)
	if tag == 2 {
		out = append(out, "\x00\x05X.509"...)
	}
	out = append(binary.BigEndian.AppendUint32(out, uint32(length)), body...)
	if tag == 1 {
		out = binary.BigEndian.AppendUint32(out, uint32(certs))
	}
	return out
}

// request makes a signing request, changed by hand and signed again.
func request(t testing.TB, key crypto.Signer, algorithm asn1.ObjectIdentifier, tpl *x509.CertificateRequest,
	change func([]byte) []byte) []byte {
	t.Helper()
	made, err := x509.CreateCertificateRequest(rand.Reader, tpl, key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := x509.ParseCertificateRequest(made)
	if err != nil {
		t.Fatal(err)
	}
	body := r.RawTBSCertificateRequest
	if change != nil {
		body = change(body)
	}
	return bundle.EncodeCSR(der(t, signed{raw(body), pkix.AlgorithmIdentifier{Algorithm: algorithm}, sign(t, key, algorithm, body)}))
}
