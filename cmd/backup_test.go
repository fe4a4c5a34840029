package cmd_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"certquay/cmd/waittest"
)

// moment is what the JSON of a backup says of the store.
type moment struct {
	Store   string `json:"store"`
	Events  int    `json:"events"`
	Records int    `json:"records"`
}

// logged is an event as activity --json prints it.
type logged map[string]any

// balanceLine is what balance --by-order --json says of an order, in minor units.
type balanceLine struct {
	Charged int64 `json:"charged"`
}

// busy lets a person work on a store until the returned function is called,
// which says how many certificates were deployed meanwhile.
func (p *person) busy(people int) (stop func() int) {
	var done atomic.Bool
	var deployed atomic.Int64
	var all sync.WaitGroup
	for who := range people {
		all.Go(func() {
			for n := 0; !done.Load(); n++ {
				name := fmt.Sprintf("w%d-%d.example.com", who, n)
				r := p.try("buy", "--grade", "standard", "--yes", "--json")
				if r.code != 0 {
					p.t.Errorf("buy: %s", r.err)
					return
				}
				id := decode[struct{ Instances []instance }](p.t, r.out).Instances[0].ID
				for _, verb := range [][]string{{"apply", id, "--domain", name}, {"deploy", id, "--product", "CDN"}} {
					if r := p.try(verb...); r.code != 0 {
						p.t.Errorf("%v: %s", verb, r.err)
						return
					}
				}
				deployed.Add(1)
			}
		})
	}
	return func() int {
		done.Store(true)
		all.Wait()
		return int(deployed.Load())
	}
}

// rounds is how many backups are made under load: 3, or what CERTQUAY_BACKUPS
// says.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("CERTQUAY_BACKUPS")); err == nil {
		return n
	}
	return 3
}

