package cmd_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/postgres/pgtest"
)

// machine is one of several that share a store in a database.
type machine struct {
	*person
	config   string
	database string
}

// newMachine returns a machine with a master key of its own, or that of another.
func newMachine(t testing.TB, database string, other *machine) *machine {
	t.Helper()
	m := &machine{person: newPerson(t), database: database}
	dir := filepath.Join(m.home, ".config", "certquay")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m.config = filepath.Join(dir, "config.yaml")
	engine, _, _ := strings.Cut(database, "://")
	m.configure("engine: "+engine, "url: "+database)
	if other != nil {
		m.copyKey(other)
	}
	return m
}

func (m *machine) configure(lines ...string) {
	m.t.Helper()
	if err := os.WriteFile(m.config, []byte("store:\n  "+strings.Join(lines, "\n  ")+"\n"), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) key() string { return filepath.Join(filepath.Dir(m.config), "master.key") }

func (m *machine) copyKey(from *machine) {
	m.t.Helper()
	key, err := os.ReadFile(from.key())
	if err == nil {
		err = os.WriteFile(m.key(), key, 0o600)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// standing is a process that serves, or stands by to.
type standing struct {
	process *os.Process
	out     *safeBuffer
	ended   chan struct{}
}

// stand starts certquay serve with some flags, without waiting for it.
func (m *machine) stand(args ...string) *standing {
	m.t.Helper()
	c := m.command(context.Background(), append([]string{"serve"}, args...)...)
	s := &standing{out: &safeBuffer{}, ended: make(chan struct{})}
	c.Stdout, c.Stderr = s.out, s.out
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	s.process = c.Process
	go func() {
		_ = c.Wait() // tests end it in several ways
		close(s.ended)
	}()
	m.t.Cleanup(func() { s.signal(m.t, syscall.SIGKILL) })
	return s
}

// signal sends a signal; one that ends the process is waited for.
func (s *standing) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	_ = s.process.Signal(sig) // it may have ended
	if sig == syscall.SIGKILL || sig == syscall.SIGTERM {
		<-s.ended
	}
}

// says waits until the process has said something so many times.
func (s *standing) says(t testing.TB, what string, times int) {
	t.Helper()
	if !waittest.Eventually(patience, func() bool { return strings.Count(s.out.String(), what) >= times }) {
		t.Fatalf("it does not say %q %d times:\n%s", what, times, s.out)
	}
}

// spec: E1 - the same verbs on PostgreSQL, from any machine that has the key; what is wrong
// is said in one line, and nothing is written.
func TestAStoreInPostgreSQL(t *testing.T) {
	server := pgtest.Start(t)
	database := server.Database(t)
	first := newMachine(t, database, nil)
	if said := first.refuse(5, "list"); !strings.Contains(said, "no store in this database") {
		t.Errorf("an empty database: %s", said)
	}
	id := first.issue("shop.example.com").ID
	r := first.deploy(id, "CDN")
	if list := first.must("list"); !strings.Contains(list, "shop.example.com") {
		t.Errorf("the list is %s", list)
	}
	if _, err := os.Stat(filepath.Join(first.data, "STORE-ID")); err == nil {
		t.Error("there is a store in the data directory")
	}
	served := first.stand()
	served.says(t, "serving", 1)
	first.must("buy")
	served.signal(t, syscall.SIGTERM)
	if clean := first.must("fsck"); !strings.Contains(clean, "clean") {
		t.Errorf("fsck: %s", clean)
	}

	second := newMachine(t, database, nil)
	if said := second.refuse(5, "list"); !strings.Contains(said, "master.key is missing") || !strings.Contains(said, "copy it from") {
		t.Errorf("without the key: %s", said)
	}
	if _, err := os.Stat(second.key()); err == nil {
		t.Error("another key was made")
	}
	second.copyKey(first)
	if got := decode[[]resource](t, second.must("resources", "--json")); len(got) != 1 || got[0].Fingerprint != r.Fingerprint {
		t.Errorf("the second machine has %+v, want %+v", got, r)
	}
	other := newMachine(t, server.Database(t), nil)
	other.must("buy")
	second.copyKey(other)
	if said := second.refuse(5, "list"); !strings.Contains(said, "was not written with the key file") {
		t.Errorf("with another key: %s", said)
	}

	foreign := server.Database(t)
	server.Exec(t, foreign, "create table orders (id integer)")
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	tcp := fmt.Sprintf("postgres://%s@127.0.0.1:%d%s", pgtest.Superuser, server.Port, at.Path)
	for said, lines := range map[string][]string{
		"has the table orders":       {"engine: postgres", "url: " + foreign},
		"the user or the password":   {"engine: postgres", "url: " + tcp},
		"cannot be reached":          {"engine: postgres", "url: postgres://certquay@127.0.0.1:1/certquay"},
		"must not contain a pass":    {"engine: postgres", "url: postgres://certquay:geheim@127.0.0.1:1/certquay"},
		"must be postgres://":        {"engine: postgres", "url: mysql://certquay@127.0.0.1/certquay"},
		"must be set for the engine": {"engine: postgres"},
		"must be one of":             {"engine: oracle"},
	} {
		second.configure(lines...)
		r := second.try("buy")
		if r.code != 5 && r.code != 2 || !strings.Contains(r.err, said) || strings.Contains(r.err, "geheim") || r.out != "" {
			t.Errorf("%q: exit %d\n%s%s", lines, r.code, r.out, r.err)
		}
	}
}

// spec: E2 - of several machines one owns the store; another takes over when it ends or
// stops, and one that wakes finds out and stands by.
func TestAnotherMachineTakesOver(t *testing.T) {
	const within = 10 * time.Second
	server := pgtest.Start(t)
	database := server.Database(t)
	first := newMachine(t, database, nil)
	id := first.issue("shop.example.com").ID
	second := newMachine(t, database, first)

	a := first.stand()
	a.says(t, "serving", 1)
	b := second.stand()
	b.says(t, "standing by", 1)
	if said := second.refuse(5, "list"); !strings.Contains(said, "stands by") {
		t.Errorf("a verb beside a process that stands by: %s", said)
	}
	third := newMachine(t, database, first)
	if said := third.refuse(5, "list"); !strings.Contains(said, "owns the database since") {
		t.Errorf("a verb on a third machine: %s", said)
	}
	bought := decode[struct{ Instances []instance }](t, first.must("buy", "--json")).Instances[0].ID
	killed := time.Now()
	a.signal(t, syscall.SIGKILL)
	b.says(t, "serving", 1)
	if took := time.Since(killed); took > within && !raceEnabled() {
		t.Errorf("taken over after %v", took)
	} else {
		t.Logf("taken over after %v", took)
	}
	for _, want := range []string{id, bought} {
		second.must("show", want)
	}

	a = first.stand()
	a.says(t, "standing by", 1)
	stopped := time.Now()
	b.signal(t, syscall.SIGSTOP)
	a.says(t, "serving", 1)
	if took := time.Since(stopped); took > within && !raceEnabled() {
		t.Errorf("taken over after %v", took)
	}
	first.must("apply", bought, "--domain", "two.example.com")
	b.signal(t, syscall.SIGCONT)
	b.says(t, "does not own the store any more", 1)
	b.says(t, "standing by", 2)
	handed := time.Now()
	a.signal(t, syscall.SIGTERM) // gives the lease back
	b.says(t, "serving", 2)
	t.Logf("handed over after %v", time.Since(handed))
	if list := second.must("list"); !strings.Contains(list, "two.example.com") {
		t.Errorf("the list is %s", list)
	}
	b.signal(t, syscall.SIGTERM)
	if clean := second.must("fsck"); !strings.Contains(clean, "clean") {
		t.Errorf("fsck: %s", clean)
	}
}

// The database restarts under its owner, which goes on, or owns it again if that took longer
// than the lease; nothing is lost.
func TestTheDatabaseRestarts(t *testing.T) {
	server := pgtest.Start(t)
	m := newMachine(t, server.Database(t), nil)
	m.issue("shop.example.com")
	s := m.stand()
	s.says(t, "serving", 1)
	server.Kill(t)
	server.Run(t)
	if !waittest.Eventually(patience, func() bool { return m.try("buy").code == 0 }) {
		t.Fatalf("nothing can be bought:\n%s", s.out)
	}
	s.signal(t, syscall.SIGTERM)
	if list := m.must("list"); !strings.Contains(list, "shop.example.com") {
		t.Errorf("the list is %s", list)
	}
	if clean := m.must("fsck"); !strings.Contains(clean, "clean") {
		t.Errorf("fsck: %s", clean)
	}
}

// spec: E1 - a store moves from the data directory to PostgreSQL or etcd and back.
func TestAStoreMovesToADatabaseAndBack(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{
		"postgres": func(t *testing.T) string { return pgtest.Start(t).Database(t) },
		"etcd":     func(t *testing.T) string { return etcdtest.Start(t).Database() },
	} {
		t.Run(name, func(t *testing.T) { moves(t, name, fresh(t)) })
	}
}

func moves(t *testing.T, name, database string) {
	m := newMachine(t, database, nil)
	m.configure("engine: badger")
	id := m.issue("shop.example.com").ID
	m.refuse(2, "copy")
	if copied := m.must("copy", "--to", database); !strings.Contains(copied, "fsck says the same") {
		t.Errorf("copied: %s", copied)
	}
	if said := m.refuse(5, "copy", "--to", database); !strings.Contains(said, "is not empty") {
		t.Errorf("copied twice: %s", said)
	}
	m.configure("engine: "+name, "url: "+database)
	m.must("show", id)
	m.deploy(id, "CDN")
	back := filepath.Join(m.home, "back")
	m.must("copy", "--to", back)
	m.configure("engine: badger")
	if got := decode[[]resource](t, m.must("--data", back, "resources", "--json")); len(got) != 1 || got[0].Instance != id {
		t.Errorf("back, there are %+v", got)
	}
	if clean := m.must("--data", back, "fsck"); !strings.Contains(clean, "clean") {
		t.Errorf("fsck: %s", clean)
	}
}

// spec: E1 - the same verbs on etcd, and another machine takes over when the owner is
// killed; what is wrong is said in one line, and nothing is written.
func TestAStoreInEtcd(t *testing.T) {
	cluster := etcdtest.Start(t)
	database := cluster.Database()
	first := newMachine(t, database, nil)
	if said := first.refuse(5, "list"); !strings.Contains(said, "no store below this prefix") {
		t.Errorf("an empty prefix: %s", said)
	}
	id := first.issue("shop.example.com").ID
	second := newMachine(t, database, first)
	a := first.stand()
	a.says(t, "serving", 1)
	b := second.stand()
	b.says(t, "standing by", 1)
	bought := decode[struct{ Instances []instance }](t, first.must("buy", "--json")).Instances[0].ID
	cluster.Kill(t, 0)
	killed := time.Now()
	a.signal(t, syscall.SIGKILL)
	b.says(t, "serving", 1)
	if took := time.Since(killed); took > 10*time.Second && !raceEnabled() {
		t.Errorf("taken over after %v", took)
	} else {
		t.Logf("taken over after %v, with one node of three gone", took)
	}
	for _, want := range []string{id, bought} {
		second.must("show", want)
	}
	b.signal(t, syscall.SIGTERM)
	if clean := second.must("fsck"); !strings.Contains(clean, "clean") {
		t.Errorf("fsck: %s", clean)
	}

	foreign := cluster.Database()
	cluster.Run(t, 0)
	if !waittest.Eventually(patience, func() bool { return cluster.Ready(t, 0) }) {
		t.Fatal("the node does not come back")
	}
	cluster.Do(t, foreign, map[string]string{"orders/1": "v"})
	for said, lines := range map[string][]string{
		"there is db2/orders/1": {"engine: etcd", "url: " + foreign},
		"cannot be reached":     {"engine: etcd", "url: etcd://127.0.0.1:1/certquay"},
		"must not contain a pa": {"engine: etcd", "url: etcd://anna:geheim@127.0.0.1:1/certquay"},
		"must be etcd://":       {"engine: etcd", "url: postgres://certquay@127.0.0.1/certquay"},
		"must be postgres://":   {"engine: postgres", "url: " + database},
		"must be set for":       {"engine: etcd"},
		"unknown parameter":     {"engine: etcd", "url: " + database + "?sslmode=off"},
	} {
		second.configure(lines...)
		r := second.try("buy")
		if r.code != 5 && r.code != 2 || !strings.Contains(r.err, said) || strings.Contains(r.err, "geheim") || r.out != "" {
			t.Errorf("%q: exit %d\n%s%s", lines, r.code, r.out, r.err)
		}
	}
}
