package cmd_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"certquay/cmd/waittest"
)

// killedAfter runs a command line and kills it after a while, unless it has
// ended by then. It says whether it was killed.
func (p *person) killedAfter(d time.Duration, args ...string) bool {
	p.t.Helper()
	c := p.command(p.t.Context(), args...)
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	timer := time.AfterFunc(d, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	_ = c.Wait()
	return c.ProcessState.ExitCode() == -1
}

// momentsOfDeath are what a process is killed in the middle of, besides writing.
// Each is given at most how long it may live.
var momentsOfDeath = map[string]func(t *testing.T, p *person, r *rand.Rand) bool{
	"a start": func(_ *testing.T, p *person, r *rand.Rand) bool {
		return p.killedAfter(time.Duration(r.IntN(150))*time.Millisecond, "serve")
	},
	"its close": func(t *testing.T, p *person, r *rand.Rand) bool {
		s := p.serve()
		p.must("contact", "add", "--name", fmt.Sprint(r.Uint64()), "--email", "x@example.com")
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		waittest.Pause(time.Duration(r.IntN(60)) * time.Millisecond)
		s.kill()
		return s.cmd.ProcessState.ExitCode() == -1
	},
	"fsck": func(_ *testing.T, p *person, r *rand.Rand) bool {
		return p.killedAfter(time.Duration(r.IntN(150))*time.Millisecond, "fsck")
	},
	"backup":  killBackup,
	"restore": killRestore,
	"rekey":   killRekey,
}

// identity is the key of the backups of a person.
func (p *person) identity(t *testing.T) (file, recipient string) {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(i.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, i.Recipient().String()
}

// A backup that was not finished is none: under its name there is a whole one,
// or nothing.
func killBackup(t *testing.T, p *person, r *rand.Rand) bool {
	key, to := p.identity(t)
	file := filepath.Join(t.TempDir(), "b")
	killed := p.killedAfter(time.Duration(r.IntN(200))*time.Millisecond, "backup", file, "--recipient", to)
	if _, err := os.Stat(file); err == nil {
		p.must("backup", "verify", file, "--identity", key)
	}
	p.must("backup", filepath.Join(t.TempDir(), "b"), "--recipient", to)
	return killed
}

// A store whose restoring was not finished is none, and restoring it again is
// possible at the same place.
func killRestore(t *testing.T, p *person, r *rand.Rand) bool {
	key, to := p.identity(t)
	file := filepath.Join(t.TempDir(), "b")
	p.must("backup", file, "--recipient", to)
	q := newPerson(t)
	killed := q.killedAfter(time.Duration(r.IntN(250))*time.Millisecond, "restore", file, "--identity", key)
	if res := q.try("restore", file, "--identity", key); res.code != 0 {
		// It was whole already.
		if _, err := os.Stat(filepath.Join(q.data, "STORE-ID")); err != nil {
			t.Errorf("restoring again: exit %d\n%s", res.code, res.err)
		}
	}
	if got, want := q.must("list", "--json"), p.must("list", "--json"); got != want {
		t.Errorf("restored\n%s\nof\n%s", got, want)
	}
	q.must("fsck")
	return killed
}

// A store that gets another passphrase, or none, has the one or the other.
func killRekey(t *testing.T, p *person, r *rand.Rand) bool {
	config := filepath.Join(p.home, ".config", "certquay", "config.yaml")
	before, err := os.ReadFile(config)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	q := newPerson(t)
	if out, err := exec.Command("cp", "-a", p.home+"/.", q.home).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	config = filepath.Join(q.home, ".config", "certquay", "config.yaml")
	if err := os.WriteFile(config, append(before, "\nstore:\n  seal: passphrase\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	s := q.open(100, 30, "list")
	s.waitFor("passphrase to seal")
	s.typeKeys("one horse\r")
	s.waitFor("Again")
	s.typeKeys("one horse\r")
	s.waitFor("store is rewritten")
	waittest.Pause(time.Duration(r.IntN(1500)) * time.Millisecond)
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	killed := s.cmd.ProcessState.ExitCode() == -1
	if got, want := q.must("list", "--json"), p.must("list", "--json"); got != want {
		t.Errorf("with another passphrase\n%s\nand before\n%s", got, want)
	}
	q.must("fsck")
	for _, left := range []string{"db.next", "db.old"} {
		if _, err := os.Stat(filepath.Join(q.data, left)); err == nil {
			t.Errorf("%s is left", left)
		}
	}
	return killed
}

// A process is killed while it opens, closes, checks, backs up, restores or
// re-keys a store: the next one opens it as it was, and it is clean.
// CERTQUAY_KILLS says how often, in all.
func TestKilledAtOtherMoments(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	each := max(1, long(t, "CERTQUAY_KILLS", 12)/len(momentsOfDeath))
	for what, die := range momentsOfDeath {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(len(what))))
			p, i := personWithCertificate(t)
			p.deploy(i.ID, "CDN")
			killed := 0
			for n := range each {
				before := p.must("list", "--json")
				if die(t, p, random) {
					killed++
				}
				if after := p.must("list", "--json"); after != before {
					t.Errorf("kill %d: the list was\n%s\nand is\n%s", n, before, after)
				}
				if out := p.must("fsck"); !strings.HasPrefix(out, "clean") {
					t.Errorf("kill %d: %s", n, out)
				}
				if t.Failed() {
					t.FailNow()
				}
			}
			t.Logf("%s: %d times, %d killed in the middle; 0 lost, 0 refused", what, each, killed)
		})
	}
}
