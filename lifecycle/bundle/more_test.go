package bundle_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/model"
	"certquay/ui/text"
)

// spec: A3
func TestSigningRequests(t *testing.T) {
	p := newPKI(t)
	good := p.csr(t, "www.example.com", "example.com")
	block, _ := pem.Decode(good)
	for name, data := range map[string][]byte{
		"PEM":      good,
		"DER":      block.Bytes,
		"old name": bytes.ReplaceAll(good, []byte("BEGIN CERT"), []byte("BEGIN NEW CERT")),
		"CRLF":     bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
		"noise":    append([]byte("\xef\xbb\xbfCertificate Request:\n"), good...),
	} {
		if name == "old name" {
			data = bytes.ReplaceAll(data, []byte("END CERT"), []byte("END NEW CERT"))
		}
		r, err := bundle.ParseCSR(data)
		if err != nil || bundle.CheckCSRNames(r, []string{"EXAMPLE.com", "www.example.com"}) != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range [][]string{{"www.example.com"}, {"www.example.com", "example.com", "a.example.com"}, {"a.example.com"}, nil} {
			if err := bundle.CheckCSRNames(r, want); reasonOf(err) != bundle.WrongNames {
				t.Errorf("%s for %v: %v", name, want, err)
			}
		}
	}
	forged := slices.Clone(block.Bytes)
	forged[bytes.Index(forged, []byte("www"))] = 'v'
	weak, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"a.example.com"}}, rsaKey(t, 1024))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want bundle.Reason
	}{
		"forged":      {forged, bundle.BadRequest},
		"weak":        {bundle.EncodeCSR(weak), bundle.WeakKey},
		"empty":       {nil, bundle.BadRequest},
		"certificate": {p.leaf.pem(), bundle.BadRequest},
		"two":         {append(slices.Clone(good), good...), bundle.BadRequest},
		"cut off":     {good[:len(good)/2], bundle.Garbage},
		"huge":        {bytes.Repeat([]byte("x"), 1<<20), bundle.TooLarge},
	} {
		if _, err := bundle.ParseCSR(c.data); reasonOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	mail, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "a.example.com"},
		DNSNames: []string{"a.example.com"}, EmailAddresses: []string{"x@example.com"}}, p.leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := bundle.ParseCSR(mail)
	if err != nil || reasonOf(bundle.CheckCSRNames(r, []string{"a.example.com"})) != bundle.WrongNames {
		t.Errorf("e-mail addresses: %v", err)
	}
}

// spec: A3
func TestEveryKeyTypeIsMadeAndNamed(t *testing.T) {
	for _, kt := range model.KeyTypes {
		k, err := bundle.GenerateKey(kt)
		if err != nil {
			t.Fatal(err)
		}
		if got := bundle.KeyTypeName(k.Public()); got != string(kt) {
			t.Errorf("%s is called %s", kt, got)
		}
		if err := bundle.CheckPublicKey(k.Public()); err != nil {
			t.Errorf("%s: %v", kt, err)
		}
		s, err := bundle.MarshalKey(k)
		if err != nil {
			t.Fatal(err)
		}
		again, err := bundle.UnmarshalKey(s)
		if err != nil || !bundle.SamePublic(again.Public(), k.Public()) {
			t.Errorf("%s: %v", kt, err)
		}
		f := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: s.Reveal()})
		if got, err := bundle.ParseKey(bundle.File{Data: f}); err != nil || !bundle.SamePublic(got.Public(), k.Public()) {
			t.Errorf("%s: %v", kt, err)
		}
	}
	if _, err := bundle.GenerateKey("rsa-1024"); err == nil {
		t.Error("RSA 1024 is made")
	}
	if bundle.KeyTypeName("nonsense") != "unknown" || bundle.CheckPublicKey(nil) == nil {
		t.Error("nonsense is a key")
	}
}

// spec: I1
func TestSerialsAreWholeBytes(t *testing.T) {
	for in, want := range map[int64]string{0: "00", 1: "01", 0xabc: "0abc", 0xff00: "ff00", -255: "-ff"} {
		if got := bundle.Serial(big.NewInt(in)); got != want {
			t.Errorf("%d is %q, want %q", in, got, want)
		}
	}
	if bundle.Serial(nil) != "" {
		t.Error("nil has a serial")
	}
}

