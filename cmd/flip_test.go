package cmd_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/store/storetest"
)

// damagedStore is a store of which copies are damaged.
type damagedStore struct {
	data, config string // directories beside each other
	list         string // what it lists
}

// outcomes of a damaged store.
const (
	refused = "refused" // exit 5 with the file named
	whole   = "whole"   // everything is there
	found   = "found"   // it opens, and fsck reports what is damaged
)

// killedWhileWriting is a store whose owner was killed while people bought.
func killedWhileWriting(t *testing.T) damagedStore {
	t.Helper()
	p := newPerson(t)
	w := &writers{person: p, all: acknowledgedWork{issued: map[string]string{}, deployed: map[string]resource{}}}
	for life := range 3 {
		s := p.serve()
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() { w.work(strings.Repeat("w", life+1), stop); close(done) }()
		eventually(t, "purchases", func() bool { return len(w.acknowledged().bought) > 4*life+3 })
		s.kill()
		close(stop)
		<-done
	}
	root := t.TempDir()
	d := damagedStore{data: filepath.Join(root, "data"), config: filepath.Join(root, "config")}
	copyTree(t, p.data, d.data)
	copyTree(t, filepath.Join(p.home, ".config", "certquay"), d.config)
	d.list = ids(t, p.must("list", "--limit", "0", "--json"))
	return d
}

// storeOfEarlierVersion returns a store that an earlier version wrote.
func storeOfEarlierVersion(t *testing.T) damagedStore {
	t.Helper()
	data, _, config := storetest.Written(t, storetest.WrittenFleet)
	d := damagedStore{data: data, config: filepath.Dir(config)}
	p := d.copied(t)
	d.list = ids(t, p.must("list", "--limit", "0", "--json"))
	return d
}

