package bundle_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"certquay/lifecycle/bundle"
)

// locked is a file with the right password.
func locked(name, verdict string, data []byte) hostile {
	return hostile{name, verdict, []bundle.File{{Name: "upload", Data: data, Password: secret(word)}}}
}

func hostilePKCS12(t testing.TB) []hostile {
	p := shared()
	chain := []*x509.Certificate{p.inter.cert, p.upper.cert}
	good, err := pkcs12.Modern2023.Encode(p.leaf.key, p.leaf.cert, chain, word)
	if err != nil {
		t.Fatal(err)
	}
	old, err := pkcs12.LegacyRC2.Encode(p.leaf.key, p.leaf.cert, chain, word)
	if err != nil {
		t.Fatal(err)
	}
	newest, err := pkcs12.Modern2026.Encode(p.leaf.key, p.leaf.cert, chain, word)
	if err != nil {
		t.Fatal(err)
	}
	leaf, key := certBag(t, p.leaf.cert.Raw), keyBag(oidKeyBag, p.leaf.pkcs8(t))
	mac := func(alg pkix.AlgorithmIdentifier, iterations int) []byte {
		return der(t, pfx{3, data(t, der(t, []contentInfo{bags(t, leaf)})), macData{digestInfo{alg, make([]byte, 20)}, []byte("salt"),
			iterations}})
	}
	sha1 := pkix.AlgorithmIdentifier{Algorithm: oidSHA1}
	pbmac := func(iterations, length int) pkix.AlgorithmIdentifier {
		return algorithm(t, oidPBMAC1, twoAlgorithms{kdf(t, iterations, length), pkix.AlgorithmIdentifier{Algorithm: oidHMAC256}})
	}
	pbes1 := func(iterations int) pkix.AlgorithmIdentifier {
		return algorithm(t, oidPBES1, struct {
			Salt []byte
			N    int
		}{[]byte("saltsalt"), iterations})
	}
	salty := macData{digestInfo{sha1, make([]byte, 20)}, make([]byte, 900<<10), 1}
	collection := make([]bag, 0, 40)
	for range 33 {
		collection = append(collection, leaf)
	}
	scrypted := algorithm(t, oidPBES2, twoAlgorithms{scryptKDF(t, 1<<20, 8, 1), algorithm(t, oidAES256, make([]byte, 16))})
	const most = math.MaxInt32
	out := []hostile{
		locked("PKCS#12", "", good),
		locked("PKCS#12, old", "", old),
		locked("PKCS#12, newest", "", newest),
		locked("PKCS#12 by hand", "", macced(t, bags(t, leaf, key))),
		locked("PKCS#12, MAC of 2^31 iterations", "too-expensive", mac(sha1, most)),
		locked("PKCS#12, MAC of 2^62 iterations", "too-expensive", mac(sha1, math.MaxInt64/2)),
		locked("PKCS#12, PBMAC1 of 2^31 iterations", "too-expensive", mac(pbmac(most, 32), 1)),
		locked("PKCS#12, PBMAC1 key of 2^31 bytes", "garbage", mac(pbmac(1, most), 1)),
		locked("PKCS#12, PBMAC1 key of 1 byte", "garbage", mac(pbmac(1, 1), 1)),
		locked("PKCS#12, MAC of 0 iterations", "wrong-password", mac(sha1, 0)),
		locked("PKCS#12, MAC of -1 iterations", "wrong-password", mac(sha1, -1)),
		locked("PKCS#12, an unknown MAC", "unsupported", mac(pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 3}}, 1)),
		locked("PKCS#12, an unknown MAC of a long name", "unsupported",
			mac(pkix.AlgorithmIdentifier{Algorithm: slices.Repeat(asn1.ObjectIdentifier{1}, 5000)}, 1)),
		locked("PKCS#12, a salt of 900 kB", "wrong-password", der(t, pfx{3, data(t, der(t, []contentInfo{bags(t, leaf)})), salty})),
		locked("PKCS#12, certificates for 2^31 iterations", "too-expensive", macced(t, encryptedData(t, pbes2(t, most)))),
		locked("PKCS#12, certificates for 2^31 iterations, old", "too-expensive", macced(t, encryptedData(t, pbes1(most)))),
		locked("PKCS#12, key for 2^31 iterations", "too-expensive",
			macced(t, bags(t, leaf, keyBag(oidShrouded, protectedKey(t, pbes2(t, most)))))),
		locked("PKCS#12, scrypt", "unsupported", macced(t, encryptedData(t, scrypted))),
		locked("PKCS#12, key under another password", "wrong-password|garbage|unsupported",
			macced(t, bags(t, leaf, keyBag(oidShrouded, protectedKey(t, pbes2(t, 1)))))),
		locked("PKCS#12, nothing inside", "unsupported", macced(t)),
		locked("PKCS#12, an empty bag", "unsupported", macced(t, bags(t))),
		locked("PKCS#12, 3 contents", "unsupported", macced(t, bags(t, leaf), bags(t, key), bags(t))),
		locked("PKCS#12, 1000 contents", "unsupported", macced(t, slices.Repeat([]contentInfo{bags(t)}, 1000)...)),
		locked("PKCS#12, no key", "unsupported", macced(t, bags(t, leaf))),
		locked("PKCS#12, no certificate", "unsupported", macced(t, bags(t, key))),
		locked("PKCS#12, two keys", "several-keys", macced(t, bags(t, leaf, key, key))),
		locked("PKCS#12, another's key", "key-mismatch", macced(t, bags(t, leaf, keyBag(oidKeyBag, newPKI(t).leaf.pkcs8(t))))),
		locked("PKCS#12, 33 certificates", "too-large", macced(t, bags(t, append(collection, key)...))),
		locked("PKCS#12, a weak certificate", "weak-signature|key-mismatch", macced(t, bags(t, certBag(t, unblock(t, p.sha1(t))), key))),
		locked("PKCS#12, a certificate that is none", "garbage", macced(t, bags(t, certBag(t, []byte{0x30, 0}), key))),
		locked("PKCS#12, a key that is none", "garbage", macced(t, bags(t, leaf, keyBag(oidKeyBag, []byte{0x30, 0})))),
		locked("PKCS#12, a nest", "garbage", macced(t, data(t, deep(20000)))),
		locked("PKCS#12, encrypted nothing", "unsupported|garbage", macced(t, contentInfo{Type: oidEncrypted})),
		locked("PKCS#12, more behind", "garbage", append(slices.Clone(good), 0)),
		locked("PKCS#12, version 3 and no more", "garbage", []byte{0x30, 3, 2, 1, 3}),
		locked("PKCS#12 of a public key", "unsupported",
			der(t, pfx{Version: 3, Auth: contentInfo{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2},
				Content: asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: []byte{5, 0}}}})),
		{"PKCS#12, a password beyond UCS-2", "wrong-password", []bundle.File{{Data: good, Password: secret("\U0001f511")}}},
		{"PKCS#12, a password of 1 MB", "wrong-password", []bundle.File{{Data: good, Password: secret(strings.Repeat("x", 1<<20))}}},
		{"PKCS#12, a password of 2 MB", "too-expensive", []bundle.File{{Data: good, Password: secret(strings.Repeat("x", 2<<20))}}},
		{"PKCS#12, no MAC and no password", "",
			[]bundle.File{{Data: der(t, pfx{Version: 3, Auth: data(t, der(t, []contentInfo{bags(t, leaf, key)}))})}}},
		locked("PKCS#12, no MAC but a password", "unsupported",
			der(t, pfx{Version: 3, Auth: data(t, der(t, []contentInfo{bags(t, leaf, key)}))})),
		locked("PKCS#12 in PEM", "garbage", block("CERTIFICATE", good)),
		{"four times PKCS#12", "several-keys", slices.Repeat([]bundle.File{{Data: good, Password: secret(word)}}, 4)},
	}
	for n := 1; n < 10; n++ {
		out = append(out, locked(fmt.Sprintf("PKCS#12 cut off at %d of 10", n), "garbage", good[:len(good)*n/10]))
		flipped := slices.Clone(good)
		flipped[len(good)*n/10] ^= 4
		out = append(out, locked(fmt.Sprintf("PKCS#12, a bit at %d of 10", n), "garbage|wrong-password|unsupported", flipped))
	}
	return out
}

