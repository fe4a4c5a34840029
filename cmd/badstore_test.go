package cmd_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// oneLine checks that a store that cannot be opened ends in exit 5 with one
// clear line, and perhaps one more that says what to do.
func oneLine(t *testing.T, r result, words ...string) {
	t.Helper()
	if r.code != 5 {
		t.Fatalf("exit %d, want 5\n%s%s", r.code, r.out, r.err)
	}
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	if len(lines) > 2 || !strings.HasPrefix(lines[0], "certquay: ") || len(lines) == 2 && !strings.HasPrefix(lines[1], "  ") {
		t.Errorf("not one clear line and a hint:\n%s", r.err)
	}
	for _, w := range words {
		if !strings.Contains(r.err, w) {
			t.Errorf("%q is not said in:\n%s", w, r.err)
		}
	}
	if r.out != "" {
		t.Errorf("standard output: %q", r.out)
	}
}

// anyVerb are verbs that are tried at a store that cannot be opened: one that reads, one
// that writes, and the server.
var anyVerb = [][]string{{"list"}, {"buy"}, {"serve"}, {"fsck"}}

// beginning are those of them that would make a store where there is none; the
// others only say that there is none.
var beginning, others = [][]string{anyVerb[1], anyVerb[2]}, [][]string{anyVerb[0], anyVerb[3]}

// checkNoStoreMade checks that nothing is changed where there is no store and none can
// be created.
func checkNoStoreMade(t *testing.T, p *person, dir string, words ...string) {
	t.Helper()
	unchangedBy(t, p, dir, beginning, words...)
	unchangedBy(t, p, dir, others, "there is no store at", "--data")
}

// unchanged runs verbs that have to fail with exit 5 and compares all that is
// in a directory before and after.
func unchanged(t *testing.T, p *person, dir string, words ...string) {
	t.Helper()
	unchangedBy(t, p, dir, anyVerb, words...)
}

func unchangedBy(t *testing.T, p *person, dir string, verbs [][]string, words ...string) {
	t.Helper()
	before, err := listing(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range verbs {
		oneLine(t, p.try(verb...), words...)
		after, err := listing(dir)
		if err != nil {
			t.Fatal(err)
		}
		if after != before {
			t.Fatalf("certquay %s changed the directory from\n%sto\n%s", verb[0], before, after)
		}
	}
}

// mount mounts a separate file system, which requires root.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, options)
	if err != nil {
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
			t.Skip("mounting a file system of its own needs root and CAP_SYS_ADMIN")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// With --json an error is an object also when the store cannot be opened, for
// whatever reason.
// spec: 9 (exit 5, --json)
func TestStoreErrorsAreJSON(t *testing.T) {
	t.Parallel()
	check := func(what string, r result) {
		t.Helper()
		v, err := at([]byte(r.err), ".error.code")
		if r.code != 5 || err != nil || v != "store" {
			t.Errorf("%s: exit %d, %q", what, r.code, r.err)
		}
	}
	p := newPerson(t)
	dir := filepath.Join(p.home, "photos")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "cat.jpg"), []byte("meow"), 0o600)); err != nil {
		t.Fatal(err)
	}
	check("foreign", p.try("list", "--json", "--data", dir))
	check("no directory", p.try("list", "--json", "--data", filepath.Join(dir, "cat.jpg")))
	s := p.serve()
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }()
	check("stopped owner", p.try("list", "--json"))
}

// A regular file where the data directory should be.
// spec: 9 (exit 5)
func TestDataDirectoryIsAFile(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	file := filepath.Join(p.home, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.flag = []string{"--data", file}
	unchanged(t, p, p.home, file, "is not a directory", "--data")
	p.flag = []string{"--data", filepath.Join(file, "below")}
	unchanged(t, p, p.home, "is not a directory", "--data")
}

// A directory that is somebody else's: neither opened nor written to.
// spec: 9 (exit 5)
func TestForeignDirectory(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o700, 0o755} {
		p := newPerson(t)
		dir := filepath.Join(p.home, "photos")
		err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "cat.jpg"), []byte("meow"), 0o600), os.Chmod(dir, mode))
		if err != nil {
			t.Fatal(err)
		}
		p.flag = []string{"--data", dir}
		unchanged(t, p, dir, dir, "--data")
	}
}

// personWithCertificate returns a person whose store contains an issued certificate.
func personWithCertificate(t *testing.T) (*person, instance) {
	t.Helper()
	p := newPerson(t)
	return p, p.issue("kept.example.com")
}

// checkNothingLost restores what was taken away and checks that nothing was lost.
func checkNothingLost(t *testing.T, p *person, i instance) {
	t.Helper()
	if got := decode[instance](t, p.must("show", i.ID, "--json")); got.Serial != i.Serial {
		t.Errorf("serial %s, want %s", got.Serial, i.Serial)
	}
	p.must("fsck")
}

// The database behind STORE-ID is gone or lacks its manifest: opening it would
// make an empty store, or delete its tables.
// spec: 9 (exit 5)
func TestDatabaseMissing(t *testing.T) {
	t.Parallel()
	p, i := personWithCertificate(t)
	for _, name := range []string{filepath.Join("db", "MANIFEST"), "db", "STORE-ID"} {
		from, to := filepath.Join(p.data, name), filepath.Join(p.home, "aside")
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
		unchanged(t, p, p.data, p.data, "nothing was changed")
		if err := os.Rename(to, from); err != nil {
			t.Fatal(err)
		}
		checkNothingLost(t, p, i)
	}
}

