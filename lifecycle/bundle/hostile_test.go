package bundle_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"certquay/lifecycle/bundle"
	"certquay/model"
	"certquay/ui/text"
)

// hostile is one upload of the corpus. The verdict is the reason of the
// refusal, several with | between them where chance decides, or "" when it is
// accepted.
type hostile struct {
	name    string
	verdict string
	files   []bundle.File
}

// longest is how long an upload may take, with others beside it: see package
// decode.
const longest = 40 * time.Second

// said is what an error says in English.
func said(err error) string { return text.New("en").Text(model.TextOf(err)) }

// checkMessage is what holds for every text that reaches people.
func checkMessage(t *testing.T, message string) {
	t.Helper()
	for _, r := range message {
		if r != ' ' && !unicode.IsPrint(r) {
			t.Errorf("%U stands in the message %q", r, message)
		}
	}
	if len(message) > 2000 || strings.Contains(message, word) || strings.Contains(message, "KEY-----") {
		t.Errorf("too long, or quotes a secret: %.200q", message)
	}
}

// checkRefusal compares a verdict and judges the message.
func checkRefusal(t *testing.T, err error, verdict string) {
	t.Helper()
	if !slices.Contains(strings.Split(verdict, "|"), string(reasonOf(err))) || err != nil && reasonOf(err) == "" {
		t.Errorf("%q (%v), want %q", reasonOf(err), err, verdict)
	}
	if err == nil {
		return
	}
	var e *bundle.Error
	if errors.As(err, &e) && (e.Why == "" || e.Hint == "") {
		t.Errorf("half a message: %+v", e)
	}
	checkMessage(t, said(err))
}

// spec: I3
func TestHostileUploads(t *testing.T) {
	var all []hostile
	for _, family := range []func(testing.TB) []hostile{hostilePEM, hostileDamage, hostileKeys, hostileCertificates, hostileNames,
		hostileSigners, hostileChains, hostilePKCS12, hostileJKS, hostileProtectedKeys} {
		all = append(all, family(t)...)
	}
	t.Logf("%d uploads", len(all))
	if len(all) < 200 {
		t.Errorf("%d uploads, want 200", len(all))
	}
	pool := shared().pool()
	for _, h := range all {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			b, err := opts(pool).Parse(h.files...)
			if took := time.Since(start); took > longest {
				t.Errorf("it took %s", took)
			}
			checkRefusal(t, err, h.verdict)
			for _, w := range b.Warnings {
				checkMessage(t, text.New("en").Text(w.Text))
			}
			if err == nil && (len(b.Chain) == 0 || b.Key != nil && !bundle.SamePublic(b.Key.Public(), b.Leaf.PublicKey)) {
				t.Error("accepted, but no bundle")
			}
		})
	}
}

func one(name, verdict string, parts ...[]byte) hostile {
	return hostile{name, verdict, []bundle.File{file(parts...)}}
}