func hostileJKS(t testing.TB) []hostile {
	p := shared()
	cert := func(alias string) []byte { return entry(2, alias, len(p.leaf.cert.Raw), p.leaf.cert.Raw, 0) }
	short := func(n int) []byte { // a key of fewer bytes than its salt and check value
		return der(t, struct {
			Algorithm pkix.AlgorithmIdentifier
			Data      []byte
		}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 42, 2, 17, 1, 1}}, make([]byte, n)})
	}
	files, err := bundle.Files("tomcat", content(t, p.leaf))
	if err != nil {
		t.Fatal(err)
	}
	good, password := files[1].Data, strings.TrimSpace(string(files[2].Data))
	const most = math.MaxUint32
	evil := "\x1b[31m\u202e" + strings.Repeat("x", 60000)
	out := []hostile{
		{"JKS", "", []bundle.File{{Data: good, Password: secret(password)}}},
		{"JKS without password", "encrypted-key", []bundle.File{{Data: good}}},
		locked("JKS, wrong password", "wrong-password", good),
		locked("JKS of certificates", "", jks(1, cert("a"))),
		locked("JKS, empty", "no-leaf", jks(0)),
		locked("JKS, only the magic", "garbage", []byte{0xfe, 0xed, 0xfe, 0xed}),
		locked("JKS, 2^32 entries", "garbage", jks(most, cert("a"))),
		locked("JKS, one entry too few", "garbage", jks(1, cert("a"), cert("b"))),
		locked("JKS, one entry too many", "garbage", jks(2, cert("a"))),
		locked("JKS, a key of 4 GB", "garbage", jks(1, entry(1, "a", most, nil, 0))),
		locked("JKS, a key of 2 GB", "garbage", jks(1, entry(1, "a", math.MaxInt32, nil, 0))),
		locked("JKS, a certificate of 4 GB", "garbage", jks(1, entry(2, "a", most, nil, 0))),
		locked("JKS, 2^32 certificates", "garbage", jks(1, entry(1, "a", 0, nil, most))),
		locked("JKS, 2^20 certificates", "garbage", jks(1, entry(1, "a", 0, nil, 1<<20))),
		locked("JKS, an unknown entry", "garbage", jks(1, entry(3, "a", 0, nil, 0))),
		locked("JKS, an empty key", "wrong-password", jks(1, entry(1, "a", 0, nil, 0))),
		locked("JKS, a certificate that is none", "garbage", jks(1, entry(2, "a", 2, []byte{0x30, 0}, 0))),
		locked("JKS, more behind", "garbage", append(slices.Clone(good), 0)),
		locked("JKS, version 3", "garbage", append([]byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 3}, jks(1, cert("a"))[8:]...)),
		locked("JKS, evil names", "several-keys", jks(2, entry(1, evil, 0, nil, 0), entry(1, evil+"2", 0, nil, 0))),
		locked("JKS, 1000 keys", "several-keys", jks(1000, manyKeys(1000)...)),
		locked("JKS, one name twice", "", jks(2, cert("a"), cert("a"))),
		locked("JKS, 40 certificates", "too-large", jks(40, slices.Collect(func(yield func([]byte) bool) {
			for n := range 40 {
				if !yield(cert(fmt.Sprint(n))) {
					return
				}
			}
		})...)),
		{"JKS, a password beyond Latin-1", "unsupported", []bundle.File{{Data: good, Password: secret("\u0416")}}},
		locked("JCEKS", "unsupported", append([]byte{0xce, 0xce, 0xce, 0xce}, good[4:]...)),
	}
	for _, n := range []int{0, 19, 39, 40, 41} {
		key := short(n)
		out = append(out, locked(fmt.Sprintf("JKS, a key of %d bytes", n), "garbage|wrong-password",
			jks(1, entry(1, "a", len(key), key, 0))))
	}
	for n := 1; n < 10; n++ {
		f := bundle.File{Data: good[:len(good)*n/10], Password: secret(password)}
		out = append(out, hostile{fmt.Sprintf("JKS cut off at %d of 10", n), "garbage", []bundle.File{f}})
		f.Data = slices.Clone(good)
		f.Data[len(good)*n/10] ^= 4
		out = append(out, hostile{fmt.Sprintf("JKS, a bit at %d of 10", n), "garbage|wrong-password", []bundle.File{f}})
	}
	return out
}

