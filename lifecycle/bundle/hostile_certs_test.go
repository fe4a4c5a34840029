package bundle_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/bundle"
)

// hostileSigners are certificates signed with what nobody should.
func hostileSigners(t testing.TB) []hostile {
	p := shared()
	rsaCA := p.issue(t, caTemplate("rsa"), rsaKey(t, 2048), p.upper)
	under := p.issue(t, leafTemplate("www.example.com"), p.leaf.key, rsaCA)
	by := func(n *node, oid asn1.ObjectIdentifier, signer *node) []byte {
		return block("CERTIFICATE", forge(t, n, signer.key, oid, nil))
	}
	up := p.upper.pem()
	return []hostile{
		one("SHA-1, RSA", "weak-signature", by(under, rsaSHA1, rsaCA), rsaCA.pem(), up),
		one("MD5, RSA", "weak-signature", by(under, rsaMD5, rsaCA), rsaCA.pem(), up),
		one("SHA-1, ECDSA", "weak-signature", by(p.leaf, ecdsaSHA1, p.inter), p.inter.pem(), up),
		one("SHA-1 in between", "weak-signature", p.leaf.pem(), by(p.inter, ecdsaSHA1, p.upper), up),
		one("SHA-1 at the root", "", p.leaf.pem(), p.inter.pem(), up, by(p.root, ecdsaSHA1, p.root)),
		one("SHA-1 alone", "weak-signature", p.sha1(t)),
		one("an algorithm that is none", "bad-chain", block("CERTIFICATE", forgeAs(t, p, asn1.ObjectIdentifier{1, 2, 3})), p.inter.pem(),
			up),
		one("RSA claimed of ECDSA", "bad-chain", block("CERTIFICATE", forgeAs(t, p, rsaSHA256)), p.inter.pem(), up),
	}
}

// forgeAs claims another algorithm than it was signed with.
func forgeAs(t testing.TB, p *pki, oid asn1.ObjectIdentifier) []byte {
	t.Helper()
	return forge(t, p.leaf, p.inter.key, oid, nil)
}

func hostileCertificates(t testing.TB) []hostile {
	p := shared()
	ext := func(oid string, critical bool, value ...byte) pkix.Extension {
		id, err := x509.ParseOID(oid)
		if err != nil {
			t.Fatal(err)
		}
		b, err := id.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var out asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(append([]byte{6, byte(len(b))}, b...), &out); err != nil {
			t.Fatal(err)
		}
		return pkix.Extension{Id: out, Critical: critical, Value: value}
	}
	var out []hostile
	add := func(name, verdict string, change func(*tbs)) {
		c := forge(t, p.leaf, p.inter.key, ecdsaSHA256, change)
		out = append(out, one(name, verdict, block("CERTIFICATE", c), p.inter.pem(), p.upper.pem(), p.leaf.keyPEM(t, "PKCS8")))
	}
	add("forged well", "", nil)
	add("serial -1", "garbage", func(c *tbs) { c.Serial = big.NewInt(-1) })
	add("serial of -2^160", "garbage", func(c *tbs) { c.Serial = new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 160)) })
	add("serial 0", "", func(c *tbs) { c.Serial = new(big.Int) })
	add("serial of 100,000 bytes", "", func(c *tbs) { c.Serial = new(big.Int).Lsh(big.NewInt(1), 800000) })
	for _, e := range []pkix.Extension{
		ext("2.5.29.17", false, 0x30, 0), ext("2.5.29.19", true, 0x30, 0), ext("2.5.29.15", true, 3, 2, 7, 0x80),
	} {
		add("extension "+e.Id.String()+" twice", "garbage", func(c *tbs) { c.Extensions = append(c.Extensions, e) })
	}
	add("the same unknown extension twice", "garbage", func(c *tbs) {
		c.Extensions = append(c.Extensions, ext("1.2.3.4", false, 5, 0), ext("1.2.3.4", false, 5, 0))
	})
	add("an unknown critical extension", "", func(c *tbs) { c.Extensions = append(c.Extensions, ext("1.2.3.4", true, 5, 0)) })
	add("10,000 extensions", "", func(c *tbs) {
		for n := range 10000 {
			c.Extensions = append(c.Extensions, ext(fmt.Sprintf("1.2.3.4.%d", n), false, 5, 0))
		}
	})
	add("an extension of 500 kB", "", func(c *tbs) { c.Extensions = append(c.Extensions, ext("1.2.3.4", false, make([]byte, 500000)...)) })
	add("version 1 with extensions, which then do not count", "", func(c *tbs) { c.Version = 0 })
	add("version 9", "garbage", func(c *tbs) { c.Version = 9 })
	for name, bad := range map[string][]byte{
		"names": {0x30, 0x7f}, "address of 3 bytes": {0x30, 5, 0x87, 3, 1, 2, 3}, "URI": append([]byte{0x30, 6, 0x86, 4}, "://\x00"...),
		"name beyond ASCII": {0x30, 4, 0x82, 2, 0xff, 0xfe},
	} {
		add("bad alternative "+name, "garbage", func(c *tbs) {
			c.Extensions = slices.DeleteFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.17" })
			c.Extensions = append(c.Extensions, ext("2.5.29.17", false, bad...))
		})
	}
	for name, v := range map[string]struct {
		verdict  string
		from, to string
	}{
		"backwards":       {"", "300101000000Z", "200101000000Z"},
		"month 13":        {"garbage", "201301000000Z", "300101000000Z"},
		"30 February":     {"garbage", "200230000000Z", "300101000000Z"},
		"no zone":         {"garbage", "200101000000", "300101000000Z"},
		"escape sequence": {"garbage", "\x1b[31m00000000Z", "300101000000Z"},
		"one instant":     {"", "200101000000Z", "200101000000Z"},
	} {
		add("validity: "+name, v.verdict, func(c *tbs) {
			inner := slices.Concat([]byte{23, byte(len(v.from))}, []byte(v.from), []byte{23, byte(len(v.to))}, []byte(v.to))
			c.Validity = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: inner}
		})
	}
	add("validity to 9999", "", func(c *tbs) {
		inner := append(append([]byte{23, 13}, "200101000000Z"...), append([]byte{24, 15}, "99991231235959Z"...)...)
		c.Validity = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: inner}
	})
	add("a subject without end", "garbage", func(c *tbs) { c.Subject = raw([]byte{0x30, 2, 0x31, 0x7f}) })
	add("no subject", "", func(c *tbs) { c.Subject = raw([]byte{0x30, 0}) })
	return out
}

