package cmd_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

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

	seen := third.open(120, 40)
	seen.waitFor("Overview")
	seen.waitFor("shop.example.com")
	killed := time.Now()
	a.signal(t, syscall.SIGKILL)
	b.says(t, "serving", 1)
	if took := time.Since(killed); took > 10*time.Second && !raceEnabled() {
		t.Errorf("taken over after %v", took)
	}
	second.must("apply", bought, "--domain", "two.example.com")
	seen.waitFor("two.example.com")
	t.Logf("the dashboard went on after %v", time.Since(killed))
	third.must("show", id)
}
