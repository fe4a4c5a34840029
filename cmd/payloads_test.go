package cmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// controls are what a terminal obeys, or what hides or turns the text around it.
var controls = []string{
	"\x1b[31m",
	"\x1b[2J",
	"\x1b[2K\r",
	"\x1b]0;t\x07",
	"\x1b]8;;http://x\x1b\\",
	"\x1b]52;c;eA==\x07",
	"\x1bPq\x1b\\",
	"\x1b_G\x1b\\",
	"\x1bc",
	"\x07",
	"\x08\x08",
	"\n2026-11-29 13:00:00Z  forged",
	"\r",
	"\t",
	"\x0e",
	"\x7f",
	"\u009b31m",
	"\u009d0;t\u009c",
	"\u202e",
	"\u2066",
	"\u200b",
	"\u2028",
}

// hostileCertificate returns a certificate of another CA with a text in every name of the
// subject, the issuer and the alternative names that takes it.
func hostileCertificate(t *testing.T, n int, text string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{
		CommonName: "cn" + text, Organization: []string{"o" + text}, OrganizationalUnit: []string{"ou" + text},
		Locality: []string{"l" + text}, SerialNumber: "s" + text,
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: name, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	c := *ca
	c.SerialNumber, c.IsCA, c.KeyUsage = big.NewInt(int64(1000+n)), false, x509.KeyUsageDigitalSignature
	c.DNSNames = []string{fmt.Sprintf("h%d.example.com", n)}
	if ascii(text) {
		c.EmailAddresses = []string{"m" + text + "@example.com"}
	}
	c.Subject.CommonName = "leaf" + text
	der, err := x509.CreateCertificate(rand.Reader, &c, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func ascii(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 }

// What comes from outside, be it in certificates, in arguments, in comments of keys or from
// the client itself, reaches no terminal of a verb over SSH, and no line of the log.
// spec: V9
func TestPayloadsInVerbsOverSSH(t *testing.T) {
	t.Parallel()
	d := listen(t)
	c := dialSSH(t, d, "mine")
	d.ssh("mine", "", "version") // the client says itself that it has met a new host
	clean := func(what, out string) {
		t.Helper()
		if r, ok := firstUnsafeRune(out); ok {
			t.Errorf("%s: %U reaches the terminal: %q", what, r, out)
		}
	}
	shown := 0
	run := func(in string, args ...string) string {
		t.Helper()
		r := d.ssh("mine", in, args...)
		clean(strings.Join(args, " "), r.out+r.err)
		if r.code == 255 {
			t.Fatalf("%q: %s", args, r.err)
		}
		shown += len(r.out + r.err)
		return r.out
	}
	for n, ctl := range controls {
		text := fmt.Sprintf("m%d%sw", n, ctl)
		run(hostileCertificate(t, n, text), "upload", "-", "--json")
		for _, line := range []string{
			"show", "explain", "nothing", "company add --name", "contact add --email a@example.com --name", "user add",
			"approve", "note h1.example.com",
			"tag h1.example.com", "list --text", "list --where", "activity --what", "check", "sessions end",
		} {
			out, _ := runSSH(t, c, line+" '"+text+"'")
			clean(line, strings.ReplaceAll(out, "\r\n", "\n"))
		}
	}
	for _, verb := range [][]string{
		{"list"}, {"list", "--json"}, {"activity", "--limit", "0"}, {"activity", "--limit", "0", "--json"}, {"tasks"}, {"resources"},
		{"user", "list"}, {"sessions"}, {"notices"}, {"balance"}, {"company", "list"}, {"contact", "list"}, {"view", "list"},
	} {
		run("", verb...)
	}
	for n := range controls {
		run("", "show", fmt.Sprintf("h%d.example.com", n))
		run("", "explain", fmt.Sprintf("h%d.example.com", n))
	}
	if shown < 100_000 {
		t.Errorf("only %d bytes were shown", shown)
	}
	for n, ctl := range controls { // what the client says of itself
		if strings.ContainsAny(ctl, "\n\r") {
			continue
		}
		login(t, d, "u"+ctl, fmt.Sprintf("SSH-2.0-v%d%s", n, ctl), "t"+ctl)
	}
	d.newKey("commented")
	pub, err := os.ReadFile(filepath.Join(d.dir, "commented.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if r := d.ssh(
		"mine",
		strings.TrimSpace(string(pub))+"\x1b]0;t\x07\u202e\n",
		"user",
		"add",
		"kim",
		"--key",
		"-",
	); r.code != 0 &&
		r.code != 2 {
		t.Errorf("a key with a hostile comment: exit %d, %s", r.code, r.err)
	}
	run("", "user", "list")
	run("", "activity", "--what", "login,user", "--limit", "0")
	clean("the log", d.served.out.String())
}

// login opens a session with a verb as a client that says of itself what is given.
func login(t *testing.T, d *sshd, user, version, term string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, "mine"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParsePrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := gossh.Dial("tcp", net.JoinHostPort(d.host, d.port), &gossh.ClientConfig{
		User: user, ClientVersion: version, Auth: []gossh.AuthMethod{gossh.PublicKeys(key)},
		HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil { // refused, which is as well
		return
	}
	defer func() { _ = c.Close() }()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	_ = s.Setenv("LC_"+term, term)
	if err := s.RequestPty(term, 24, 80, nil); err != nil {
		return
	}
	out, err := s.CombinedOutput("sessions")
	if r, ok := firstUnsafeRune(strings.ReplaceAll(string(out), "\r\n", "\n")); ok || err != nil {
		t.Errorf("a client called %q, %q, %q: %U, %v: %q", user, version, term, r, err, out)
	}
}