// evilNames would do something to a terminal, a log or an eye.
var evilNames = []string{
	"a\x00b.example.com", "\x00", "\x1b[31mred", "\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "\x1b]0;title\x07", "line\nbreak",
	"over\rwrite", "tab\t", "\b\b\b",
	"\x7f", "\u009b31m", "\u202egnp.exe", "\u2066isolated", "\u200bzero", "\ufeff", "\u2028", "\U000e0001", "\u00ad",
	"e" + strings.Repeat("\u0301", 500), strings.Repeat("x", 100000), `"quoted" \x1b`, "'; DROP TABLE instances; --", "%s%n%d",
}

// hostileNames are refusals and warnings that name a certificate.
func hostileNames(t testing.TB) []hostile {
	p, other := shared(), newPKI(t)
	var out []hostile
	for n, name := range evilNames {
		cert := block("CERTIFICATE", named(t, p, name))
		out = append(out,
			one(fmt.Sprintf("name %d, accepted", n), "", cert, p.leaf.keyPEM(t, "PKCS8")),
			one(fmt.Sprintf("name %d, another's key", n), "key-mismatch", cert, other.leaf.keyPEM(t, "PKCS8")),
			one(fmt.Sprintf("name %d, two leaves", n), "several-leaves", cert, p.leaf.pem()))
	}
	bad := block("CERTIFICATE", named(t, p, "\xff\xfe"))
	return append(out, one("a name that is no UTF-8", "garbage", bad))
}