func hostilePEM(t testing.TB) []hostile {
	p := shared()
	leaf, key := p.leaf.pem(), p.leaf.keyPEM(t, "PKCS8")
	whole := bytes.Join([][]byte{leaf, p.inter.pem(), p.upper.pem(), key}, nil)
	header := func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("-----BEGIN CERTIFICATE-----\n")
		for i := range n {
			fmt.Fprintf(&b, "X-%d: %s\n", i, strings.Repeat("x", 60))
		}
		fmt.Fprintf(&b, "\n%s\n-----END CERTIFICATE-----\n", base64.StdEncoding.EncodeToString(p.leaf.cert.Raw))
		return b.Bytes()
	}
	nested := append([]byte("-----BEGIN CERTIFICATE-----\n"), leaf...)
	many := bytes.Repeat(leaf, 33)
	evil := "a\x1b[31m\u202e\x00\n.pem"
	mac := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r")) }
	return []hostile{
		one("33 certificates", "too-large", many),
		one("32 certificates", "", bytes.Repeat(leaf, 32)),
		{"33 certificates in 33 files", "too-large", slices.Repeat([]bundle.File{file(leaf)}, 33)},
		one("1 MB and a byte", "too-large", whole, make([]byte, 1<<20+1-len(whole))),
		one("1 MB", "", whole, bytes.Repeat([]byte{'\n'}, 1<<20-len(whole))),
		{"1 MB and a byte in two files", "too-large", []bundle.File{file(whole), file(make([]byte, 1<<20+1-len(whole)))}},
		{"10,000 empty files", "garbage", make([]bundle.File, 10000)},
		one("1 MB of zeros", "garbage", make([]byte, 1<<20)),
		one("1 MB of dashes", "garbage", bytes.Repeat([]byte("-"), 1<<20)),
		one("1 MB of BEGIN", "garbage", bytes.Repeat([]byte("-----BEGIN "), 1<<20/11)),
		one("1 MB of BEGIN lines", "garbage", bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), 1<<20/28)),
		one("1 MB of END lines", "garbage", bytes.Repeat([]byte("-----END CERTIFICATE-----\n"), 1<<20/26)),
		one("1 MB of empty blocks", "no-leaf", bytes.Repeat([]byte("-----BEGIN X-----\n-----END X-----\n"), 1<<20/34)),
		one("1 MB of empty certificates", "garbage", bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
			1<<20/54)),
		one("one line of 1 MB", "garbage", []byte("-----BEGIN CERTIFICATE-----"), bytes.Repeat([]byte("A"), 1<<20-60)),
		one("nested", "garbage", nested),
		one("nested and closed", "garbage", nested, []byte("-----END CERTIFICATE-----\n")),
		one("PEM in PEM", "garbage", block("CERTIFICATE", leaf)),
		one("a key called certificate", "garbage", block("CERTIFICATE", p.leaf.pkcs8(t))),
		one("a certificate called key", "garbage", block("PRIVATE KEY", p.leaf.cert.Raw)),
		one("a request called certificate", "garbage", bytes.ReplaceAll(p.csr(t, "a.example.com"), []byte(" REQUEST"), nil)),
		one("a public key", "no-leaf", block("PUBLIC KEY", p.leaf.cert.RawSubjectPublicKeyInfo)),
		one("one header", "", header(1)),
		one("10,000 headers", "", header(10000)),
		one("a header without value", "garbage", bytes.Replace(leaf, []byte("-----\n"), []byte("-----\nX:\nno header\n"), 1)),
		one("two certificates in one block", "garbage", block("CERTIFICATE", append(slices.Clone(p.leaf.cert.Raw), p.inter.cert.Raw...))),
		one("DER with more behind", "garbage", p.leaf.cert.Raw, []byte{0}),
		one("two DER certificates", "garbage", p.leaf.cert.Raw, p.inter.cert.Raw),
		one("END of another type", "garbage", bytes.Replace(leaf, []byte("END CERTIFICATE"), []byte("END CERT"), 1)),
		one("lower case", "garbage", bytes.ToLower(leaf)),
		one("no line ends", "garbage", bytes.ReplaceAll(leaf, []byte("\n"), nil)),
		one("UTF-16 cut in half", "garbage", []byte("\xff\xfe-\x00-\x00-")),
		one("UTF-16 of one half", "garbage", []byte("\xff\xfe\x00\xd8\x00\xd8")),
		one("only a byte order mark", "garbage", []byte("\xef\xbb\xbf")),
		one("NULs between", "garbage", bytes.ReplaceAll(leaf, []byte("M"), []byte("M\x00"))),
		one("CR only", "", mac(whole)),
		one("an evil type", "no-leaf", []byte("-----BEGIN \x1b[2J\u202e-----\nAAAA\n-----END \x1b[2J\u202e-----\n")),
		{"an evil file name", "garbage", []bundle.File{{Name: evil, Data: []byte("x")}}},
		{"an evil file name, no certificate", "no-leaf", []bundle.File{{Name: evil, Data: key}}},
		{"a file name of 1 MB", "garbage", []bundle.File{{Name: strings.Repeat("x", 1<<20), Data: []byte("x")}}},
		one("HTML", "garbage", []byte("<html><script>alert(1)</script></html>")),
		one("a shell script", "garbage", []byte("#!/bin/sh\nrm -rf /\n")),
		one("ZIP", "garbage", []byte("PK\x03\x04"), make([]byte, 100)),
		one("ELF", "garbage", []byte("\x7fELF"), make([]byte, 100)),
		one("PKCS#7", "unsupported", block("PKCS7", []byte{0x30, 0})),
		one("PKCS#7 in DER", "unsupported", []byte("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")),
		one("an OpenSSH key", "unsupported", block("OPENSSH PRIVATE KEY", []byte("openssh-key-v1"))),
		one("BER without length", "unsupported", []byte{0x30, 0x80, 2, 1, 3, 0, 0}),
		one("a length of 2^32", "garbage", []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}),
		one("a length of 2^64", "garbage", append([]byte{0x30, 0x88}, bytes.Repeat([]byte{0xff}, 8)...)),
		one("a length of 126 bytes", "garbage", append([]byte{0x30, 0xfe}, bytes.Repeat([]byte{0xff}, 126)...)),
		one("a deep nest", "garbage", deep(20000)),
		one("a deep nest in PEM", "garbage", block("CERTIFICATE", deep(20000))),
	}
}