// spec: H2
func TestSpecificationIsToldFromTheCertificate(t *testing.T) {
	p := newPKI(t)
	for _, c := range []struct {
		names  []string
		policy []uint64
		want   model.Specification
	}{
		{[]string{"a.example.com"}, []uint64{2, 23, 140, 1, 2, 1}, model.Specification{Level: model.DV, Type: model.Single}},
		{[]string{"a.example.com", "b.example.com"}, []uint64{2, 23, 140, 1, 2, 2},
			model.Specification{Level: model.OV, Type: model.Multi}},
		{[]string{"*.example.com"}, []uint64{2, 23, 140, 1, 1}, model.Specification{Level: model.EV, Type: model.Wildcard}},
		{[]string{"*.example.com", "example.com"}, nil, model.Specification{}},
		{nil, nil, model.Specification{Type: model.Single}}, // by common name
	} {
		tpl := leafTemplate("www.example.com")
		tpl.DNSNames = c.names
		if c.policy != nil {
			o, err := x509.OIDFromInts(c.policy)
			if err != nil {
				t.Fatal(err)
			}
			tpl.Policies = []x509.OID{o}
		}
		if got := bundle.Specification(p.issue(t, tpl, p.leaf.key, p.inter).cert); got != c.want {
			t.Errorf("%v %v: %+v, want %+v", c.names, c.policy, got, c.want)
		}
	}
}

// spec: I2
func TestDownloadsAreReadBackWhole(t *testing.T) {
	p := newPKI(t)
	for _, host := range []string{"www.example.com", "*.example.com", "2001:db8::1", "../../etc/passwd", ""} {
		c := bundle.Content{Name: host, Chain: [][]byte{p.leaf.cert.Raw, p.inter.cert.Raw, p.upper.cert.Raw}, Root: p.root.cert.Raw,
			PKCS8: model.NewSecret(p.leaf.pkcs8(t))}
		for _, format := range bundle.Formats() {
			files, err := bundle.Files(format, c)
			if err != nil {
				t.Fatal(err)
			}
			var in []bundle.File
			var password model.Secret
			seen := map[string]bool{}
			for _, f := range files {
				if seen[f.Name] || f.Name != filepath.Base(f.Name) || strings.HasPrefix(f.Name, ".") ||
					strings.ContainsAny(f.Name, `:*?"<>|\/`) {
					t.Errorf("%s: file name %q", format, f.Name)
				}
				seen[f.Name] = true
				if bytes.Contains(f.Data, []byte("PRIVATE KEY-----")) && !f.Secret {
					t.Errorf("%s: %s is not secret", format, f.Name)
				}
				if strings.HasSuffix(f.Name, "-password.txt") {
					password = model.NewSecret(bytes.TrimSpace(f.Data))
					continue
				}
				if strings.HasSuffix(f.Name, "README.txt") {
					for _, lang := range text.Languages() {
						note := string(text.New(lang).Page(f.Text))
						if strings.Count(note, files[0].Name) < 2 || strings.Contains(note, "{") || strings.ContainsRune(note, 0) {
							t.Errorf("%s: the note does not name the files:\n%s", format, note)
						}
					}
					continue
				}
				in = append(in, bundle.File{Name: f.Name, Data: f.Data})
			}
			if slices.Contains(bundle.PublicFormats(), format) {
				continue
			}
			for i := range in {
				in[i].Password = password
			}
			b, err := opts(p.pool()).Parse(in...)
			if err != nil || codes(b) != "" || len(b.Chain) != 3 {
				t.Errorf("%s: %v, %q", format, err, codes(b))
			}
		}
	}
	// spec: A4
	files, err := bundle.Files("nginx", bundle.Content{Name: "www.example.com", Chain: [][]byte{p.leaf.cert.Raw}})
	if err != nil || len(files) != 2 || !strings.Contains(string(text.New("en").Page(files[1].Text)), "does not hold the private key") {
		t.Errorf("without a key: %d files, %v", len(files), err)
	}
	for format, want := range map[string]bundle.Reason{"chain": bundle.NotAvailable, "root": bundle.NotAvailable,
		"dvd": bundle.UnknownFormat} {
		if _, err := bundle.Files(format, bundle.Content{Name: "x", Chain: [][]byte{p.leaf.cert.Raw}}); reasonOf(err) != want {
			t.Errorf("%s: %v", format, err)
		}
	}
	if _, err := bundle.Files("pem", bundle.Content{Name: "x"}); reasonOf(err) != bundle.NotAvailable {
		t.Errorf("no certificate: %v", err)
	}
}