// spec: A3
func TestHostileRequests(t *testing.T) {
	p, key := shared(), ecKey(t)
	plain := &x509.CertificateRequest{DNSNames: []string{"www.example.com"}}
	good := request(t, key, ecdsaSHA256, plain, nil)
	some := func(n int) *x509.CertificateRequest {
		tpl := &x509.CertificateRequest{}
		for i := range n {
			tpl.DNSNames = append(tpl.DNSNames, fmt.Sprintf("host%d.example.com", i))
		}
		return tpl
	}
	// A challenge password (RFC 2985 section 5.4.1) in place of the attributes.
	challenge := func(body []byte) []byte {
		var r struct {
			Version    int
			Subject    asn1.RawValue
			PublicKey  asn1.RawValue
			Attributes asn1.RawValue
		}
		if _, err := asn1.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		value := der(t, struct {
			Type   asn1.ObjectIdentifier
			Values []string `asn1:"set"`
		}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 7}, []string{word}})
		r.Attributes = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true,
			Bytes: append(slices.Clone(r.Attributes.Bytes), value...)}
		return der(t, r)
	}
	twist := func(from, to string) []byte { // after it was signed
		b := slices.Clone(unblock(t, good))
		at := bytes.Index(b, []byte(from))
		copy(b[at:], to)
		return b
	}
	rsa1024 := rsaKey(t, 1024)
	raw := unblock(t, good)
	for name, c := range map[string]struct {
		verdict string
		data    []byte
	}{
		"good":                 {"", good},
		"a challenge password": {"", request(t, key, ecdsaSHA256, plain, challenge)},
		"1000 names":           {"", request(t, key, ecdsaSHA256, some(1000), nil)},
		"10,000 names":         {"too-large", request(t, key, ecdsaSHA256, some(10000), nil)},
		"no names":             {"", request(t, key, ecdsaSHA256, &x509.CertificateRequest{}, nil)},
		"another's name":       {"bad-request", twist("www", "vvv")},
		"signature of another": {"bad-request", bundle.EncodeCSR(mixed(t, good, request(t, ecKey(t), ecdsaSHA256, plain, nil)))},
		"signature of nothing": {"bad-request", raw[:len(raw)-1]},
		"RSA 1024":             {"weak-key", request(t, rsa1024, rsaSHA256, plain, nil)},
		"RSA 1024, MD5":        {"weak-key", request(t, rsa1024, rsaMD5, plain, nil)},
		"RSA 2048, MD5":        {"bad-request", request(t, rsaKey(t, 2048), rsaMD5, plain, nil)},
		"P-256, another curve": {"bad-request|weak-key", twist("\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x2a\x86\x48\xce\x3d\x03\x01\x08")},
		"nothing":              {"bad-request", nil},
		"a NUL":                {"bad-request", []byte{0}},
		"a certificate":        {"bad-request", p.leaf.pem()},
		"a certificate in DER": {"bad-request", p.leaf.cert.Raw},
		"a key":                {"bad-request", p.leaf.keyPEM(t, "PKCS8")},
		"two":                  {"bad-request", append(slices.Clone(good), good...)},
		"more behind":          {"bad-request", append(slices.Clone(raw), 0)},
		"nested":               {"garbage", append([]byte("-----BEGIN CERTIFICATE REQUEST-----\n"), good...)},
		"PEM in PEM":           {"bad-request", bundle.EncodeCSR(good)},
		"an evil type":         {"bad-request", []byte("-----BEGIN \x1b[2J\u202e-----\nAAAA\n-----END \x1b[2J\u202e-----\n")},
		"64 kB and a byte":     {"too-large", append(slices.Clone(good), make([]byte, 64<<10+1-len(good))...)},
		"64 kB of BEGIN":       {"garbage", bytes.Repeat([]byte("-----BEGIN "), 5900)},
		"headers":              {"", bytes.Replace(good, []byte("-----\n"), []byte("-----\n"+strings.Repeat("X: y\n", 100)+"\n"), 1)},
		"a deep nest":          {"bad-request", deep(20000)},
		"a length of 2^32":     {"bad-request", []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}},
		"names as e-mail": {"", request(t, key, ecdsaSHA256, &x509.CertificateRequest{EmailAddresses: []string{"a@example.com"}},
			nil)},
		"ECDSA claimed of RSA":   {"bad-request", request(t, key, rsaSHA256, plain, nil)},
		"an unknown algorithm":   {"bad-request", request(t, key, asn1.ObjectIdentifier{1, 2, 3}, plain, nil)},
		"binary after BEGIN":     {"garbage", append([]byte("-----BEGIN CERTIFICATE REQUEST-----\n"), raw...)},
		"base64 without borders": {"bad-request", bytes.Join(bytes.Split(good, []byte("\n"))[1:3], nil)},
	} {
		t.Run(name, func(t *testing.T) { parseRequest(t, c.data, c.verdict) })
	}
	for n, name := range evilNames {
		t.Run(fmt.Sprintf("name %d", n), func(t *testing.T) {
			tpl := &x509.CertificateRequest{RawSubject: rdn(t, name[:min(len(name), 30000)])}
			parseRequest(t, request(t, key, ecdsaSHA256, tpl, nil), "")
		})
	}
	for n := range 20 {
		t.Run(fmt.Sprintf("cut off at %d of 20", n), func(t *testing.T) {
			parseRequest(t, raw[:len(raw)*n/20], "bad-request")
			parseRequest(t, bundle.EncodeCSR(raw[:len(raw)*n/20]), "bad-request")
			flipped := slices.Clone(raw)
			flipped[len(raw)*n/20] ^= 0x10
			parseRequest(t, flipped, "bad-request|weak-key")
		})
	}
}

// parseRequest checks a verdict, and that names which were not applied for are
// refused in a message that can be shown.
func parseRequest(t *testing.T, data []byte, verdict string) {
	t.Helper()
	r, err := bundle.ParseCSR(data)
	checkRefusal(t, err, verdict)
	if err == nil {
		checkRefusal(t, bundle.CheckCSRNames(r, []string{"other.example.com"}), string(bundle.WrongNames))
	}
}

func unblock(t testing.TB, data []byte) []byte {
	t.Helper()
	b, _ := pem.Decode(data)
	if b == nil {
		t.Fatal("no PEM")
	}
	return b.Bytes
}

// mixed is one request with the signature of another.
func mixed(t testing.TB, body, signature []byte) []byte {
	t.Helper()
	var a, b signed
	for into, data := range map[*signed][]byte{&a: unblock(t, body), &b: unblock(t, signature)} {
		if _, err := asn1.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	a.Signature = b.Signature
	return der(t, a)
}
