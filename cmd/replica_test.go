package cmd_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/postgres/pgtest"
)

// anywhere has the system choose the port of certquay serve.
var anywhere = []string{"--listen", "127.0.0.1:0"}

// spec: E2 - machines that share a store attach to its owner, and follow it to the next one
// when it is killed.
func TestReplicasFollowTheOwner(t *testing.T) {
	database := pgtest.Start(t).Database(t)
	first := newMachine(t, database, nil)
	id := first.issue("shop.example.com").ID
	a := first.stand(anywhere...)
	a.says(t, "serving", 1)
	a.says(t, "other machines that share the store attach at 127.0.0.1:", 1)
	a.says(t, "only machines that share the store can log in yet", 1)

	second, third := newMachine(t, database, first), newMachine(t, database, first)
	b := second.stand(anywhere...)
	b.says(t, "standing by", 1)
	bought := decode[struct{ Instances []instance }](t, second.must("buy", "--json")).Instances[0].ID // the owner on another machine
	third.must("show", bought)
	if said := third.refuse(1, "download", id, "--out", third.home); !strings.Contains(said, "another machine owns the store") {
		t.Errorf("a file of another machine: %s", said)
	}

	stands := func() bool { return strings.Contains(third.must("status"), "standing by: ") }
	if !waittest.Eventually(patience, stands) {
		t.Errorf("the owner does not list the machine that stands by: %s", third.must("status"))
	}

	seen := third.open(120, 40)
	seen.waitFor("Overview")
	seen.waitFor("shop.example.com")
	seen.typeKeys("v", "/", "is:paid or is:issued", enter)
	seen.waitFor("/ is:paid or is:issued", "2 of 2")
	killed := time.Now()
	a.signal(t, syscall.SIGKILL)
	b.says(t, "serving", 1)
	if took := time.Since(killed); took > 10*time.Second && !raceEnabled() {
		t.Errorf("taken over after %v", took)
	}
	seen.waitFor("Connected again", "/ is:paid or is:issued", "owner: ") // it stands where it stood
	second.must("apply", bought, "--domain", "two.example.com")
	seen.waitFor("two.example.com", "owner: ")
	t.Logf("the dashboard went on after %v", time.Since(killed))
	third.must("show", id)
}

// spec: E2 - an address that leads elsewhere is said where it is published, and where it is
// used; nothing is done.
func TestWrongAddressesOfOwners(t *testing.T) {
	database := pgtest.Start(t).Database(t)
	first := newMachine(t, database, nil)
	first.must("buy")
	second := newMachine(t, database, first)
	stranger := newPerson(t)
	sshdOf := stranger.listen() // serves a store of its own
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := silent.Addr().String()
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	for at, said := range map[string]string{
		closed: "cannot be reached at " + closed,
		net.JoinHostPort(sshdOf.host, sshdOf.port): "another host key than its own answers",
	} {
		first.configure("engine: postgres", "url: "+database, "advertise: "+at)
		a := first.stand(anywhere...)
		a.says(t, "other machines may not be able to attach: ", 1)
		a.says(t, said, 1)
		if heard := second.refuse(5, "buy"); !strings.Contains(heard, said) || strings.Count(heard, "\n") != 1 {
			t.Errorf("attached at %s: %s", at, heard)
		}
		a.signal(t, syscall.SIGTERM)
	}
	first.configure("engine: postgres", "url: "+database, "advertise: 0.0.0.0:2222")
	if heard := first.refuse(2, "list"); !strings.Contains(heard, "store.advertise") {
		t.Errorf("an address of nobody: %s", heard)
	}
}