// spec: I2
func TestFileNamesAreSafe(t *testing.T) {
	for in, want := range map[string]string{
		"www.example.com": "www.example.com", "*.Example.com": "_wildcard.example.com", "": "certificate", "...": "certificate",
		"../x": "_x", "con": "_con", "con.example.com": "_con.example.com", "bücher": "b_cher", "2001:db8::1": "2001_db8__1",
		"-rf": "rf", "a b\n": "a_b", strings.Repeat("a", 300): strings.Repeat("a", 100),
	} {
		if got := bundle.FileBase(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// spec: I3
func TestRealRootsAreReadOneByOne(t *testing.T) {
	files, err := filepath.Glob("/etc/ssl/certs/*.pem")
	if err != nil || len(files) < 20 {
		if os.Getenv("CI") != "" {
			t.Fatal("the system's CA certificates are missing: apt-get install ca-certificates")
		}
		t.Skip("the system's CA certificates are missing")
	}
	read := 0
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // a link that leads nowhere
		}
		b, err := bundle.Parse(now, bundle.File{Name: filepath.Base(path), Data: data})
		switch reasonOf(err) {
		case "":
		case bundle.WeakSignature, bundle.WeakKey:
			continue // an old root, uploaded as if it were a server's
		default:
			t.Errorf("%s: %v", path, err)
			continue
		}
		if err != nil || len(b.Chain) != 1 || !b.Has(bundle.WarnNoKey) || !b.Has(bundle.WarnSelfSigned) {
			t.Errorf("%s: chain of %d, %q, %v", path, len(b.Chain), codes(b), err)
		}
		read++
	}
	if read < 20 {
		t.Errorf("only %d roots were accepted", read)
	}
	all, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Parse(now, bundle.File{Data: all}); reasonOf(err) != bundle.TooLarge {
		t.Errorf("the whole collection: %v", err)
	}
}

// spec: I3
func FuzzParse(f *testing.F) {
	p := newPKI(f)
	f.Add(bytes.Join([][]byte{p.leaf.pem(), p.inter.pem(), p.root.pem(), p.leaf.keyPEM(f, "SEC1")}, nil))
	f.Add(p.leaf.cert.Raw)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"))
	f.Add([]byte("\xff\xfe-\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := opts(nil).Parse(bundle.File{Name: "f", Data: data})
		if err != nil {
			if reasonOf(err) == "" {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if len(b.Chain) == 0 || b.Leaf != b.Chain[0] || b.Key != nil && !bundle.SamePublic(b.Key.Public(), b.Leaf.PublicKey) {
			t.Fatal("not a bundle")
		}
		again, err := opts(nil).Parse(bundle.File{Data: certs(b)})
		if err != nil && len(b.Chain) == 1 || err == nil && len(again.Chain) != len(b.Chain) {
			t.Fatalf("its own chain reads as %d of %d, %v", len(again.Chain), len(b.Chain), err)
		}
	})
}

func certs(b bundle.Bundle) []byte {
	var out []byte
	for _, c := range b.Chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// spec: A3
func FuzzParseCSR(f *testing.F) {
	p := newPKI(f)
	f.Add(p.csr(f, "www.example.com"))
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := bundle.ParseCSR(data)
		if err != nil {
			if reasonOf(err) == "" {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if r.CheckSignature() != nil {
			t.Fatal("accepted with a wrong signature")
		}
	})
}