// ids returns the instances of a list, with their versions.
func ids(t *testing.T, list string) string {
	t.Helper()
	var b strings.Builder
	for _, i := range decode[[]instance](t, list) {
		b.WriteString(i.ID)
		for _, v := range i.Versions {
			b.WriteString(" " + v.Fingerprint)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// keeps reports whether a list has all instances and versions of another. What is due is
// renewed by whoever has the store open, so that there can be more versions.
func keeps(got, want string) bool {
	have, need := strings.Fields(got), strings.Fields(want)
	slices.Sort(have)
	slices.Sort(need)
	for _, f := range need {
		if _, ok := slices.BinarySearch(have, f); !ok {
			return false
		}
	}
	return strings.Count(got, "\n") == strings.Count(want, "\n")
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// copied returns a person with a copy of the store.
func (d damagedStore) copied(t *testing.T) *person {
	t.Helper()
	p := newPerson(t)
	p.data = filepath.Join(p.home, "data")
	copyTree(t, d.data, p.data)
	if err := os.RemoveAll(filepath.Join(p.data, "reserve")); err != nil { // 16 MB of nothing
		t.Fatal(err)
	}
	copyTree(t, d.config, filepath.Join(p.home, "config"))
	config := filepath.Join(p.home, "config", "config.yaml")
	if f, err := os.OpenFile(config, os.O_CREATE, 0o600); err != nil || f.Close() != nil {
		t.Fatalf("a configuration cannot be written: %v", err)
	}
	p.flag = []string{"--data", p.data, "--config", config}
	return p
}

// files returns the files of the store and its key, relative to the home directory.
func (d damagedStore) files(t *testing.T) (names []string) {
	t.Helper()
	root := filepath.Dir(d.data)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		switch e.Name() {
		case "reserve", "owner.lock", "config.yaml":
			return nil // nothing of the store stands in them
		}
		rel, err := filepath.Rel(root, path)
		names = append(names, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// outcomeOf says what became of a damaged store, by the program itself. Anything but
// the three outcomes is an error.
func (d damagedStore) outcomeOf(t *testing.T, p *person, what string) string {
	t.Helper()
	list := p.try("list", "--limit", "0", "--json")
	fsck := p.try("fsck")
	if fsck.code < 0 || fsck.code == 2 {
		t.Errorf("%s: fsck: exit %d\n%s", what, fsck.code, fsck.err)
	}
	if list.code == 5 {
		var e struct {
			Error struct{ Message, Reason string }
		}
		if err := json.Unmarshal([]byte(lastLine(list.err)), &e); err != nil {
			t.Errorf("%s: %v\n%s", what, err, list.err)
		}
		if e.Error.Reason == "damaged" && fsck.code == 1 {
			return found // by whoever reads that record
		}
		if !strings.Contains(e.Error.Message, p.home) || fsck.code != 5 {
			t.Errorf("%s: refused without a file that is named\n%s\nfsck: exit %d\n%s", what, list.err, fsck.code, fsck.err)
		}
		c := p.command(t.Context(), "serve")
		stop := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
		defer stop.Stop()
		if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != 5 {
			t.Errorf("%s: list is refused, and serve ends with %d\n%s", what, c.ProcessState.ExitCode(), out)
		}
		return refused
	}
	if list.code != 0 {
		t.Errorf("%s: list: exit %d\n%s", what, list.code, list.err)
		return ""
	}
	if fsck.code != 0 {
		return found
	}
	if got := ids(t, list.out); !keeps(got, d.list) {
		t.Errorf("%s: it lists\n%s\nof\n%s, and fsck finds nothing", what, got, d.list)
	}
	s := p.serve()
	if err := s.stopServing(); err != nil {
		t.Errorf("%s: serve: %v\n%s", what, err, s.out)
	}
	return whole
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// namedDamages are what happens to whole files.
var namedDamages = map[string]func(path string) error{
	"deleted":     os.Remove,
	"emptied":     func(path string) error { return os.Truncate(path, 0) },
	"cut in half": halve,
	"a pipe": func(path string) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return syscall.Mkfifo(path, 0o600)
	},
	"a device": func(path string) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Symlink("/dev/zero", path)
	},
}

// halve truncates a file to half of its non-zero content.
func halve(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, int64(len(bytes.TrimRight(b, "\x00"))/2))
}

// One flipped bit, or one file that is another, in a store whose owner was killed
// while it wrote, and in one of an earlier version: list, fsck and serve end with
// exit 5 and name the file, or everything is there. What an earlier version wrote
// has no high-water mark: what is missing at its end is not noticed, and the rest
// is found by fsck. CERTQUAY_FLIPS=200 is the whole measurement.
//
// finding: R-C3
func TestDamageIsNamedByTheProgram(t *testing.T) {
	t.Parallel()
	flips := long(t, "CERTQUAY_FLIPS", 12)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	for kind, make := range map[string]func(*testing.T) damagedStore{"killed": killedWhileWriting, "earlier": storeOfEarlierVersion} {
		d := make(t)
		files := d.files(t)
		count := map[string]int{}
		for n := range flips {
			name := files[random.IntN(len(files))]
			p := d.copied(t)
			b, err := os.ReadFile(filepath.Join(p.home, name))
			if err != nil {
				t.Fatal(err)
			}
			used := len(bytes.TrimRight(b, "\x00"))
			if used == 0 {
				continue
			}
			at, bit := random.IntN(used), byte(1)<<random.IntN(8)
			b[at] ^= bit
			if err := os.WriteFile(filepath.Join(p.home, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
			what := strings.Join([]string{kind, "flip", name}, " ")
			got := d.outcomeOf(t, p, what)
			count["flip "+got]++
			if t.Failed() {
				t.Fatalf("seed %d, flip %d: bit %d of byte %d of %d of %s: %s", seed, n, bit, at, used, name, got)
			}
		}
		tries := max(2, flips/4)
		for range tries {
			name := files[random.IntN(len(files))]
			for what, damage := range namedDamages {
				if tries == 2 && random.IntN(2) == 0 {
					continue
				}
				p := d.copied(t)
				if err := damage(filepath.Join(p.home, name)); err != nil {
					t.Fatal(err)
				}
				count["file "+d.outcomeOf(t, p, kind+": "+name+" "+what)]++
			}
		}
		t.Logf("%s: %v, of %d files", kind, count, len(files))
	}
}