// spec: E2 - a machine without the key of the store does not stand by.
func TestAMachineWithoutTheKeyDoesNotStandBy(t *testing.T) {
	database := pgtest.Start(t).Database(t)
	first := newMachine(t, database, nil)
	first.must("buy")
	a := first.stand(anywhere...)
	a.says(t, "serving", 1)
	second := newMachine(t, database, nil)
	for _, verb := range []string{"serve", "list"} {
		if said := second.refuse(5, verb); !strings.Contains(said, "master.key is missing") || !strings.Contains(said, "copy it from") {
			t.Errorf("%s without the key: %s", verb, said)
		}
	}
}

// failing is a database that a test has fail.
type failing struct {
	url       string
	kill, run func(testing.TB)
}

var failings = map[string]func(*testing.T) failing{
	"postgres": func(t *testing.T) failing {
		s := pgtest.Start(t)
		return failing{s.Database(t), s.Kill, s.Run}
	},
	"etcd": func(t *testing.T) failing {
		c := etcdtest.StartOne(t)
		return failing{c.Database(), func(t testing.TB) { c.Kill(t, 0) }, func(t testing.TB) { c.Run(t, 0) }}
	},
}

// spec: E3 - while the database is away, reading what is held goes on and writing says so;
// when it is back, work goes on.
func TestReadingGoesOnWhileTheDatabaseIsAway(t *testing.T) {
	for engine, start := range failings {
		t.Run(engine, func(t *testing.T) { readingGoesOn(t, start(t)) })
	}
}

func readingGoesOn(t *testing.T, database failing) {
	m := newMachine(t, database.url, nil)
	id := m.issue("shop.example.com").ID
	m.must("contact", "add", "--name", "Ops", "--email", "ops@example.com")
	s := m.stand()
	s.says(t, "serving", 1)
	seen := m.open(120, 40)
	seen.waitFor("shop.example.com")
	database.kill(t)
	seen.waitFor("DATABASE AWAY since", "shop.example.com")
	for _, filter := range [][]string{{}, {"--text", "shop"}, {"--where", "is:issued !contact:Ops"}, {"--sort", "contact"}} {
		list := m.try(append([]string{"list"}, filter...)...)
		if list.code != 0 || !strings.Contains(list.out, "shop.example.com") || !strings.Contains(list.err, "this was read before") {
			t.Errorf("%q: exit %d\n%s%s", filter, list.code, list.out, list.err)
		}
	}
	for _, verb := range [][]string{
		{"show", id}, {"list", "--where", "is:needs-person"}, {"resources"}, {"activity"}, {"tasks"}, {"fsck"}, {"forecast"}, {"buy"},
		{"renew", id},
	} {
		said := m.refuse(5, verb...)
		why := strings.Contains(said, "has not answered since") && strings.Contains(said, "cannot be reached")
		if !why || strings.Count(said, "\n") != 1 {
			t.Errorf("%q while the database is away: %s", verb, said)
		}
	}
	if status := m.try("status"); !strings.Contains(status.err, "does not answer since") {
		t.Errorf("the status is %s%s", status.out, status.err)
	}
	seen.typeKeys(enter)
	seen.waitFor("not read: the database is away since")
	database.run(t)
	if !waittest.Eventually(patience, func() bool { return m.try("buy").code == 0 }) {
		t.Fatalf("nothing can be bought:\n%s", s.out)
	}
	seen.waitFor("shop.example.com")
	s.signal(t, syscall.SIGTERM)
	if clean := m.must("fsck"); !strings.Contains(clean, "clean") {
		t.Errorf("fsck: %s", clean)
	}
}

