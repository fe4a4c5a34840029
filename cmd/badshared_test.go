package cmd_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/postgres/pgtest"
)

// databases start the servers of each kind, and return a function that names a database
// without a store there.
var databases = map[string]func(*testing.T) func(*testing.T) string{
	"postgres": func(t *testing.T) func(*testing.T) string {
		s := pgtest.Start(t)
		return func(t *testing.T) string { return s.Database(t) }
	},
	"etcd": func(t *testing.T) func(*testing.T) string {
		c := etcdtest.StartOne(t)
		return func(*testing.T) string { return c.Database() }
	},
}

// onEach runs a test on a database of each kind.
func onEach(t *testing.T, test func(t *testing.T, fresh func(*testing.T) string)) {
	for name, start := range databases {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

// spec: E2 - the protection of a shared store is not changed by the configuration of one of
// its machines: that is said in one line, and the store stays as it is.
func TestTheSealOfASharedStoreStays(t *testing.T) {
	t.Parallel()
	const passphrase = "correct horse"
	onEach(t, func(t *testing.T, fresh func(*testing.T) string) {
		database := fresh(t)
		sealed := newMachine(t, database, nil)
		engine, _, _ := strings.Cut(database, "://")
		where := []string{"engine: " + engine, "url: " + database}
		sealed.configure(append(where, "seal: passphrase")...)
		sealed.answered([][2]string{{"to seal the store with", passphrase}, {"Again", passphrase}}, "buy", "--yes")
		sealed.configure(where...)
		said := sealed.failed("list")
		if !strings.Contains(said, "protected by passphrase") || !strings.Contains(said, "set store.seal back") {
			t.Errorf("without the passphrase: %s", said)
		}
		if all := sealed.names(); len(all) != 1 { // where nobody can be asked
			t.Errorf("the list of a sealed store: %v", all)
		}
		sealed.configure(append(where, "seal: passphrase")...)
		sealed.answered([][2]string{{"leaves it sealed", passphrase}}, "list")

		open := newMachine(t, fresh(t), nil)
		open.must("buy")
		open.configure("engine: "+engine, "url: "+open.database, "seal: passphrase")
		if said := open.failed("list"); !strings.Contains(said, "protected by file") {
			t.Errorf("with a passphrase: %s", said)
		}
		open.configure("engine: "+engine, "url: "+open.database)
		open.issue("shop.example.com")
	})
}

// failed runs a command line on a terminal that has to end with code 5, and returns what it
// says.
func (p *person) failed(args ...string) string {
	p.t.Helper()
	s := p.open(200, 30, args...)
	_ = s.wait() // its code is compared
	if code := s.cmd.ProcessState.ExitCode(); code != 5 {
		p.t.Errorf("certquay %s: exit %d\n%s", strings.Join(args, " "), code, s.text())
	}
	return s.text()
}

// spec: E1 - a database whose clock differs by minutes is refused, and nothing is written.
// The clock of etcd's nodes is in the tests of its engine.
func TestAClockOfTheDatabaseThatDiffers(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	database := server.Database(t)
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	server.Exec(t, database, fmt.Sprintf(`
create function clock_timestamp() returns timestamptz language sql as $$ select pg_catalog.clock_timestamp() - interval '5 minutes' $$;
alter role %s in database %s set search_path = public, pg_catalog`, at.User.Username(), strings.TrimPrefix(at.Path, "/")))
	m := newMachine(t, database, nil)
	said := m.refuse(5, "buy")
	if !strings.Contains(said, "differ by 5m") || !strings.Contains(said, "NTP") || strings.Count(said, "\n") != 1 {
		t.Errorf("%s", said)
	}
	server.Exec(t, database, "do $$ begin assert (select count(*) = 0 from pg_class c where relnamespace = 'public'::regnamespace); end $$")
}
