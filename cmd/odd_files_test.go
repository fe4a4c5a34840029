package cmd_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unreadableFiles returns paths that are not regular files, and a file that is too
// large.
func unreadableFiles(t *testing.T) map[string]string {
	t.Helper()
	dir, err := os.MkdirTemp("", "odd") // a socket's name is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	names := map[string]string{
		"a pipe": filepath.Join(dir, "fifo"), "a socket": filepath.Join(dir, "s"), "a directory": dir,
		"/dev/zero": "/dev/zero", "/dev/full": "/dev/full", "a huge file": filepath.Join(dir, "huge"),
	}
	if err := syscall.Mkfifo(names["a pipe"], 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", names["a socket"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := os.WriteFile(names["a huge file"], []byte("begin"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(names["a huge file"], 1<<40); err != nil {
		t.Fatal(err)
	}
	return names
}

// What is no file ends a verb at once, wherever it is named or stands: none hangs,
// and none reads without an end.
//
// finding: R-M2
func TestNoVerbHangsOnWhatIsNoFile(t *testing.T) {
	t.Parallel()
	p, i := personWithCertificate(t)
	key, to := p.identity(t)
	backup := filepath.Join(t.TempDir(), "b")
	p.must("backup", backup, "--recipient", to)
	r := func(what string, args ...string) {
		t.Helper()
		got := p.try(args...)
		if got.code <= 0 || strings.TrimSpace(got.err) == "" {
			t.Errorf("%s: certquay %s: exit %d after %v: %s", what, strings.Join(args, " "), got.code, got.took, got.err)
		}
		if strings.Contains(got.err, "goroutine ") {
			t.Errorf("%s: certquay %s: %s", what, strings.Join(args, " "), got.err)
		}
	}
	for what, path := range unreadableFiles(t) {
		if what != "a directory" { // its certificates are uploaded
			r(what, "upload", path)
		}
		r(what, "upload-key", i.ID, path)
		r(what, "reissue", i.ID, "--csr", path)
		r(what, "restore", path, "--identity", key, "--data", filepath.Join(t.TempDir(), "new"))
		r(what, "restore", backup, "--identity", path, "--data", filepath.Join(t.TempDir(), "new"))
		r(what, "backup", "verify", path, "--identity", key)
		r(what, "backup", "verify", backup, "--identity", path)
		r(what, "serve", "--listen", "127.0.0.1:0", "--authorized-keys", path)
		r(what, "--config", path, "list")
		r(what, "--data", path, "buy")
		if what == "a huge file" {
			continue // a place to write to, like others
		}
		if what != "a directory" {
			r(what, "download", i.ID, "--format", "pem", "--out", path)
		}
		r(what, "backup", path, "--recipient", to)
	}
	checkNothingLost(t, p, i)
}

// The same where the program expects its own files.
//
// finding: R-M2
func TestNoVerbHangsOnAStoreWithWhatIsNoFile(t *testing.T) {
	t.Parallel()
	p, i := personWithCertificate(t)
	for _, name := range []string{
		filepath.Join(p.data, "STORE-ID"), filepath.Join(p.data, "high-water"), filepath.Join(p.data, "reserve"), filepath.Join(p.data,
			"db"),
		filepath.Join(p.data, "db", "MANIFEST"), filepath.Join(p.data, "db", "DISCARD"), filepath.Join(p.data, "db", "KEYREGISTRY"),
		filepath.Join(p.data, "owner.lock"), filepath.Join(p.home, ".config", "certquay", "master.key"), filepath.Join(p.data, "crash.log"),
	} {
		aside := filepath.Join(p.home, "aside")
		if err := os.Rename(name, aside); err != nil {
			t.Logf("there is no %s", filepath.Base(name))
			continue
		}
		for what, path := range unreadableFiles(t) {
			if what == "a directory" || what == "a huge file" {
				continue
			}
			if err := os.Symlink(path, name); err != nil {
				t.Fatal(err)
			}
			for _, verb := range [][]string{{"list"}, {"fsck"}, {"buy"}} {
				got := p.try(verb...)
				if got.code != 0 && got.code != 5 || strings.Contains(got.err, "goroutine ") {
					t.Errorf("%s is %s: certquay %s: exit %d after %v: %s", filepath.Base(name), what, verb[0], got.code, got.took, got.err)
				}
			}
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(aside, name); err != nil {
			t.Fatal(err)
		}
	}
	checkNothingLost(t, p, i)
}
