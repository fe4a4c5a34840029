package cmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode"
)

// selfSigned returns a self-signed certificate in PEM with a common name.
func selfSigned(t *testing.T, cn string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: cn}, DNSNames: []string{"shop.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour * 24 * 365),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// firstUnsafeRune returns the first rune that a terminal interprets or that hides
// others.
func firstUnsafeRune(s string) (rune, bool) {
	for _, r := range s {
		if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
			return r, true
		}
	}
	return 0, false
}

// finding: R-H4
func TestACertificatesNameMakesNoLineOfItsOwn(t *testing.T) {
	p := newPerson(t)
	forged := "2026-11-29 13:00:00Z  alice      revoke       ok        issued -> revoked  keyCompromise"
	r := p.tryIn(selfSigned(t, "shop\n"+forged+"\x1b[2K"), "upload", "-")
	if r.code != 0 {
		t.Fatalf("exit %d, %s", r.code, r.err)
	}
	id := decode[[]instance](t, listed(t, p))[0].ID
	outs := map[string]string{"upload": r.out + r.err}
	for _, args := range [][]string{{"activity"}, {"list"}, {"show", id}, {"explain", id}, {"tasks"}} {
		outs[args[0]] = p.must(args...)
	}
	s := p.open(100, 30, "delete", id)
	s.waitFor("to go on")
	outs["a question"] = s.text()
	s.typeKeys("\x03")
	for what, out := range outs {
		for line := range strings.Lines(out) {
			if strings.HasPrefix(strings.TrimSpace(line), forged[:20]) {
				t.Errorf("%s: a forged line:\n%s", what, out)
			}
		}
		if r, ok := firstUnsafeRune(out); ok {
			t.Errorf("%s has %U: %q", what, r, out)
		}
	}
}

// listed is the JSON of the instances there are.
func listed(t *testing.T, p *person) string {
	t.Helper()
	var l struct {
		Instances json.RawMessage `json:"instances"`
	}
	out := p.must("list", "--json")
	if json.Unmarshal([]byte(out), &l) == nil && l.Instances != nil {
		return string(l.Instances)
	}
	return out
}

// finding: R-M4
func TestJSONHoldsNothingATerminalObeys(t *testing.T) {
	p := newPerson(t)
	cn := "a\u009d52;c;UFdO\u009c\u009b31m\x7f\u202e\u2028\U000e0041z"
	r := p.tryIn(selfSigned(t, cn), "upload", "-", "--json")
	if r.code != 0 {
		t.Fatalf("exit %d, %s", r.code, r.err)
	}
	i := decode[instance](t, r.out)
	if i.Name != cn {
		t.Errorf("the name came back as %q", i.Name)
	}
	outs := map[string]string{"upload": r.out, "an error": p.refuse(4, "show", "x\u009b\u202e\x7f", "--json")}
	for _, args := range [][]string{{"list"}, {"show", i.ID}, {"explain", i.ID}, {"activity"}, {"tasks"}} {
		outs[args[0]] = p.must(append(args, "--json")...)
	}
	for what, out := range outs {
		if r, ok := firstUnsafeRune(out); ok {
			t.Errorf("%s has %U: %q", what, r, out)
		}
	}
}

// finding: R-H4
func TestNamesThatCannotBeSeenAreRefused(t *testing.T) {
	p := newPerson(t)
	pem := selfSigned(t, "shop.example.com")
	for _, bad := range []string{"a\nb", "a\x1b[31m", "a\x7f", "a\u009b", "a\u202eb", "a\u2066b", "a\u200bb", "a\u2028b", "a\xffb"} {
		for _, args := range [][]string{
			{"contact", "add", "--name", bad, "--email", "n@example.com"}, {"company", "add", "--name", bad, "--country", "DE"},
			{"upload", "-", "--name", bad},
		} {
			r := p.tryIn(pem, args...)
			if r.code != 2 || !strings.Contains(r.err, "cannot be seen") && !strings.Contains(r.err, "no text") {
				t.Errorf("%q: exit %d, %s", args, r.code, r.err)
			}
		}
	}
	for _, good := range []string{"Müller & Söhne", "日本", "👩‍👩‍👧", "می\u200cخواهم"} {
		p.must("contact", "add", "--name", good, "--email", "n@example.com")
	}
}
