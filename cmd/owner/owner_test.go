package owner

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"certquay/model"
	"certquay/ui/text"
)

// TestMain lets the test binary take the lock as another process.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CERTQUAY_TEST_LOCK"); dir != "" {
		l, err := Acquire(dir)
		if err != nil {
			os.Exit(7)
		}
		_ = os.WriteFile(l.Socket(), nil, 0o600)
		_, _ = os.Stdout.WriteString("held\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestAcquire(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	var owned *OwnedError
	if _, err := Acquire(dir); !errors.As(err, &owned) || owned.PID != os.Getpid() || PID(dir) != os.Getpid() {
		t.Errorf("%v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	if err := l.Release(); err != nil {
		t.Error("again:", err)
	}
	if PID(dir) != 0 {
		t.Error("the pid is left")
	}
	l, err = Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Release()
}

// An owner that is killed leaves nothing that stops the next.
func TestKilledOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "CERTQUAY_TEST_LOCK="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	var owned *OwnedError
	if _, err := Acquire(dir); !errors.As(err, &owned) || owned.PID != c.Process.Pid || owned.Dir != dir {
		t.Errorf("%v", err)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	l, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Release() }()
	if _, err := os.Lstat(l.Socket()); err == nil {
		t.Error("the dead owner's socket is still there")
	}
}

// Of many at once exactly one is the owner at any time.
func TestRace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var owners, times atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 50 {
				l, err := Acquire(dir)
				var owned *OwnedError
				if errors.As(err, &owned) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if owners.Add(1) > 1 {
					t.Error("two owners")
				}
				times.Add(1)
				owners.Add(-1)
				_ = l.Release()
			}
		})
	}
	wg.Wait()
	if times.Load() == 0 {
		t.Error("nobody ever was the owner")
	}
}

// Errors say what, why, what to do next (spec 9).
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(dir, "full")
	if err := errors.Join(os.Mkdir(full, 0o700), os.Chmod(full, 0o755), os.WriteFile(filepath.Join(full, "x"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		file: ErrNotDirectory, filepath.Join(file, "x"): ErrNotDirectory, full: ErrOpen,
		"/proc/certquay": nil, "": nil,
	} {
		_, err := Acquire(path)
		if err == nil || want != nil && !errors.Is(err, want) ||
			!strings.Contains(text.New("en").Text(model.TextOf(err)), "--data") && want != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	if st, _ := os.Stat(full); st.Mode().Perm() != 0o755 {
		t.Error("somebody else's directory was changed")
	}
	for from, want := range map[error]error{syscall.EROFS: ErrReadOnly, syscall.EACCES: ErrNotPermitted, syscall.EPERM: ErrNotPermitted} {
		if err := pathError("x", &os.PathError{Err: from}); !errors.Is(err, want) {
			t.Errorf("%v: %v", from, err)
		}
	}
	// An empty one that others may enter is closed to them.
	empty := filepath.Join(dir, "empty")
	if err := errors.Join(os.Mkdir(empty, 0o700), os.Chmod(empty, 0o755)); err != nil {
		t.Fatal(err)
	}
	l, err := Acquire(empty)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Release() }()
	if st, _ := os.Stat(empty); st.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", st.Mode())
	}
	// A link in place of the lock is not followed.
	link := filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(link, 0o700), os.Symlink(file, filepath.Join(link, LockName))); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(link); err == nil {
		t.Error("a link was followed")
	}
}