// While people work, each backup is one moment of the store. Restored on a home
// without configuration it is clean and has exactly the log, the certificates,
// the payments and the endpoints of that moment; no key can be read in it.
// spec: O1
func TestBackupsOfABusyOwner(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	s := p.serve()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(p.home, "key.txt")
	if err := os.WriteFile(key, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := p.issue("first.example.com")
	p.deploy(first.ID, "CDN")
	p.must("download", first.ID, "--format", "nginx", "--out", filepath.Join(p.home, "files"))
	hidden := secrets(
		t,
		filepath.Join(p.home, "files", "first.example.com.key"),
		filepath.Join(p.home, ".config", "certquay", "master.key"),
	)

	stop := p.busy(3)
	moments := map[string]moment{}
	for n := range rounds() {
		file := filepath.Join(p.home, fmt.Sprintf("%d.backup", n))
		moments[file] = decode[moment](t, p.must("backup", file, "--recipient", identity.Recipient().String(), "--json"))
	}
	deployed := stop()
	log := decode[[]logged](t, p.must("activity", "--limit", "0", "--json"))
	if err := s.stopServing(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d backups while %d certificates were bought, issued and deployed", len(moments), deployed)
	for file, m := range moments {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range hidden {
			if bytes.Contains(b, secret) {
				t.Errorf("%s can be read in %s", what, file)
			}
		}
		checkRestored(t, file, key, m, log)
	}
	checkDamagedBackupRefused(t, slices.Sorted(maps.Keys(moments))[0], key)
}

// secrets returns the encodings in which keys could be found in files.
func secrets(t *testing.T, keyPEM, master string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(master)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return map[string][]byte{
		"the private key":             block.Bytes,
		"the private key in base64":   []byte(base64.StdEncoding.EncodeToString(block.Bytes))[:64],
		"the master key":              raw,
		"the master key in base64":    []byte(base64.StdEncoding.EncodeToString(raw))[:40],
		"the scalar of a private key": block.Bytes[36:68], // of PKCS#8 with P-256
	}
}

// checkRestored restores a backup into an empty home directory and compares the
// content.
func checkRestored(t *testing.T, file, key string, m moment, log []logged) {
	t.Helper()
	q := newPerson(t)
	if got := decode[moment](t, q.must("restore", file, "--identity", key, "--json")); got.Store != m.Store || got.Events != m.Events {
		t.Errorf("restored %+v of %+v", got, m)
	}
	q.must("fsck")
	got := decode[[]logged](t, q.must("activity", "--limit", "0", "--json"))
	if len(got) < m.Events || !reflect.DeepEqual(got[:m.Events], log[:m.Events]) {
		t.Errorf("%s: the log of %d events is not the first %d of the original", file, len(got), m.Events)
	}
	var purchased, paid int
	presents := map[string]bool{}
	for _, ev := range got[:m.Events] {
		switch {
		case ev["action"] == "buy" && ev["result"] == "ok":
			purchased++
			if strings.Contains(fmt.Sprint(ev["detail"]), "100.00 EUR") {
				paid += 10000
			}
		case ev["action"] == "deploy" && ev["result"] == "ok":
			presents[fmt.Sprint(ev["resource"])] = true
		}
	}
	if list := decode[[]instance](t, q.must("list", "--json")); len(list) != purchased {
		t.Errorf("%s: %d certificates, and %d were bought by then", file, len(list), purchased)
	}
	var sum int64
	for _, o := range decode[[]balanceLine](t, q.must("balance", "--by-order", "--json")) {
		sum += o.Charged
	}
	if sum != int64(paid) {
		t.Errorf("%s: %d was paid, and %d by then", file, sum, paid)
	}
	s := q.serve()
	for _, r := range decode[[]resource](t, q.must("resources", "--state", "deployed", "--json")) {
		chain, err := presented(r.Address, r.Name)
		if err != nil || chain[0] != r.Fingerprint {
			t.Errorf("%s: %s presents %v (%v), want %s", file, r.Name, chain, err, r.Fingerprint)
		}
		delete(presents, r.ID)
	}
	if len(presents) > 0 {
		t.Errorf("%s: %v were deployed by then, and are not", file, presents)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
}

// checkDamagedBackupRefused truncates and modifies a backup and checks that it is
// refused.
func checkDamagedBackupRefused(t *testing.T, file, key string) {
	t.Helper()
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	q := newPerson(t)
	bad, wrong := filepath.Join(q.home, "bad.backup"), filepath.Join(q.home, "wrong.txt")
	if err := os.WriteFile(wrong, []byte(other.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{"half": whole[:len(whole)/2], "almost": whole[:len(whole)-1], "flipped": flipped, "empty": {},
		"another's": whole} {
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		with := key
		if what == "another's" {
			with = wrong
		}
		q.refuse(1, "backup", "verify", bad, "--identity", with)
		q.refuse(1, "restore", bad, "--identity", with)
		for _, left := range []string{q.data, filepath.Join(q.home, ".config", "certquay", "master.key")} {
			if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s is left (%v)", what, left, err)
			}
		}
	}
}

// A passphrase is asked for twice to make a backup and once to open it, and is
// not shown; the backup itself does not go to a terminal.
// spec: O1
func TestBackupAsksForAPassphrase(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.must("buy")
	file := filepath.Join(p.home, "typed.backup")
	typed := func(answers []string, args ...string) (int, string) {
		t.Helper()
		s := p.open(100, 30, args...)
		for n, a := range answers {
			s.waitFor([]string{"assphrase", "Again"}[n])
			s.typeKeys(a + "\r")
		}
		_ = s.wait()
		return s.cmd.ProcessState.ExitCode(), s.text()
	}
	if code, text := typed([]string{"one horse", "two horse"}, "backup", file); code != 2 {
		t.Errorf("two different ones: exit %d\n%s", code, text)
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was written: %v", err)
	}
	serve := p.serve() // and so it is when another process owns the store
	code, text := typed([]string{"one horse", "one horse"}, "backup", file)
	if code != 0 || strings.Contains(text, "horse") {
		t.Errorf("exit %d\n%s", code, text)
	}
	if err := serve.stopServing(); err != nil {
		t.Error(err)
	}
	if code, text := typed([]string{"one horse"}, "backup", "verify", file); code != 0 {
		t.Errorf("verifying: exit %d\n%s", code, text)
	}
	if code, text := typed([]string{"two horse"}, "restore", file, "--data", filepath.Join(p.home, "new")); code != 1 {
		t.Errorf("another passphrase: exit %d\n%s", code, text)
	}
	if code, text := typed(nil, "backup", "-"); code != 2 {
		t.Errorf("onto the terminal: exit %d\n%s", code, text)
	}
}

// Over SSH a backup goes through the connection, to no file of the server's,
// and is not restored there.
// spec: O1, V9
func TestBackupOverSSH(t *testing.T) {
	t.Parallel()
	d := listen(t)
	d.p.issue("www.example.com")
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to := identity.Recipient().String()
	r := d.ssh("mine", "", "backup", "-", "--recipient", to)
	if r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.err)
	}
	q := newPerson(t)
	key := filepath.Join(q.home, "key.txt")
	if err := os.WriteFile(key, []byte(identity.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := q.tryIn(r.out, "backup", "verify", "-", "--identity", key); got.code != 0 {
		t.Errorf("exit %d\n%s", got.code, got.err)
	}
	there := filepath.Join(d.p.home, "stolen.backup")
	if r := d.ssh("mine", "", "backup", there, "--recipient", to); r.code != 2 {
		t.Errorf("a file of the server's: exit %d\n%s", r.code, r.err)
	}
	if _, err := os.Lstat(there); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was written: %v", err)
	}
	if r := d.ssh("mine", r.out, "restore", "-"); r.code != 2 {
		t.Errorf("restoring: exit %d\n%s", r.code, r.err)
	}
	if r := d.ssh("mine", "", "backup", "-"); r.code != 2 || r.out != "" {
		t.Errorf("for nobody: exit %d, %d bytes\n%s", r.code, len(r.out), r.err)
	}
}

// What is restored is not in use meanwhile: a directory that a process owns is
// refused.
// spec: O1
func TestRestoreIntoAUsedDirectory(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.must("buy")
	pass, file := filepath.Join(p.home, "pass"), filepath.Join(p.home, "a.backup")
	if err := os.WriteFile(pass, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.must("backup", file, "--passphrase-file", pass)
	p.serve()
	p.refuse(5, "restore", file, "--passphrase-file", pass)
	p.must("list")
}

// eventually runs certquay until a condition holds.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	if !waittest.Eventually(patience, so) {
		t.Fatalf("after %v there is not: %s", patience, what)
	}
}

// With backup in the configuration, serve makes one, and says when it cannot.
// spec: O1
func TestServeMakesBackups(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	pass, dir := filepath.Join(p.home, "pass"), filepath.Join(p.home, "backups")
	config := filepath.Join(p.home, ".config", "certquay", "config.yaml")
	text := fmt.Sprintf("backup: {directory: %s, every: 1h, passphrase_file: %s}\n", dir, pass)
	err := errors.Join(
		os.WriteFile(pass, []byte("correct horse\n"), 0o644),
		os.MkdirAll(filepath.Dir(config), 0o700),
		os.WriteFile(config, []byte(text), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	s := p.serve()
	eventually(t, "a task about the backup", func() bool {
		return strings.Contains(p.must("tasks"), "repair the scheduled backup")
	})
	if log := p.must("activity", "--json"); !strings.Contains(log, "may be read by others") {
		t.Errorf("the activity log: %s", log)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(pass, 0o600); err != nil {
		t.Fatal(err)
	}
	s = p.serve()
	eventually(t, "no task about the backup", func() bool { return strings.Contains(p.must("tasks"), "nothing needs a person") })
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}
	made, err := filepath.Glob(filepath.Join(dir, "certquay-*.backup"))
	if err != nil || len(made) != 1 {
		t.Fatalf("made %v, %v", made, err)
	}
	p.must("backup", "verify", made[0], "--passphrase-file", pass)
	p.must("list") // a verb that owns the store for its own work makes none
	if again, err := os.ReadDir(dir); err != nil || len(again) != 1 {
		t.Errorf("there are %v, %v", again, err)
	}
}