// The master key is gone, is another one, or can be read by others.
// spec: 9 (exit 5)
func TestMasterKeyMissing(t *testing.T) {
	t.Parallel()
	p, i := personWithCertificate(t)
	key := filepath.Join(p.home, ".config", "certquay", "master.key")
	right, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	unchanged(t, p, p.data, key, "is missing")
	if _, err := os.Stat(key); err == nil {
		t.Error("another key was made")
	}
	for wrong, words := range map[string][]string{
		strings.Repeat("x", len(right)): {"was not written with the key file"},
		"short":                         {"is not a key file"},
	} {
		if err := os.WriteFile(key, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		r := p.try("list")
		oneLine(t, r, append(words, key)...)
	}
	if err := errors.Join(os.WriteFile(key, right, 0o600), os.Chmod(key, 0o644)); err != nil {
		t.Fatal(err)
	}
	unchanged(t, p, p.data, key, "chmod 600")
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	checkNothingLost(t, p, i)
}

// A file system that cannot be written, with and without a store on it.
// spec: 9 (exit 5)
func TestReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	readOnly := func(dir string, on bool) {
		t.Helper()
		flags := uintptr(syscall.MS_REMOUNT | syscall.MS_NOSUID | syscall.MS_NODEV)
		if on {
			flags |= syscall.MS_RDONLY
		}
		if err := syscall.Mount("", dir, "", flags, "size=400m"); err != nil {
			t.Fatal(err)
		}
	}
	p := newPerson(t)
	disk := mount(t, "size=400m")
	p.flag = []string{"--data", filepath.Join(disk, "store")}
	readOnly(disk, true)
	checkNoStoreMade(t, p, disk, "read-only", "--data")
	readOnly(disk, false)
	i := p.issue("kept.example.com")
	readOnly(disk, true)
	unchanged(t, p, disk, "read-only", "--data")
	for _, verb := range [][]string{{"list"}, {"show", i.ID}, {"activity"}} { // finding: R-L8
		if r := p.try(
			append([]string{"--read-only"}, verb...)...); r.code != 0 ||
			verb[0] != "activity" && !strings.Contains(r.out, "kept.example.com") {
			t.Errorf("%q: exit %d\n%s%s", verb, r.code, r.out, r.err)
		}
	}
	readOnly(disk, false)
	checkNothingLost(t, p, i)
}

// A full disk: a store is not made there, one that is there is read, refuses
// changes and goes on once there is room, and so does one that is open.
// spec: 9 (exit 5)
// finding: R-H8
func TestFullDisk(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	disk := mount(t, "size=400m")
	p.flag = []string{"--data", filepath.Join(disk, "store")}
	fill := func() {
		t.Helper()
		var st syscall.Statfs_t
		if err := syscall.Statfs(disk, &st); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(disk, "filler"))
		if err != nil {
			t.Fatal(err)
		}
		// All but a few megabytes, which is less than is kept free.
		if err := errors.Join(syscall.Fallocate(int(f.Fd()), 0, 0, int64(st.Bavail)*st.Bsize-8<<20), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	empty := func() {
		t.Helper()
		if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	for _, verb := range beginning {
		oneLine(t, p.try(verb...), "full", "free some space")
	}
	if _, err := os.Stat(filepath.Join(disk, "store", "db")); err == nil {
		t.Error("a store was begun on a full disk")
	}
	empty()
	i := p.issue("kept.example.com")
	fill()
	oneLine(t, p.try("buy"), "free some space")
	for _, verb := range [][]string{{"show", i.ID}, {"list"}, {"fsck"}} {
		p.must(verb...)
	}
	s := p.serve()
	if r := p.try("show", i.ID); r.code != 0 {
		t.Errorf("reading: exit %d\n%s", r.code, r.err)
	}
	empty()
	p.must("buy") // without being started again
	if err := s.stopServing(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.out)
	}

	s = p.serve()
	fill()
	oneLine(t, p.try("buy"), "free some space")
	if r := p.try("show", i.ID); r.code != 0 {
		t.Errorf("reading on a full disk: exit %d\n%s", r.code, r.err)
	}
	empty()
	p.must("buy")
	if err := s.stopServing(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.out)
	}
	checkNothingLost(t, p, i)
}

// An owner that is stopped does not make others hang: one line and exit 5 after
// about 5 s, and once it goes on so does everything.
// spec: 9 (exit 5)
func TestStoppedOwner(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	s := p.serve()
	p.must("list")
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }()
	for _, args := range [][]string{{"list"}, {"buy", "--json"}} {
		r := p.try(args...)
		if r.code != 5 || strings.Count(strings.TrimSpace(r.err), "\n") > 0 || !strings.Contains(r.err, "does not answer") ||
			!strings.Contains(r.err, "process") {
			t.Errorf("exit %d after %v: %q", r.code, r.took, r.err)
		}
		if r.took > 30*time.Second {
			t.Errorf("it took %v", r.took)
		}
		t.Logf("certquay %s answered after %v", args[0], r.took)
	}
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.must("buy")
	if n := len(decode[[]instance](t, p.must("list", "--json"))); n != 1 {
		t.Errorf("%d instances: a verb that said it failed was done", n)
	}
}
