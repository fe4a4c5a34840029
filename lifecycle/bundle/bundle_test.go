package bundle_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"certquay/lifecycle/bundle"
	"certquay/model"
	"certquay/ui/text"
)

func reasonOf(err error) bundle.Reason {
	var e *bundle.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

func opts(roots *x509.CertPool) bundle.Options { return bundle.Options{Now: now, Roots: roots} }

func file(parts ...[]byte) bundle.File {
	return bundle.File{Name: "upload.pem", Data: bytes.Join(parts, nil)}
}

func codes(b bundle.Bundle) string {
	var s []string
	for _, w := range b.Warnings {
		s = append(s, string(w.Code))
		if w.Text == "" {
			s = append(s, "WITHOUT TEXT")
		}
	}
	return strings.Join(s, " ")
}

// sameChain checks that a bundle holds exactly these certificates in order.
func sameChain(t *testing.T, b bundle.Bundle, want ...*x509.Certificate) {
	t.Helper()
	if len(b.Chain) != len(want) || b.Leaf != b.Chain[0] {
		t.Fatalf("a chain of %d, want %d", len(b.Chain), len(want))
	}
	for i, c := range want {
		if !b.Chain[i].Equal(c) {
			t.Errorf("certificate %d is %s, want %s", i, b.Chain[i].Subject, c.Subject)
		}
	}
}

// spec: I3
func TestChainInAnyOrderIsPutInOrder(t *testing.T) {
	p := newPKI(t)
	all := [][]byte{p.leaf.pem(), p.inter.pem(), p.upper.pem(), p.root.pem(), p.leaf.keyPEM(t, "PKCS8")}
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for n := range 60 {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		files := []bundle.File{file(all...)}
		if n%2 == 0 {
			files = nil
			for _, part := range all {
				files = append(files, file(part))
			}
		}
		b, err := opts(nil).Parse(files...)
		if err != nil {
			t.Fatal(err)
		}
		sameChain(t, b, p.leaf.cert, p.inter.cert, p.upper.cert)
		if b.Root == nil || !b.Root.Equal(p.root.cert) || b.Key == nil || codes(b) != "" {
			t.Fatalf("root %v, key %v, warnings %s", b.Root != nil, b.Key != nil, codes(b))
		}
		if len(b.ChainDER()) != 3 || !bytes.Equal(b.RootDER(), p.root.cert.Raw) {
			t.Fatal("DER forms differ")
		}
	}
}

// spec: I3
func TestNoiseOfTheRealWorldIsPassedOver(t *testing.T) {
	p := newPKI(t)
	chain := func() []byte { return bytes.Join([][]byte{p.leaf.pem(), p.inter.pem(), p.upper.pem()}, nil) }
	key := p.leaf.keyPEM(t, "PKCS8")
	utf16le := func(b []byte) []byte {
		out := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(string(b))) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	}
	aux := pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: append(slices.Clone(p.inter.cert.Raw), 0x30, 0x00)})
	for name, files := range map[string][]bundle.File{
		"CRLF":             {file(bytes.ReplaceAll(append(chain(), key...), []byte("\n"), []byte("\r\n")))},
		"CR":               {file(bytes.ReplaceAll(append(chain(), key...), []byte("\n"), []byte("\r")))},
		"byte order mark":  {file([]byte("\xef\xbb\xbf"), chain(), key)},
		"marks in between": {file(p.leaf.pem(), []byte("\xef\xbb\xbf"), p.inter.pem(), []byte("\xef\xbb\xbf"), p.upper.pem(), key)},
		"UTF-16":           {file(utf16le(append(chain(), key...)))},
		"indented":         {file(bytes.ReplaceAll(append(chain(), key...), []byte("\n"), []byte("\n    ")))},
		"no last newline":  {file(bytes.TrimSpace(append(key, chain()...)))},
		"text dump": {file([]byte("Certificate:\n    Data:\n        Version: 3 (0x2)\n"+
			"        Serial Number:\n            0a:0b\n"), chain(), key)},
		"bag attributes": {file([]byte("Bag Attributes\n    friendlyName: x\n    localKeyID: 01 02\nsubject=CN = a\nissuer=CN = b\n"),
			chain(), []byte("Key Attributes: <No Attributes>\n"), key)},
		"garbage around": {file([]byte("hello\x00\xff\n"), chain(), []byte("\nbye ---- BEGIN\n"), key, []byte("----\n"))},
		"trusted":        {file(p.leaf.pem(), aux, p.upper.pem(), key)},
		"old name":       {file(bytes.ReplaceAll(chain(), []byte(" CERTIFICATE"), []byte(" X509 CERTIFICATE")), key)},
		"EC parameters": {file([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"),
			p.leaf.keyPEM(t, "SEC1"), chain())},
		"SEC1":            {file(chain(), p.leaf.keyPEM(t, "SEC1"))},
		"mislabelled key": {file(chain(), bytes.ReplaceAll(p.leaf.keyPEM(t, "SEC1"), []byte("EC PRIVATE"), []byte("PRIVATE")))},
		"duplicates":      {file(chain(), chain(), key), file(chain(), key)},
		"with a request":  {file(chain(), key), file(p.csr(t, "www.example.com"))},
		"DER files":       {{Data: p.leaf.cert.Raw}, {Data: p.inter.cert.Raw}, {Data: p.upper.cert.Raw}, {Data: p.leaf.pkcs8(t)}},
	} {
		b, err := opts(p.pool()).Parse(files...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(b.Chain) != 3 || !b.Leaf.Equal(p.leaf.cert) || b.Key == nil || codes(b) != "" {
			t.Errorf("%s: chain of %d, key %v, warnings %q", name, len(b.Chain), b.Key != nil, codes(b))
		}
		if b.Root == nil || !b.Root.Equal(p.root.cert) {
			t.Errorf("%s: the root in the pool is not found", name)
		}
	}
}

// spec: I3
func TestLayoutsOfTools(t *testing.T) {
	p := newPKI(t)
	leaf, inter, upper, root := p.leaf.pem(), p.inter.pem(), p.upper.pem(), p.root.pem()
	key := p.leaf.keyPEM(t, "SEC1")
	f := func(name string, parts ...[]byte) bundle.File {
		return bundle.File{Name: name, Data: bytes.Join(parts, nil)}
	}
	for name, files := range map[string][]bundle.File{
		"certbot, all": {f("cert.pem", leaf), f("chain.pem", inter, upper), f("fullchain.pem", leaf, inter, upper),
			f("privkey.pem", p.leaf.keyPEM(t, "PKCS8"))},
		"certbot, two": {f("fullchain.pem", leaf, inter, upper), f("privkey.pem", p.leaf.keyPEM(t, "PKCS8"))},
		"acme.sh": {f("www.example.com.cer", leaf), f("ca.cer", inter, upper), f("fullchain.cer", leaf, inter, upper),
			f("www.example.com.key", key), f("www.example.com.csr", p.csr(t, "www.example.com"))},
		"step":            {f("svc.crt", leaf, inter, upper), f("svc.key", key), f("root_ca.crt", root)},
		"haproxy":         {f("site.pem", key, leaf, inter, upper)},
		"windows, bundle": {f("certificate.crt", leaf), f("ca_bundle.crt", root, upper, inter), f("private.key", key)},
		"openssl pkcs12": {f("out.pem", []byte("Bag Attributes\n    localKeyID: 01\nsubject=CN = www\n"), leaf,
			[]byte("Bag Attributes: <Empty Attributes>\n"), upper, inter, []byte("Bag Attributes\nKey Attributes: <No Attributes>\n"),
			key)},
		"DER and PEM chains": {{Name: "server.cer", Data: p.leaf.cert.Raw}, f("chain.pem", upper, inter), f("server.key", key)},
	} {
		b, err := opts(p.pool()).Parse(files...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(b.Chain) != 3 || b.Key == nil || codes(b) != "" {
			t.Errorf("%s: chain of %d, key %v, warnings %q", name, len(b.Chain), b.Key != nil, codes(b))
		}
	}
}

// spec: I3
func TestLeafIsTheKeysCertificateOrTheOnlyOne(t *testing.T) {
	p := newPKI(t)
	self := selfSigned(t, true)
	for name, c := range map[string]struct {
		file  bundle.File
		leaf  *x509.Certificate
		warns string
	}{
		"the key's, though a CA":        {file(p.inter.pem(), p.upper.pem(), p.root.pem(), p.inter.keyPEM(t, "PKCS8")), p.inter.cert, ""},
		"the only one, self-signed CA":  {file(self.pem(), self.keyPEM(t, "PKCS8")), self.cert, "self-signed"},
		"the only one, an intermediate": {file(p.inter.pem()), p.inter.cert, "no-key incomplete-chain"},
		"the only one, a root":          {file(p.root.pem()), p.root.cert, "no-key self-signed"},
		"without key, the one no CA":    {file(p.root.pem(), p.upper.pem(), p.inter.pem(), p.leaf.pem()), p.leaf.cert, "no-key"},
		"DER alone":                     {bundle.File{Data: p.leaf.cert.Raw}, p.leaf.cert, "no-key incomplete-chain"},
	} {
		b, err := opts(nil).Parse(c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !b.Leaf.Equal(c.leaf) || codes(b) != c.warns {
			t.Errorf("%s: leaf %s, warnings %q, want %q", name, b.Leaf.Subject, codes(b), c.warns)
		}
	}
}

// spec: I3
func TestRefusalsSayReasonAndWayOut(t *testing.T) {
	p, other := newPKI(t), newPKI(t)
	weak := p.issue(t, leafTemplate("weak.example.com"), rsaKey(t, 1024), p.inter)
	sha1 := p.sha1(t)
	many := make([][]byte, 33)
	for i := range many {
		many[i] = p.leaf.pem()
	}
	cut := p.inter.pem()
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}})
	legacy := []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n" +
		"AAAA\n-----END RSA PRIVATE KEY-----\n")
	key, otherKey := p.leaf.keyPEM(t, "PKCS8"), other.leaf.keyPEM(t, "PKCS8")
	twin := p.issue(t, leafTemplate("www.example.com"), p.leaf.key, p.inter)
	for name, c := range map[string]struct {
		want  bundle.Reason
		files []bundle.File
	}{
		"nothing":              {bundle.NoLeaf, nil},
		"empty":                {bundle.Garbage, []bundle.File{{Name: "x"}}},
		"text":                 {bundle.Garbage, []bundle.File{file([]byte("hello"))}},
		"bytes":                {bundle.Garbage, []bundle.File{file([]byte{0x30, 0x82, 0xff})}},
		"other key":            {bundle.KeyMismatch, []bundle.File{file(p.leaf.pem(), p.inter.pem(), otherKey)}},
		"other key, one":       {bundle.KeyMismatch, []bundle.File{file(p.leaf.pem()), file(otherKey)}},
		"two keys":             {bundle.SeveralKeys, []bundle.File{file(p.leaf.pem(), key, otherKey)}},
		"encrypted":            {bundle.EncryptedKey, []bundle.File{file(p.leaf.pem(), encrypted)}},
		"encrypted, old":       {bundle.EncryptedKey, []bundle.File{file(p.leaf.pem(), legacy)}},
		"key only":             {bundle.NoLeaf, []bundle.File{file(key)}},
		"CAs only":             {bundle.NoLeaf, []bundle.File{file(p.inter.pem(), p.upper.pem(), p.root.pem())}},
		"two leaves":           {bundle.SeveralLeaves, []bundle.File{file(p.leaf.pem(), other.leaf.pem())}},
		"renewed with the key": {bundle.SeveralLeaves, []bundle.File{file(p.leaf.pem(), twin.pem(), p.inter.pem(), key)}},
		"gap":                  {bundle.BadChain, []bundle.File{file(p.leaf.pem(), p.upper.pem(), p.root.pem(), key)}},
		"foreign chain":        {bundle.BadChain, []bundle.File{file(p.leaf.pem(), other.inter.pem(), key)}},
		"stray root":           {bundle.BadChain, []bundle.File{file(p.leaf.pem(), p.inter.pem(), other.root.pem(), key)}},
		"weak key":             {bundle.WeakKey, []bundle.File{file(weak.pem(), p.inter.pem())}},
		"SHA-1":                {bundle.WeakSignature, []bundle.File{file(sha1)}},
		"too large":            {bundle.TooLarge, []bundle.File{file(p.leaf.pem()), {Data: make([]byte, 1<<20)}}},
		"too many":             {bundle.TooLarge, []bundle.File{file(many...)}},
		"cut off":              {bundle.Garbage, []bundle.File{file(p.leaf.pem(), cut[:len(cut)/2])}},
		"cut off in between":   {bundle.Garbage, []bundle.File{file(cut[:len(cut)/2], []byte("\n"), p.leaf.pem())}},
		"damaged base64":       {bundle.Garbage, []bundle.File{file(p.leaf.pem(), bytes.Replace(cut, []byte("M"), []byte("*"), 1))}},
		"not a certificate": {bundle.Garbage,
			[]bundle.File{file(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2, 3}}))}},
		"PKCS#7":  {bundle.Unsupported, []bundle.File{file([]byte("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n"))}},
		"PKCS#12": {bundle.Garbage, []bundle.File{{Data: []byte{0x30, 0x07, 0x02, 0x01, 0x03, 0x30, 0x02, 0x05, 0x00}}}},
		"JKS":     {bundle.Garbage, []bundle.File{{Data: []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02")}}},
		"JCEKS":   {bundle.Unsupported, []bundle.File{{Data: []byte("\xce\xce\xce\xce\x00\x00\x00\x02")}}},
		"BER":     {bundle.Unsupported, []bundle.File{{Data: []byte{0x30, 0x80, 0x02, 0x01, 0x03, 0, 0}}}},
		"OpenSSH": {bundle.Unsupported,
			[]bundle.File{file([]byte("-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n"))}},
		"request only": {bundle.NoLeaf, []bundle.File{file(p.csr(t, "a.example.com"))}},
	} {
		_, err := opts(nil).Parse(c.files...)
		if got := reasonOf(err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
			continue
		}
		var e *bundle.Error
		errors.As(err, &e)
		if e.Why == "" || e.Hint == "" {
			t.Errorf("%s: %+v", name, e)
		}
		if strings.Contains(said(err), "PRIVATE KEY-----") {
			t.Errorf("%s: the error quotes the file", name)
		}
	}
}

// spec: I3
func TestWarnings(t *testing.T) {
	p := newPKI(t)
	early, late := leafTemplate("www.example.com"), leafTemplate("www.example.com")
	early.NotBefore, early.NotAfter = now.AddDate(-1, 0, 0), now.Add(-time.Second)
	late.NotBefore = now.Add(time.Second)
	last := leafTemplate("www.example.com")
	last.NotAfter = now
	for name, c := range map[string]struct {
		template *x509.Certificate
		want     string
	}{
		"expired":         {early, "expired"},
		"its last second": {last, ""}, // spec: T2
		"not yet valid":   {late, "not-yet-valid"},
	} {
		n := p.issue(t, c.template, p.leaf.key, p.inter)
		b, err := opts(p.pool()).Parse(file(n.pem(), p.inter.pem(), p.upper.pem(), n.keyPEM(t, "PKCS8")))
		if err != nil || codes(b) != c.want {
			t.Errorf("%s: %q, %v", name, codes(b), err)
		}
	}
	b, err := opts(p.pool()).Parse(file(p.leaf.pem(), p.inter.pem(), p.leaf.keyPEM(t, "PKCS8")))
	if err != nil || codes(b) != "incomplete-chain" {
		t.Errorf("a missing intermediate: %q, %v", codes(b), err)
	}
	v := b.Version(3, now)
	if !v.Incomplete || v.SelfSigned || v.Number != 3 || v.KeyType != "ecdsa-p256" ||
		v.Fingerprint != bundle.Fingerprint(p.leaf.cert.Raw) || !slices.Equal(v.Domains, []string{"www.example.com"}) {
		t.Errorf("version %+v", v)
	}
}

// spec: I3
func TestCrossSignedChainsKeepTheOrderOfTheFiles(t *testing.T) {
	p, old := newPKI(t), newPKI(t)
	// The same upper CA, signed by the root of another.
	cross := p.issue(t, caTemplate("upper"), p.upper.key, old.root)
	key := p.leaf.keyPEM(t, "PKCS8")
	b, err := opts(old.pool()).Parse(file(key, p.leaf.pem(), p.inter.pem(), cross.pem()))
	if err != nil || codes(b) != "" {
		t.Fatalf("%v, %q", err, codes(b))
	}
	sameChain(t, b, p.leaf.cert, p.inter.cert, cross.cert)
	// Both ways up are there: none is a stray, the shortest to a root wins.
	b, err = opts(nil).Parse(file(key, p.leaf.pem(), cross.pem(), p.inter.pem(), p.upper.pem(), p.root.pem()))
	if err != nil || codes(b) != "" {
		t.Fatalf("%v, %q", err, codes(b))
	}
	sameChain(t, b, p.leaf.cert, p.inter.cert, p.upper.cert)
}

// spec: I3
func TestManyCertificatesOfOneNameTakeNoTime(t *testing.T) {
	// Thirty CAs that all signed one another: the number of paths is a
	// factorial, the work must not be.
	p := newPKI(t)
	var parts [][]byte
	a, b := caTemplate("twin"), caTemplate("twin")
	keys := []crypto.Signer{ecKey(t), ecKey(t), ecKey(t), ecKey(t), ecKey(t)}
	var last *node
	for _, child := range keys {
		for _, parent := range keys {
			a.SubjectKeyId, b.SubjectKeyId = nil, nil
			last = issueWith(t, a, child, b, parent)
			parts = append(parts, last.pem())
		}
	}
	leaf := issueWith(t, leafTemplate("www.example.com"), p.leaf.key, b, keys[0])
	parts = append(parts, leaf.pem())
	if _, err := opts(nil).Parse(file(parts...)); err != nil && reasonOf(err) == "" {
		t.Errorf("%v", err)
	}
}

// spec: I3
func TestKnownWeakKeysAreRefused(t *testing.T) {
	// Two primes next to each other: Fermat's method factors the product.
	q, err := rand.Prime(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	r := nextPrime(q)
	close := &rsa.PublicKey{N: q.Mul(q, r), E: 65537}
	if n := close.N.BitLen(); n == 2048 {
		if err := bundle.CheckPublicKey(close); err == nil || strings.Contains(said(err), r.String()) {
			t.Errorf("close primes: %v", err)
		}
	}
	for _, bits := range []int{1024, 2047} {
		if err := bundle.CheckPublicKey(rsaKey(t, bits).Public()); err == nil {
			t.Errorf("RSA %d is accepted", bits)
		}
	}
	if err := bundle.CheckPublicKey(rsaKey(t, 2560).Public()); err != nil {
		t.Errorf("RSA 2560: %v", err)
	}
}

func ExampleParse() {
	_, err := bundle.Parse(time.Now(), bundle.File{Name: "notes.txt", Data: []byte("hello")})
	fmt.Println(text.New("en").Text(model.TextOf(err)))
	// Output: "notes.txt": there is neither a certificate nor a key in it; bring the certificate in PEM or DER
}