func manyKeys(n int) [][]byte {
	var out [][]byte
	for i := range n {
		out = append(out, entry(1, fmt.Sprint(i), 0, nil, 0))
	}
	return out
}

func scryptKDF(t testing.TB, n, r, p int) pkix.AlgorithmIdentifier {
	t.Helper()
	return algorithm(t, oidScrypt, struct {
		Salt    []byte
		N, R, P int
	}{[]byte("salt"), n, r, p})
}

func hostileProtectedKeys(t testing.TB) []hostile {
	leaf := chainPEM(shared().leaf)
	key := func(name, verdict string, a pkix.AlgorithmIdentifier) hostile {
		h := locked(name, verdict, block("ENCRYPTED PRIVATE KEY", protectedKey(t, a)))
		h.files = append(h.files, bundle.File{Data: leaf})
		return h
	}
	scrypt := func(n, r, p int) pkix.AlgorithmIdentifier {
		return algorithm(t, oidPBES2, twoAlgorithms{scryptKDF(t, n, r, p), algorithm(t, oidAES256, make([]byte, 16))})
	}
	oid := asn1.ObjectIdentifier{1, 2, 3}
	one := block("ENCRYPTED PRIVATE KEY", protectedKey(t, pbes2(t, 1)))
	legacy := func(info, body string) []byte {
		return []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: " + info + "\n\n" +
			body + "\n-----END RSA PRIVATE KEY-----\n")
	}
	return []hostile{
		key("key, wrong password", "wrong-password", pbes2(t, 1)),
		key("key, 2^31 iterations", "too-expensive", pbes2(t, math.MaxInt32)),
		key("key, 0 iterations", "garbage", pbes2(t, 0)),
		key("key, -1 iterations", "garbage", pbes2(t, -1)),
		key("key, scrypt of 16 MB", "wrong-password", scrypt(1<<14, 8, 1)),
		key("key, scrypt of 1 GB", "too-expensive", scrypt(1<<20, 8, 1)),
		key("key, scrypt of 2^60", "too-expensive|garbage", scrypt(1<<60, 8, 1)),
		key("key, scrypt 2^25 times", "too-expensive", scrypt(2, 8, 1<<25)),
		key("key, scrypt of no power of two", "garbage", scrypt(3, 8, 1)),
		key("key, unknown encryption", "unsupported", pkix.AlgorithmIdentifier{Algorithm: oid}),
		key("key, unknown derivation", "unsupported",
			algorithm(t, oidPBES2, twoAlgorithms{algorithm(t, oid, nil), algorithm(t, oidAES256, make([]byte, 16))})),
		key("key, unknown cipher", "unsupported", algorithm(t, oidPBES2, twoAlgorithms{kdf(t, 1, 0), algorithm(t, oid, nil)})),
		key("key, no parameters", "garbage", pkix.AlgorithmIdentifier{Algorithm: oidPBES2}),
		key("key, half an initial vector", "garbage",
			algorithm(t, oidPBES2, twoAlgorithms{kdf(t, 1, 0), algorithm(t, oidAES256, make([]byte, 8))})),
		locked("1000 encrypted keys", "wrong-password", slices.Concat(slices.Repeat([][]byte{one}, 1000)...)),
		locked("an encrypted key that is none", "garbage", block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0})),
		locked("an old key, unknown cipher", "unsupported", legacy("ROT-13,00", "AAAA")),
		locked("an old key, no initial vector", "unsupported", legacy("AES-256-CBC", "AAAA")),
		locked("an old key, short", "unsupported|wrong-password", legacy("AES-256-CBC,000102030405060708090a0b0c0d0e0f", "AAAA")),
		locked("an old key, wrong password", "wrong-password", legacy("AES-256-CBC,000102030405060708090a0b0c0d0e0f",
			strings.Repeat("A", 64))),
		locked("an old key, empty", "unsupported|wrong-password", legacy("AES-256-CBC,000102030405060708090a0b0c0d0e0f", "")),
		locked("an old key, evil header", "unsupported", legacy("\x1b[31m,00", "AAAA")),
	}
}