// spec: E2, E3 - a process that serves waits for a database that does not answer yet, is
// healthy meanwhile and not ready, and goes on once it does. A verb says that it does not.
func TestServeWaitsForItsDatabase(t *testing.T) {
	for engine, start := range failings {
		t.Run(engine, func(t *testing.T) {
			database := start(t)
			m := newMachine(t, database.url, nil)
			m.must("buy")
			m.configure("engine: "+engine, "url: "+database.url+"\nmetrics: {listen: 'unix:metrics.sock'}")
			get := scraper(t, filepath.Join(filepath.Dir(m.config), "metrics.sock"))
			database.kill(t)
			s := m.stand(anywhere...)
			s.says(t, "standing by: ", 1)
			if said := m.refuse(5, "list"); !strings.Contains(said, "cannot be reached") || strings.Count(said, "\n") != 1 {
				t.Errorf("a verb says %s", said)
			}
			for path, want := range map[string]string{"/healthz": "ok", "/readyz": "standby", "/metrics": "certquay_owner 0"} {
				if _, page := get(path); !strings.Contains(page, want) {
					t.Errorf("%s: %s", path, page)
				}
			}
			database.run(t)
			s.says(t, "serving", 1)
			eventually(t, "ready", func() bool { status, _ := get("/readyz"); return status == 200 })
			if _, page := get("/metrics"); !strings.Contains(page, "certquay_owner 1") {
				t.Errorf("the owner: %s", page)
			}
			database.kill(t)
			eventually(t, "not ready", func() bool { _, page := get("/readyz"); return strings.Contains(page, "unwritable") })
			if status, page := get("/metrics"); status != 200 || !strings.Contains(page, "certquay_store_writable 0") {
				t.Errorf("while the database is away: status %d\n%s", status, page)
			}
		})
	}
}

// spec: E2, E3 - an owner that is cut off from the database shows what it holds; people at
// other machines go on with the next owner, and it stands by once it can.
func TestAnOwnerIsCutOffFromTheDatabase(t *testing.T) {
	server := pgtest.Start(t)
	database := server.Database(t)
	proxy := server.Proxy(t)
	first := newMachine(t, proxy.URL("db1"), nil)
	bought := decode[struct{ Instances []instance }](t, first.must("buy", "--json")).Instances[0].ID
	a := first.stand(anywhere...)
	a.says(t, "serving", 1)
	second, third := newMachine(t, database, first), newMachine(t, database, first)
	b := second.stand(anywhere...)
	b.says(t, "standing by", 1)
	at, away := first.open(120, 40), third.open(120, 40)
	at.waitFor("Overview", "owner: ")
	away.waitFor("Overview", "owner: ")
	proxy.Cut()
	cut := time.Now()
	b.says(t, "serving", 1)
	if took := time.Since(cut); took > 10*time.Second && !raceEnabled() {
		t.Errorf("taken over after %v", took)
	}
	at.waitFor("DATABASE AWAY since")
	second.must("apply", bought, "--domain", "shop.example.com")
	away.waitFor("shop.example.com")
	proxy.Heal()
	a.says(t, "standing by", 1)
	at.waitFor("shop.example.com")
	if clean := second.must("fsck"); !strings.Contains(clean, "clean") {
		t.Errorf("fsck: %s", clean)
	}
}

// A dashboard at another machine goes on when its owner finds out first that it has lost
// the store, or is stopped; a verb is not said to have been stopped by its user.
// finding: R-K1
// spec: E2
func TestADashboardElsewhereGoesOnWhenItsOwnerStops(t *testing.T) {
	server := pgtest.Start(t)
	database := server.Database(t)
	first := newMachine(t, database, nil)
	first.must("buy")
	a := first.stand(anywhere...)
	a.says(t, "serving", 1)
	away := newMachine(t, database, first)
	var all []*screen
	for range 8 {
		all = append(all, away.open(120, 40))
		all[len(all)-1].waitFor("owner: ")
	}
	for n := range 4 {
		server.Exec(t, database, "update certquay_owner set epoch = epoch + 1, ends = clock_timestamp()")
		a.says(t, "serving", n+2)
		bought := decode[struct{ Instances []instance }](t, first.must("buy", "--json")).Instances[0].ID
		domain := fmt.Sprintf("n%d.example.com", n)
		first.must("apply", bought, "--domain", domain)
		for _, seen := range all {
			seen.waitFor(domain)
		}
	}
}
