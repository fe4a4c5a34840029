package etcd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/etcd"
	"certquay/store/engine/etcd/etcdtest"
)

func write(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused opens a database, which must fail with a message of a code.
func refused(t *testing.T, o etcd.Options, code string) {
	t.Helper()
	o.Create = true
	e, err := etcd.Open(t.Context(), o)
	if err == nil {
		_ = e.Close()
		t.Errorf("%s was opened, and not refused with %s", o.URL, code)
		return
	}
	text := model.TextOf(err)
	if text.Code() != code || strings.ContainsRune(string(text), '\n') || strings.Contains(err.Error(), "geheim") {
		t.Errorf("%s: %v, and not %s", o.URL, err, code)
	}
	if later := errors.Is(err, engine.ErrUnreachable); later != strings.HasSuffix(code, ".unreachable") {
		t.Errorf("%s: it may answer later: %t", o.URL, later)
	}
}

// accepted opens a database, and returns what it is called.
func accepted(t *testing.T, o etcd.Options) string {
	t.Helper()
	o.Create = true
	e, err := etcd.Open(t.Context(), o)
	if err != nil {
		t.Errorf("%s: %v", o.URL, err)
		return ""
	}
	if _, err := e.Acquire(t.Context(), "test"); err != nil {
		t.Errorf("%s: %v", o.URL, err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("%s: %v", o.URL, err)
	}
	return e.Name()
}

func TestURLsAreChecked(t *testing.T) {
	text := write(t, "text.pem", "no certificate", 0o600)
	for url, code := range map[string]string{
		"http://127.0.0.1:2379/p":                          "etcd.no-url",
		"etcd://127.0.0.1:2379/%zz":                        "etcd.no-url",
		"etcd:///p":                                        "etcd.host",
		"etcd://127.0.0.1:1,/p":                            "etcd.host",
		"etcd://127.0.0.1:port/p":                          "etcd.host",
		"etcd://127.0.0.1:0/p":                             "etcd.host",
		"etcd://anna:geheim@127.0.0.1/p":                   "etcd.password-in-url",
		"etcd://anna@127.0.0.1/p?password=geheim":          "etcd.password-in-url",
		"etcd://127.0.0.1/" + strings.Repeat("p", 65):      "etcd.prefix",
		"etcd://127.0.0.1/p?sslmode=off":                   "etcd.parameter",
		"etcd://127.0.0.1/p?tls=%zz":                       "etcd.url",
		"etcd://127.0.0.1/p?max-request-bytes=many":        "etcd.request",
		"etcd://127.0.0.1/p?max-request-bytes=1000":        "etcd.request",
		"etcd://127.0.0.1/p?tls=yes":                       "etcd.tls",
		"etcd://127.0.0.1/p?tls=off&cacert=" + text:        "etcd.tls",
		"etcd://127.0.0.1/p?cert=/c.pem":                   "etcd.pair",
		"etcd://127.0.0.1/p?cacert=ca.pem":                 "etcd.relative",
		"etcd://127.0.0.1/p?cacert=/none/ca.pem":           "etcd.file",
		"etcd://127.0.0.1/p?cacert=" + text:                "etcd.no-certificates",
		"etcd://127.0.0.1/p?cert=" + text + "&key=" + text: "etcd.file",
		"etcd://127.0.0.1:1,127.0.0.1:2/p":                 "etcd.unreachable",
		"etcd://host.invalid/p":                            "etcd.unreachable",
	} {
		refused(t, etcd.Options{URL: url}, code)
	}
	for url, want := range map[string]bool{
		"etcd://127.0.0.1,localhost:3,[::1]:4/p": false, "etcd://127.0.0.1/p?tls=on": true, "etcd://127.0.0.1,db.example.com/p": true,
		"etcd://db.example.com/p?tls=off": false, "etcd://[2001:db8::1]/": true,
	} {
		if got := etcd.Verifies(t, url); got != want {
			t.Errorf("%s: certificates are verified: %t", url, got)
		}
	}
}

// A cluster with users wants a password, which comes from a file.
func TestPasswordsComeFromFiles(t *testing.T) {
	c := etcdtest.StartOne(t)
	url := "etcd://anna@" + c.Hosts[0] + "/certquay"
	right := write(t, "password", "geheim\n", 0o600)
	refused(t, etcd.Options{URL: url, PasswordFile: right}, "etcd.no-users")
	for user, role := range map[string]string{"root": "root", "anna": "writer", "otto": "writer"} {
		c.Call(t, "Auth/UserAdd", user, "geheim")
		if user != "otto" {
			c.Call(t, "Auth/RoleAdd", role)
			c.Call(t, "Auth/UserGrantRole", user, role)
		}
	}
	readWrite := uint64(2)
	c.Call(t, "Auth/RoleGrantPermission", "writer", etcdtest.Message(readWrite, "certquay/", "certquay0"))
	c.Call(t, "Auth/AuthEnable")
	refused(t, etcd.Options{URL: strings.Replace(url, "anna@", "", 1)}, "etcd.credential")
	refused(t, etcd.Options{URL: url}, "etcd.credential")
	refused(t, etcd.Options{URL: url, PasswordFile: write(t, "wrong", "another", 0o600)}, "etcd.credential")
	refused(t, etcd.Options{URL: url, PasswordFile: write(t, "open", "geheim", 0o644)}, "database.password-exposed")
	refused(t, etcd.Options{URL: strings.Replace(url, "anna@", "", 1), PasswordFile: right}, "etcd.password-of-nobody")
	refused(t, etcd.Options{URL: strings.Replace(url, "anna@", "otto@", 1), PasswordFile: right}, "etcd.rights")
	refused(t, etcd.Options{URL: url + "2", PasswordFile: right}, "etcd.rights")
	if name := accepted(t, etcd.Options{URL: url, PasswordFile: right}); name != url {
		t.Errorf("it is called %s", name)
	}
	// The node forgets its tokens; a new one is asked for.
	e, err := etcd.Open(t.Context(), etcd.Options{URL: url, PasswordFile: right})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if _, err := e.Acquire(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	c.Kill(t, 0)
	c.Run(t, 0)
	if err := e.Apply(t.Context(), counting(1)); err != nil {
		t.Error(err)
	}
}

// What is not certquay's, or of a newer one, is not touched.
func TestOtherDatabasesAreNotTouched(t *testing.T) {
	c := etcdtest.StartOne(t)
	for _, made := range []struct{ key, value, code string }{
		{"orders/1", "v", "etcd.foreign"},
		{"k/a", "v", "etcd.foreign"},
		{"format", "2", "etcd.foreign"},
		{"format", "certquay/0", "etcd.foreign"},
		{"format", "certquay/2", "etcd.newer"},
	} {
		url := c.Database()
		c.Do(t, url, map[string]string{made.key: made.value})
		before := c.Revision(t)
		refused(t, etcd.Options{URL: url}, made.code)
		if after := c.Revision(t); after != before {
			t.Errorf("%s: something was written", made.key)
		}
	}
	if _, err := etcd.Open(t.Context(), etcd.Options{URL: c.Database()}); !errors.Is(err, engine.ErrMissing) {
		t.Errorf("an empty database, in which nothing may be made: %v", err)
	}
}

// Limits of the servers that are too small are found before anything is written, and a
// batch that is too large for them says how to raise them.
func TestLimitsOfTheServers(t *testing.T) {
	few := etcdtest.StartOne(t, "--max-txn-ops=100")
	before := few.Revision(t)
	refused(t, etcd.Options{URL: few.Database()}, "etcd.few-operations")
	small := etcdtest.StartOne(t, "--max-request-bytes=500000", "--max-txn-ops=3000")
	refused(t, etcd.Options{URL: small.Database()}, "etcd.few-bytes")
	url := small.Database()
	refused(t, etcd.Options{URL: url + "?max-request-bytes=600000"}, "etcd.few-bytes")
	if few.Revision(t) != before || small.Revision(t) != before {
		t.Error("something was written")
	}
	accepted(t, etcd.Options{URL: url + "?max-request-bytes=500000"})

	e, _ := own(t, url) // the URL does not say it any more
	if limit := e.Limit().Writes; limit != 2047 {
		t.Errorf("%d writes fit in a batch", limit)
	}
	var b engine.Batch
	b.Put("k", make([]byte, 1_000_000))
	err := e.Apply(t.Context(), &b)
	if !errors.Is(err, engine.ErrTooLarge) || model.TextOf(err).Code() != "etcd.too-large" {
		t.Errorf("a batch that is too large for the server: %v", err)
	}
	for n := range 3000 {
		b.Delete(string(rune(n + 1000)))
	}
	err = e.Apply(t.Context(), &b)
	if !errors.Is(err, engine.ErrTooLarge) || model.TextOf(err).Code() != "database.limit" {
		t.Errorf("a batch over the limit: %v", err)
	}
	full := etcdtest.StartOne(t, "--quota-backend-bytes=4000000")
	e, _ = own(t, full.Database())
	for n := range 20 {
		b = engine.Batch{}
		b.Put(string(rune('a'+n)), make([]byte, 1_000_000))
		if err = e.Apply(t.Context(), &b); err != nil {
			break
		}
	}
	if !errors.Is(err, engine.ErrNoSpace) || model.TextOf(err).Code() != "etcd.full" {
		t.Errorf("a full cluster: %v", err)
	}
}

// authority returns a certificate for a name or address that signed itself, and its key, in
// PEM.
func authority(t *testing.T) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "db.example.com"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return write(t, "cert.pem", block("CERTIFICATE", der), 0o600), write(t, "key.pem", block("PRIVATE KEY", pkcs8), 0o600)
}

// Both sides are verified where files say so.
func TestCertificatesAreVerified(t *testing.T) {
	cert, key := authority(t)
	other, otherKey := authority(t)
	c := etcdtest.StartOne(t, "--cert-file="+cert, "--key-file="+key, "--client-cert-auth", "--trusted-ca-file="+cert)
	_, port, err := net.SplitHostPort(c.Hosts[0])
	if err != nil {
		t.Fatal(err)
	}
	at := "etcd://localhost:" + port + "/certquay?cacert="
	refused(t, etcd.Options{URL: "etcd://localhost:" + port + "/certquay?tls=on"}, "etcd.certificate")
	refused(t, etcd.Options{URL: at + other}, "etcd.certificate")
	refused(t, etcd.Options{URL: "etcd://127.0.0.1:" + port + "/certquay?cacert=" + cert}, "etcd.certificate") // another name
	refused(t, etcd.Options{URL: at + cert}, "etcd.client-certificate")
	refused(t, etcd.Options{URL: at + cert + "&cert=" + other + "&key=" + otherKey}, "etcd.client-certificate")
	refused(t, etcd.Options{URL: "etcd://localhost:" + port + "/certquay"}, "etcd.connection")
	plain := etcdtest.StartOne(t)
	refused(t, etcd.Options{URL: "etcd://" + plain.Hosts[0] + "/certquay?cacert=" + cert}, "etcd.connection-tls")
	accepted(t, etcd.Options{URL: at + cert + "&cert=" + cert + "&key=" + key})
}

// A server that is not etcd, and a node whose clock is wrong.
func TestTheServersMustBeEtcdOfThisTime(t *testing.T) {
	date := func() string { return time.Now().UTC().Format(http.TimeFormat) }
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date())
		w.WriteHeader(http.StatusNotFound)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	url := "etcd://" + s.Listener.Addr().String() + "/certquay"
	refused(t, etcd.Options{URL: url}, "etcd.other")
	date = func() string { return time.Now().Add(-5 * time.Minute).UTC().Format(http.TimeFormat) }
	refused(t, etcd.Options{URL: url}, "etcd.clock")
}

func TestTheClocksMustAgree(t *testing.T) {
	asked := time.Now()
	answered := asked.Add(3 * time.Second)
	for of, want := range map[time.Duration]time.Duration{
		0: 0, 59 * time.Second: 0, -59 * time.Second: 0, 62 * time.Second: 0, 64 * time.Second: 61 * time.Second,
		-2 * time.Minute: 2 * time.Minute,
	} {
		if got := etcd.Skew(asked.Add(of), asked, answered); got != want {
			t.Errorf("a clock that is %v ahead when asked: differs by %v, want %v", of, got, want)
		}
	}
}
