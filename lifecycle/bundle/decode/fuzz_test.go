package decode

import (
	"bytes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// The fuzz targets decode in this process, where nothing bounds the work, so
// inputs that ask for much of it are left out. Run one for half a minute with:
//
//	go test -run '^$' -fuzz FuzzPKCS12 -fuzztime 30s -fuzzminimizetime 1s ./lifecycle/bundle/decode
//
// The others are FuzzJKS and FuzzPKCS8 here, and FuzzParse and FuzzParseCSR in
// lifecycle/bundle.

const fuzzWord = "open sesame"

// costly finds a number above 20,000 in DER, at any depth, as which iterations
// would stand there, and scrypt.
func costly(der []byte) bool {
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return false
		}
		der = rest
		switch {
		case v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger:
			if n := new(big.Int).SetBytes(v.Bytes); n.Cmp(big.NewInt(20000)) > 0 && n.BitLen() < 64 {
				return true
			}
		case v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOID:
			if bytes.HasPrefix(v.Bytes, []byte{0x2b, 6, 1, 4, 1, 0xda, 0x47}) {
				return true
			}
		case v.IsCompound || v.Tag == asn1.TagOctetString || v.Tag == 0:
			if costly(v.Bytes) {
				return true
			}
		}
	}
	return false
}

func fuzzLeaf(f *testing.F) (*ecdsa.PrivateKey, *x509.Certificate) {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"www.example.com"}, NotBefore: time.Unix(1.7e9, 0),
		NotAfter: time.Unix(1.8e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	return key, cert
}

// fuzz checks that decoding ends with contents or with a problem that is known.
func fuzz(f *testing.F, costly func([]byte) bool, open func(data []byte) (Contents, error)) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		if costly(data) {
			t.Skip("more work than a fuzzer has time for")
		}
		c, err := open(data)
		var e *Error
		if errors.As(err, &e) && e.Problem == "" || err == nil && c.Key.Empty() && c.Certs == nil {
			t.Fatalf("%v, %d certificates", err, len(c.Certs))
		}
		if fields, ok := split(message(c.Certs...)); !ok || len(fields) != len(c.Certs) {
			t.Fatal("the message is not read back")
		}
	})
}

// spec: I3
func FuzzPKCS12(f *testing.F) {
	key, cert := fuzzLeaf(f)
	for _, enc := range []*pkcs12.Encoder{pkcs12.LegacyRC2.WithIterations(1), pkcs12.LegacyDES.WithIterations(1),
		pkcs12.Modern2023.WithIterations(1), pkcs12.Modern2026.WithIterations(1), pkcs12.Passwordless} {
		der, err := enc.Encode(key, cert, []*x509.Certificate{cert}, "")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
		f.Add(der[:len(der)/2])
		// Without its check value, which no change would survive.
		var p struct {
			Version int
			Auth    asn1.RawValue
			MAC     asn1.RawValue `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(der, &p); err != nil {
			f.Fatal(err)
		}
		p.MAC = asn1.RawValue{}
		if der, err = asn1.Marshal(struct {
			Version int
			Auth    asn1.RawValue
		}{p.Version, p.Auth}); err != nil {
			f.Fatal(err)
		}
		if _, err := openPKCS12(der, nil); err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	fuzz(f, costly, func(data []byte) (Contents, error) { return openPKCS12(data, nil) })
}

// spec: I3
func FuzzJKS(f *testing.F) {
	key, cert := fuzzLeaf(f)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	chain := []keystore.Certificate{{Type: "X.509", Content: cert.Raw}}
	for n := range 3 {
		store := keystore.New()
		err := store.SetTrustedCertificateEntry("b", keystore.TrustedCertificateEntry{Certificate: chain[0]})
		for k := range n {
			if err == nil {
				err = store.SetPrivateKeyEntry(strconv.Itoa(k), keystore.PrivateKeyEntry{PrivateKey: der, CertificateChain: chain},
					[]byte(fuzzWord))
			}
		}
		var out bytes.Buffer
		if err == nil {
			err = store.Store(&out, []byte(fuzzWord))
		}
		if err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	cheap := func([]byte) bool { return false }
	fuzz(f, cheap, func(data []byte) (Contents, error) {
		if n := len(data) - sha1.Size; n > 0 { // with a right check value, which no change would survive
			h := sha1.New()
			for _, b := range []byte(fuzzWord) {
				h.Write([]byte{0, b})
			}
			h.Write([]byte("Mighty Aphrodite"))
			h.Write(data[:n])
			data = h.Sum(bytes.Clone(data[:n]))
		}
		c, err := decode(JKS, data, []byte(fuzzWord)) // the library panics for short keys
		if err == nil && c.Key.Empty() && c.Certs == nil {
			err = &Error{Problem: NoKey} // an empty store
		}
		return c, err
	})
}

// spec: I3
func FuzzPKCS8(f *testing.F) {
	key, _ := fuzzLeaf(f)
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	for oid, c := range ciphers {
		der := seal(f, oid, plain)
		got, err := openPKCS8(der, []byte(fuzzWord))
		if err != nil || !bytes.Equal(got.Key.Reveal(), plain) {
			f.Fatalf("a key of %d bytes: %v", c.keyLength, err)
		}
		f.Add(der)
	}
	fuzz(f, costly, func(data []byte) (Contents, error) { return openPKCS8(data, []byte(fuzzWord)) })
}

// seal encrypts a key as [openPKCS8] opens it, with ten iterations.
func seal(f *testing.F, oid string, plain []byte) []byte {
	f.Helper()
	must := func(b []byte, err error) []byte {
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	parsed := func(s string) asn1.ObjectIdentifier {
		var id asn1.ObjectIdentifier
		for _, n := range strings.Split(s, ".") {
			i, err := strconv.Atoi(n)
			if err != nil {
				f.Fatal(err)
			}
			id = append(id, i)
		}
		return id
	}
	params := func(s string, v any) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: parsed(s), Parameters: asn1.RawValue{FullBytes: must(asn1.Marshal(v))}}
	}
	c := ciphers[oid]
	block, err := c.block(must(pbkdf2.Key(prfs[""], fuzzWord, []byte("salt"), 10, c.keyLength)))
	if err != nil {
		f.Fatal(err)
	}
	iv := make([]byte, block.BlockSize())
	pad := len(iv) - len(plain)%len(iv)
	data := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	kdf := params(oidPBKDF2, struct {
		Salt       []byte
		Iterations int
	}{[]byte("salt"), 10})
	return must(asn1.Marshal(encryptedKey{params(oidPBES2, pbes2{kdf, params(oid, iv)}), data}))
}
