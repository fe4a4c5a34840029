package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/postgres"
	"certquay/store/engine/postgres/pgtest"
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
func refused(t *testing.T, o postgres.Options, code string) {
	t.Helper()
	o.Create = true
	e, err := postgres.Open(t.Context(), o)
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

// A password is given by file: not in the URL, which others can read, nor in the
// environment.
func TestPasswordsComeFromFiles(t *testing.T) {
	s := pgtest.Start(t)
	url := s.Database(t)
	s.Exec(t, url, "create role anna login password 'geheim'; alter database db1 owner to anna")
	anna := fmt.Sprintf("postgres://anna@127.0.0.1:%d/db1", s.Port)
	right := write(t, "password", "geheim\n", 0o600)
	for _, c := range []struct{ url, file, code string }{
		{"host=127.0.0.1 password=geheim", "", "postgres.no-url"},
		{"mysql://anna@127.0.0.1/db1", "", "postgres.no-url"},
		{strings.Replace(anna, "anna@", "anna:geheim@", 1), "", "postgres.password-in-url"},
		{anna + "?password=geheim", "", "postgres.password-in-url"},
		{anna + "?pool_max_conns=many", right, "postgres.url"},
		{anna, filepath.Join(t.TempDir(), "none"), "database.password-file"},
		{anna, t.TempDir(), "database.password-irregular"},
		{anna, write(t, "open", "geheim", 0o644), "database.password-exposed"},
		{anna, write(t, "wrong", "another", 0o600), "postgres.credential"},
		{anna, "", "postgres.credential"},
		{strings.Replace(anna, "db1", "db2", 1), right, "postgres.no-database"},
		{strings.Replace(anna, fmt.Sprint(s.Port), "1", 1), right, "postgres.unreachable"},
		{"postgres://anna@host.invalid/db1", right, "postgres.unreachable"},
	} {
		refused(t, postgres.Options{URL: c.url, PasswordFile: c.file}, c.code)
	}
	passfile := write(t, "pgpass", fmt.Sprintf("127.0.0.1:%d:db1:anna:geheim\n", s.Port), 0o600)
	for _, o := range []postgres.Options{
		{URL: anna, PasswordFile: right, Create: true},
		{URL: anna + "?passfile=" + passfile, Create: true},
	} {
		e, err := postgres.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if name := e.Name(); name != anna {
			t.Errorf("it is called %s", name)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("PGPASSWORD", "geheim")
	refused(t, postgres.Options{URL: anna}, "postgres.password-in-environment")
}

// A database of another program, or of a newer certquay, is not changed.
func TestOtherDatabasesAreNotTouched(t *testing.T) {
	s := pgtest.Start(t)
	for _, c := range []struct{ made, code string }{
		{"create table orders (id integer)", "postgres.foreign"},
		{"create view certquay as select 1", "postgres.foreign"},
		{"create table certquay (id integer)", "postgres.foreign"},
		{"create table certquay (key text, value text); create table certquay_owner (format integer)", "postgres.foreign"},
		{"create table certquay (key bytea, value bytea); create table certquay_owner (id integer)", "postgres.foreign"},
	} {
		url := s.Database(t)
		s.Exec(t, url, c.made)
		refused(t, postgres.Options{URL: url}, c.code)
		s.Exec(t, url, "do $$ begin assert (select count(*) <= 2 from pg_class c where relnamespace = 'public'::regnamespace); end $$")
	}
	url := s.Database(t)
	if _, err := postgres.Open(t.Context(), postgres.Options{URL: url}); !errors.Is(err, engine.ErrMissing) {
		t.Errorf("an empty database, in which nothing may be made: %v", err)
	}
	s.Exec(t, url, "create extension pg_stat_statements") // brings a view along
	if err := open(t, url).Close(); err != nil {
		t.Error(err)
	}
	s.Exec(t, url, "update certquay_owner set format = 2")
	refused(t, postgres.Options{URL: url}, "postgres.newer")
	s.Exec(t, url, "create role guest login; update certquay_owner set format = 1")
	refused(t, postgres.Options{URL: strings.Replace(url, pgtest.Superuser+"@", "guest@", 1)}, "postgres.rights")
}

// Without a word about it in the URL, the certificate of a server elsewhere is verified.
func TestTheServerIsVerified(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "db.example.com"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	s := pgtest.Start(t)
	url := s.Database(t)
	s.Exec(t, url, "create role anna login password 'geheim'; alter database db1 owner to anna")
	s.WithTLS(t, chain, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	password, ca := write(t, "password", "geheim", 0o600), write(t, "ca.pem", chain, 0o600)
	at := fmt.Sprintf("postgres://anna@localhost:%d/db1?sslmode=verify-full", s.Port)
	refused(t, postgres.Options{URL: at, PasswordFile: password}, "postgres.certificate")
	refused(t, postgres.Options{URL: strings.Replace(at, "localhost", "127.0.0.1", 1) + "&sslrootcert=" + ca, PasswordFile: password},
		"postgres.certificate") // another name
	e, err := postgres.Open(t.Context(), postgres.Options{URL: at + "&sslrootcert=" + ca, PasswordFile: password, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	for host, want := range map[string]bool{
		"db.example.com": true, "192.0.2.1": true, "localhost": false, "127.0.0.1": false, "localhost,db.example.com": true,
	} {
		if got := postgres.Verifies(t, "postgres://anna@"+host+"/db1"); got != want {
			t.Errorf("%s: the certificate is verified: %t", host, got)
		}
	}
	if postgres.Verifies(t, "postgres://anna@db.example.com/db1?sslmode=disable") {
		t.Error("sslmode=disable is not obeyed")
	}
}

func TestTheClocksMustAgree(t *testing.T) {
	asked := time.Now()
	answered := asked.Add(3 * time.Second)
	for of, want := range map[time.Duration]time.Duration{
		0: 0, 59 * time.Second: 0, -59 * time.Second: 0, 62 * time.Second: 0, 64 * time.Second: 61 * time.Second,
		-2 * time.Minute: 2 * time.Minute,
	} {
		if got := postgres.Skew(asked.Add(of), asked, answered); got != want {
			t.Errorf("a clock that is %v ahead when asked: differs by %v, want %v", of, got, want)
		}
	}
}
