package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"certquay/cmd/waittest"
	"certquay/store/storetest"
)

// answered runs a command line on a terminal, types an answer to each question,
// and returns what stood on the screen when it had ended.
func (p *person) answered(answers [][2]string, args ...string) string {
	p.t.Helper()
	s := p.open(120, 30, args...)
	for _, a := range answers {
		s.waitFor(a[0])
		s.typeKeys(a[1], enter)
	}
	if err := s.wait(); err != nil {
		p.t.Fatalf("certquay %s: %v\n%s", strings.Join(args, " "), err, s.text())
	}
	return s.text()
}

func written(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// names are those of the instances that the person's list shows.
func (p *person) names() (all []string) {
	p.t.Helper()
	var is []instance
	if err := json.Unmarshal([]byte(p.must("list", "--json")), &is); err != nil {
		p.t.Fatal(err)
	}
	for _, i := range is {
		all = append(all, i.Name)
	}
	return all
}

// A store with a passphrase opens where nobody can be asked: it lists, it is
// checked, it is served, and says that it is sealed where a secret is needed.
// The passphrase is given over the socket.
//
// finding: R-H1
// spec: G7
func TestASealedStoreIsServedAndUnsealed(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	config := written(t, filepath.Join(p.home, "config", "config.yaml"), "store: {seal: passphrase}\n")
	p.flag = []string{"--data", filepath.Join(p.home, "data"), "--config", config}
	if r := p.try("buy", "--yes"); r.code != 2 || !strings.Contains(r.err, "terminal") {
		t.Errorf("a store with a passphrase was made without one: exit %d\n%s", r.code, r.err)
	}
	ask := [][2]string{{"to seal the store with", "correct horse"}, {"Again", "correct horse"}}
	p.answered(ask, "buy", "--level", "dv", "--type", "single", "--yes")
	if got := p.names(); len(got) != 1 {
		t.Fatalf("the list of a sealed store: %v", got)
	}
	if out := p.must("fsck"); !strings.HasPrefix(out, "clean") {
		t.Errorf("fsck: %s", out)
	}
	s := p.serve()
	var all []instance
	if err := json.Unmarshal([]byte(p.must("list", "--json")), &all); err != nil {
		t.Fatal(err)
	}
	id := all[0].ID
	if r := p.try("apply", id, "--domain", "a.example.com"); r.code != 5 || !strings.Contains(r.err, "certquay unseal") {
		t.Errorf("applying while sealed: exit %d\n%s%s", r.code, r.out, r.err)
	}
	if out := p.must("tasks"); !strings.Contains(out, "certquay unseal") {
		t.Errorf("nobody is asked for the passphrase:\n%s", out)
	}
	if r := p.tryIn("wrong\n", "unseal", "--passphrase-file", "-"); r.code != 1 || !strings.Contains(r.err, "stays sealed") {
		t.Errorf("the wrong passphrase: exit %d\n%s", r.code, r.err)
	}
	if r := p.tryIn("correct horse\n", "unseal", "--passphrase-file", "-"); r.code != 0 {
		t.Fatalf("unseal: exit %d\n%s", r.code, r.err)
	}
	if out := p.must("tasks"); strings.Contains(out, "certquay unseal") {
		t.Errorf("somebody is asked again:\n%s", out)
	}
	p.must("apply", id, "--domain", "a.example.com")
	p.must("deploy", id, "--product", "CDN", "--yes")
	if out := p.must("unseal"); !strings.Contains(out, "is unsealed") {
		t.Errorf("again: %s", out)
	}
	if out := p.must("activity"); !strings.Contains(out, "unseal") {
		t.Errorf("the activity does not tell who unsealed it:\n%s", out)
	}
	if err := s.stopServing(); err != nil {
		t.Error(err)
	}

	// The next process is sealed again, and what is deployed is presented once
	// the passphrase was given, now over SSH.
	d := p.listen()
	if r := p.try("verify", "a.example.com"); r.code == 0 {
		t.Error("a sealed store presents a certificate")
	}
	if r := d.ssh("mine", "correct horse\n", "unseal", "--passphrase-file", "-"); r.code != 0 {
		t.Fatalf("unseal: exit %d\n%s", r.code, r.err)
	}
	p.must("verify", "a.example.com")
	if err := d.served.stopServing(); err != nil {
		t.Error(err)
	}

	// Back to the key file, on a terminal.
	written(t, config, "")
	text := p.answered([][2]string{{"The passphrase of the store", "correct horse"}}, "list")
	if !strings.Contains(text, "store is rewritten") {
		t.Errorf("going back to the key file:\n%s", text)
	}
	if out := p.must("unseal"); !strings.Contains(out, "no passphrase") {
		t.Errorf("after going back: %s", out)
	}
	p.must("reissue", "a.example.com", "--yes")
}

// A store that an earlier version gave a passphrase is written anew as soon as
// it is typed, since that version left the master key in the files.
//
// finding: R-C2
func TestAnExposedMasterKeyIsReplacedOnceThePassphraseIsTyped(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	data, _, config := storetest.Written(t, storetest.WrittenPassphrase)
	p.flag = []string{"--data", data, "--config", config}
	ask := [][2]string{{"The passphrase of the store", storetest.WrittenPassphraseWords}}
	if text := p.answered(ask, "list"); !strings.Contains(text, "store is rewritten") {
		t.Errorf("the first time:\n%s", text)
	}
	if text := p.answered(ask, "list"); strings.Contains(text, "store is rewritten") {
		t.Errorf("the second time:\n%s", text)
	}
	if out := p.must("fsck"); !strings.HasPrefix(out, "clean") {
		t.Errorf("fsck: %s", out)
	}
}

// What is missing is given up by a person only, who is told what it is, and the
// activity tells of it.
//
// finding: R-C3
func TestGivingUpWhatIsMissing(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.must("buy", "--yes")
	s := p.serve()
	for range 5 {
		p.must("buy", "--yes")
	}
	s.kill()
	logs, err := filepath.Glob(filepath.Join(p.data, "db", "*.mem"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	for _, log := range logs {
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
	}
	missing := []string{"holds less than it did", "events ", "certquay fsck --accept-loss"}
	oneLine(t, p.try("list"), missing...) // takes the lock that the killed one left
	unchanged(t, p, p.data, missing...)
	if r := p.try("fsck", "--accept-loss"); r.code != 2 || !strings.Contains(r.err, "--yes") {
		t.Errorf("without a confirmation: exit %d\n%s", r.code, r.err)
	}
	out := p.must("fsck", "--accept-loss", "--yes")
	if !strings.Contains(out, "given up") || !strings.Contains(out, "clean") {
		t.Errorf("giving it up:\n%s", out)
	}
	if out := p.must("activity"); !strings.Contains(out, "--accept-loss") {
		t.Errorf("the activity does not tell of it:\n%s", out)
	}
	if out := p.must("fsck", "--accept-loss"); !strings.Contains(out, "nothing is missing") {
		t.Errorf("again:\n%s", out)
	}
}

// Keys that a disk has lost are a task soon after the start, and not first
// noticed when they are needed.
//
// finding: R-M14
func TestLostKeysAreATask(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	data, _, config := storetest.Written(t, storetest.WrittenFleet)
	p.flag = []string{"--data", data, "--config", config}
	if err := os.Remove(filepath.Join(data, "db", "000001.vlog")); err != nil {
		t.Fatal(err)
	}
	p.serve()
	out := ""
	if !waittest.Eventually(patience, func() bool { out = p.must("tasks"); return strings.Contains(out, "damaged") }) {
		t.Fatalf("nobody is asked to see to it:\n%s", out)
	}
	p.refuse(1, "fsck")
}