// deep is sequences in sequences.
func deep(n int) []byte {
	b := []byte{0x30, 0x80}
	for len(b) < n {
		b = append([]byte{0x30, 0x84, byte(len(b) >> 24), byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
	}
	return b
}

// hostileDamage cuts files off and turns single bits around. Whatever was hit,
// the result is never accepted as what it was.
func hostileDamage(t testing.TB) []hostile {
	p := shared()
	var out []hostile
	add := func(name, verdict string, parts ...[]byte) { out = append(out, one(name, verdict, parts...)) }
	rest := append(p.inter.pem(), p.upper.pem()...)
	key := p.leaf.keyPEM(t, "PKCS8")
	leaf, text := p.leaf.cert.Raw, p.leaf.pem()
	for n := range 12 {
		at := len(leaf) * n / 12
		add(fmt.Sprintf("DER cut off at %d of 12", n), "garbage", leaf[:at])
		add(fmt.Sprintf("PEM around DER cut off at %d of 12", n), "garbage", block("CERTIFICATE", leaf[:at]), rest, key)
		if n > 0 {
			add(fmt.Sprintf("PEM cut off at %d of 12", n), "garbage", rest, key, text[:len(text)*n/12])
			add(fmt.Sprintf("key cut off at %d of 12", n), "garbage", text, rest, key[:len(key)*n/12])
		}
	}
	// From one bit to the next in steps that hit every field.
	for bit := 3; bit < len(leaf)*8; bit += len(leaf) * 8 / 40 {
		flipped := slices.Clone(leaf)
		flipped[bit/8] ^= 1 << (bit % 8)
		add(fmt.Sprintf("bit %d of the leaf", bit), "garbage|bad-chain|key-mismatch|weak-key|weak-signature|no-leaf",
			block("CERTIFICATE", flipped), rest, key)
	}
	return out
}

func hostileKeys(t testing.TB) []hostile {
	p, other := shared(), newPKI(t)
	leaf, key := p.leaf.pem(), p.leaf.keyPEM(t, "PKCS8")
	f := big.NewInt(65537)
	weakRSA := func(bits int) []byte {
		k := rsaKey(t, bits)
		return withKeyInfo(t, p, rsaInfo(t, k.(*rsa.PrivateKey).N, f))
	}
	good := rsaKey(t, 2048).(*rsa.PrivateKey)
	even := new(big.Int).Add(good.N, big.NewInt(1))
	odd := func(bits int) *big.Int { // of no known factors, and of no use
		n := new(big.Int).Lsh(big.NewInt(3), uint(bits-2))
		return n.Add(n, big.NewInt(1))
	}
	cert := func(name, verdict string, der []byte) hostile {
		return one("leaf with "+name, verdict, block("CERTIFICATE", der), p.inter.pem(), p.upper.pem())
	}
	rsaLeaf := func(name, verdict string, n, e *big.Int) hostile {
		return cert(name, verdict, withKeyInfo(t, p, rsaInfo(t, n, e)))
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edLeaf := p.issue(t, leafTemplate("www.example.com"), ed, p.inter)
	offCurve := slices.Clone(p.leaf.cert.RawSubjectPublicKeyInfo)
	offCurve[len(offCurve)-1] ^= 1
	out := []hostile{
		cert("RSA 512", "weak-key|garbage", withKeyInfo(t, p, rsaInfo(t, odd(512), f))),
		cert("RSA 1024", "weak-key", weakRSA(1024)),
		cert("RSA 2047", "weak-key", weakRSA(2047)),
		rsaLeaf("RSA 2048", "", good.N, f),
		rsaLeaf("e=1", "weak-key", good.N, big.NewInt(1)),
		rsaLeaf("e=2", "weak-key", good.N, big.NewInt(2)),
		rsaLeaf("e=3", "", good.N, big.NewInt(3)),
		rsaLeaf("e=0", "garbage", good.N, big.NewInt(0)),
		rsaLeaf("e=-1", "garbage", good.N, big.NewInt(-1)),
		rsaLeaf("e of 2000 bits", "garbage", good.N, odd(2000)),
		rsaLeaf("even modulus", "weak-key", even, f),
		rsaLeaf("modulus 0", "garbage", new(big.Int), f),
		rsaLeaf("negative modulus", "garbage", new(big.Int).Neg(good.N), f),
		rsaLeaf("RSA 8200", "weak-key", odd(8200), f),
		rsaLeaf("RSA 16384", "weak-key", odd(16384), f),
		rsaLeaf("RSA 4 million bits", "weak-key", odd(4<<20), f),
		rsaLeaf("RSA 4 million bits and a long e", "weak-key", odd(4<<20), big.NewInt(1<<31-1)),
		cert("a point off the curve", "garbage", withKeyInfo(t, p, offCurve)),
		cert("half a key", "garbage", withKeyInfo(t, p, p.leaf.cert.RawSubjectPublicKeyInfo[:20])),
		cert("P-224", "weak-key", p.issue(t, leafTemplate("www.example.com"), p224, p.inter).cert.Raw),
		cert("Ed25519", "", edLeaf.cert.Raw),
		one("Ed25519 with its key", "", edLeaf.pem(), p.inter.pem(), p.upper.pem(), edLeaf.keyPEM(t, "PKCS8")),
		one("another's key", "key-mismatch", leaf, p.inter.pem(), other.leaf.keyPEM(t, "PKCS8")),
		one("an RSA key for an ECDSA certificate", "key-mismatch", leaf, (&node{key: good}).keyPEM(t, "PKCS1")),
		one("two keys", "several-keys", leaf, key, other.leaf.keyPEM(t, "PKCS8")),
		one("5000 times one key", "", leaf, bytes.Repeat(key, 3000)),
		one("a key alone", "no-leaf", key),
		one("a key of zero bytes", "garbage", leaf, block("PRIVATE KEY", nil)),
		one("a DSA key", "unsupported", leaf, block("DSA PRIVATE KEY", []byte{0x30, 0})),
		one("an X25519 key", "garbage", leaf, block("PRIVATE KEY", x25519(t))),
	}
	// An RSA key whose numbers do not fit together, and one beyond all measure.
	broken := *good
	broken.D = new(big.Int).Add(good.D, big.NewInt(2))
	huge := der(t, struct{ V, N, E, D, P, Q, DP, DQ, QInv *big.Int }{new(big.Int), odd(700000), f, odd(700000), odd(350000), odd(350000),
		odd(350000), odd(350000), odd(350000)})
	ca := forge(t, p.inter, p.upper.key, ecdsaSHA256, func(c *tbs) { c.PublicKey = raw(rsaInfo(t, odd(2<<20), big.NewInt(1<<31-1))) })
	under := unsigned(t, p.leaf, (2<<20)/8)
	some := der(t, struct{ V, N, E, D, P, Q, DP, DQ, QInv *big.Int }{new(big.Int), odd(14000), f, odd(14000), odd(7000), odd(7000),
		odd(7000), odd(7000), odd(7000)})
	return append(out,
		one("an RSA CA of 2 million bits", "weak-key", block("CERTIFICATE", under), block("CERTIFICATE", ca)),
		one("an RSA key of 14,000 bits", "garbage|weak-key|key-mismatch", leaf, block("RSA PRIVATE KEY", some)),
		one("an RSA key that is none", "garbage", leaf, block("RSA PRIVATE KEY", pkcs1(t, &broken))),
		one("an RSA key of 700,000 bits", "garbage|weak-key|key-mismatch", leaf, block("RSA PRIVATE KEY", huge)),
	)
}

// unsigned claims to be signed with RSA, by n bytes.
func unsigned(t testing.TB, c *node, n int) []byte {
	t.Helper()
	var body tbs
	if _, err := asn1.Unmarshal(c.cert.RawTBSCertificate, &body); err != nil {
		t.Fatal(err)
	}
	body.Algorithm = pkix.AlgorithmIdentifier{Algorithm: rsaSHA256, Parameters: asn1.NullRawValue}
	sig := asn1.BitString{Bytes: bytes.Repeat([]byte{0x55}, n), BitLength: n * 8}
	return der(t, signed{raw(der(t, body)), body.Algorithm, sig})
}

func pkcs1(t testing.TB, k *rsa.PrivateKey) []byte {
	t.Helper()
	one := big.NewInt(1)
	mod := func(p *big.Int) *big.Int { return new(big.Int).Mod(k.D, new(big.Int).Sub(p, one)) }
	return der(t, struct{ V, N, E, D, P, Q, DP, DQ, QInv *big.Int }{new(big.Int), k.N, big.NewInt(int64(k.E)), k.D, k.Primes[0],
		k.Primes[1], mod(k.Primes[0]), mod(k.Primes[1]), k.Precomputed.Qinv})
}

func x25519(t testing.TB) []byte {
	t.Helper()
	return append([]byte{0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20}, make([]byte, 32)...)
}

func hostileChains(t testing.TB) []hostile {
	p := shared()
	// Two CAs that signed each other, and a leaf of one.
	a, b := ecKey(t), ecKey(t)
	at, bt := caTemplate("A"), caTemplate("B")
	ab, ba := issueWith(t, at, a, bt, b), issueWith(t, bt, b, at, a)
	leaf := issueWith(t, leafTemplate("www.example.com"), p.leaf.key, at, a)
	key := p.leaf.keyPEM(t, "PKCS8")
	// A line of 31 CAs, and one that leaves out the middle.
	top := p.issue(t, caTemplate("0"), ecKey(t), nil)
	line := []*node{top}
	for n := 1; n < 31; n++ {
		line = append(line, p.issue(t, caTemplate(fmt.Sprint(n)), ecKey(t), line[n-1]))
	}
	end := p.issue(t, leafTemplate("www.example.com"), p.leaf.key, line[30])
	long := end.pem()
	for _, n := range line {
		long = append(long, n.pem()...)
	}
	gap := slices.Concat(end.pem(), line[30].pem(), line[10].pem())
	pathless := caTemplate("inter")
	pathless.IsCA = false
	noCA := p.issue(t, pathless, ecKey(t), p.upper)
	under := p.issue(t, leafTemplate("www.example.com"), p.leaf.key, noCA)
	return []hostile{
		one("a circle of two", "", leaf.pem(), ab.pem(), ba.pem(), key),
		one("a circle without leaf", "no-leaf", ab.pem(), ba.pem()),
		one("a circle, the key of one", "", ab.pem(), ba.pem(), (&node{key: a}).keyPEM(t, "PKCS8")),
		one("31 CAs", "", long, key),
		one("a gap", "bad-chain", gap, key),
		one("a stray beside a leaf that issued", "bad-chain", under.pem(), noCA.pem(), p.inter.pem()),
		one("a chain through a leaf", "", under.pem(), noCA.pem(), p.upper.pem(), key),
		one("a foreign root", "bad-chain", p.leaf.pem(), p.inter.pem(), newPKI(t).root.pem(), key),
		one("the same names, other keys", "bad-chain", p.leaf.pem(), newPKI(t).inter.pem(), key),
		one("two leaves", "several-leaves", p.leaf.pem(), under.pem(), p.inter.pem()),
	}
}
