package runner_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
)

// everywhere runs a test for each way to a host.
func everywhere(t *testing.T, sudo runnertest.Sudo, test func(t *testing.T, r runner.Runner)) {
	t.Helper()
	t.Run("local with sudo", func(t *testing.T) {
		t.Setenv("PATH", runnertest.SudoDir(t, sudo)+":"+os.Getenv("PATH"))
		test(t, runnertest.Open(t, runner.Settings{Sudo: true}))
	})
	t.Run("SSH with sudo", func(t *testing.T) {
		settings := runnertest.SSHD(t, runnertest.Options{Sudo: sudo}).Settings()
		settings.Sudo = true
		test(t, runnertest.Open(t, settings))
	})
	if sudo == runnertest.SudoGranted {
		t.Run("local", func(t *testing.T) { test(t, runner.Local{}) })
		t.Run("SSH", func(t *testing.T) {
			test(t, runnertest.Open(t, runnertest.SSHD(t, runnertest.Options{}).Settings()))
		})
	}
}

// openDir is a directory that every user may pass through.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "runner")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// unchanged checks that a file is as it was, with nothing beside it, once the commands that
// name it have ended.
func unchanged(t *testing.T, path, content string) {
	t.Helper()
	if !waittest.Eventually(10*time.Second, func() bool { return len(processes(t, path)) == 0 }) {
		t.Errorf("still there: processes %v", processes(t, path))
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside it: %v, %v", entries, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("%d bytes instead of %d, %v", len(got), len(content), err)
	}
}

func place(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A full disk is a small file system in memory.
// spec: P1
func TestDiskFull(t *testing.T) {
	everywhere(t, runnertest.SudoGranted, func(t *testing.T, r runner.Runner) {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Skipf("mounting is not allowed: %v", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
		path := filepath.Join(dir, "file")
		place(t, path, "old")
		if err := r.WriteFile(t.Context(), path, make([]byte, 1<<20), runner.Attributes{Mode: 0o600}); err == nil {
			t.Error("more was written than there is room for")
		}
		unchanged(t, path, "old")
		if err := r.WriteFile(t.Context(), path, []byte("new"), runner.Attributes{Mode: 0o600}); err != nil {
			t.Errorf("what there is room for: %v", err)
		}
	})
}

// deniedMark starts this test as another user.
const deniedMark = "RUNNER_TEST_DENIED"

// spec: P1
func TestNoPermission(t *testing.T) {
	if dir := os.Getenv(deniedMark); dir != "" {
		denied(t, runner.Local{}, dir)
		return
	}
	if os.Getuid() != 0 {
		denied(t, runner.Local{}, deniedDir(t))
		t.Skip("the others need root, to become another user")
	}
	everywhere(t, runnertest.SudoNobody, func(t *testing.T, r runner.Runner) {
		denied(t, r, deniedDir(t))
	})
	t.Run("local", func(t *testing.T) {
		dir := deniedDir(t)
		c := exec.Command("/proc/self/exe", "-test.run=^TestNoPermission$")
		c.Env, c.Dir = append(os.Environ(), deniedMark+"="+dir), "/"
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		unchanged(t, filepath.Join(dir, "mine", "file"), "old")
	})
}

func deniedDir(t *testing.T) string {
	t.Helper()
	dir := openDir(t)
	for name, mode := range map[string]fs.FileMode{"mine": 0o555, "closed": 0o600, "listless": 0o311} {
		sub := filepath.Join(dir, name)
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		place(t, filepath.Join(sub, "file"), "old")
		if err := errors.Join(os.Chmod(filepath.Join(sub, "file"), 0o600), os.Chmod(sub, mode)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(sub, 0o755) }) // for the removal
	}
	return dir
}

func denied(t *testing.T, r runner.Runner, dir string) {
	t.Helper()
	mine, closed := filepath.Join(dir, "mine", "file"), filepath.Join(dir, "closed", "file")
	_, closedErr := r.Stat(t.Context(), closed)
	_, listErr := r.ReadDir(t.Context(), filepath.Join(dir, "listless"))
	_, deepErr := r.Stat(t.Context(), closed+"/deep/er")
	checks := map[string]error{
		"write": r.WriteFile(t.Context(), mine, []byte("new"), runner.Attributes{Mode: 0o600}), "link": r.Symlink(t.Context(), "x", mine),
		"remove": r.Remove(t.Context(), mine), "rename": r.Rename(t.Context(), mine, mine+"2"),
		"mkdir": r.MkdirAll(t.Context(), filepath.Join(dir, "mine", "a", "b"), runner.Attributes{Mode: 0o700}),
		"stat":  closedErr, "list": listErr, "stat deep": deepErr,
		"write closed": r.WriteFile(t.Context(), closed, nil, runner.Attributes{Mode: 0o600}),
	}
	if os.Getuid() == 0 || os.Getenv(deniedMark) != "" { // else the file is the test's own
		_, checks["read"] = r.ReadFile(t.Context(), mine, 10)
	}
	for what, err := range checks {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if os.Getuid() == 0 {
		unchanged(t, mine, "old")
	}
}

// spec: P1
func TestConnectionCutWhileWriting(t *testing.T) {
	t.Parallel()
	server := runnertest.SSHD(t, runnertest.Options{})
	r := runnertest.Open(t, server.Settings())
	path := filepath.Join(t.TempDir(), "file")
	place(t, path, "old")
	for _, n := range []int{1, 2_000, 20_000, 300_000, 1_500_000} {
		if _, err := r.Run(t.Context(), yes); err != nil {
			t.Fatalf("before the cut: %v", err)
		}
		server.CutAfter(n)
		err := r.WriteFile(t.Context(), path, bytes.Repeat([]byte("new "), 1<<19), runner.Attributes{Mode: 0o600})
		if !errors.Is(err, runner.ErrUnreachable) && n > 1 { // with nothing sent it is tried again
			t.Errorf("cut after %d bytes: %v", n, err)
		}
		if n > 1 {
			unchanged(t, path, "old")
		}
		server.CutAfter(-1)
		if err := r.WriteFile(t.Context(), path, []byte("old"), runner.Attributes{Mode: 0o644}); err != nil {
			t.Errorf("after the cut: %v", err)
		}
	}
}

// killedMark starts this test as the process that is killed.
const killedMark = "RUNNER_TEST_KILLED"

// A process that is killed while it writes, and the far side's, leave one whole file.
// spec: P1
func TestKilledWhileWriting(t *testing.T) {
	a, b := strings.Repeat("a", 1<<20), strings.Repeat("b", 1<<20)
	if path := os.Getenv(killedMark); path != "" {
		for n := 0; ; n++ {
			content := []string{a, b}[n%2]
			if err := (runner.Local{}).WriteFile(t.Context(), path, []byte(content), runner.Attributes{Mode: 0o600}); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole := func(path string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != a && string(got) != b {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	t.Run("local", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		place(t, path, a)
		for n := range 10 {
			c := exec.Command(os.Args[0], "-test.run=^TestKilledWhileWriting$")
			c.Env = append(os.Environ(), killedMark+"="+path)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			waittest.Pause(time.Duration(30+7*n) * time.Millisecond)
			if err := c.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = c.Wait() // killed
			whole(path)
		}
	})
	t.Run("SSH", func(t *testing.T) {
		r := runnertest.Open(t, runnertest.SSHD(t, runnertest.Options{}).Settings())
		path := filepath.Join(t.TempDir(), "file")
		place(t, path, a)
		for n := range 10 {
			ended := make(chan error, 1)
			go func() {
				ended <- r.WriteFile(t.Context(), path, []byte([]string{b, a}[n%2]), runner.Attributes{Mode: 0o600})
			}()
			waittest.Pause(time.Duration(2*n) * time.Millisecond)
			for _, pid := range processes(t, path) {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
			}
			if err := <-ended; err != nil && errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v", err) // any other may be, and none: what counts is the file
			}
			whole(path)
		}
	})
}

// processes are those, but this one, whose arguments name path.
func processes(t *testing.T, path string) []int {
	t.Helper()
	var found []int
	scan(t, path, "cmdline", func(pid int) { found = append(found, pid) })
	return found
}

// scan looks for text in a file of every process but this one.
func scan(t *testing.T, text, name string, found func(pid int)) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		var pid int
		_, err := fmt.Sscanf(file, "/proc/%d/", &pid)
		content, readErr := os.ReadFile(file)
		if err == nil && readErr == nil && pid != os.Getpid() && bytes.Contains(content, []byte(text)) {
			found(pid)
		}
	}
}

// A secret is in no list of arguments, no environment and no file that others may read, on
// either side, while it is written and given to a command.
// spec: P1
func TestSecretsAreSeenByNobody(t *testing.T) {
	everywhere(t, runnertest.SudoGranted, func(t *testing.T, r runner.Runner) {
		dir := openDir(t)
		const canary = "canary-5f1c7a90"
		seen := map[string]bool{}
		look := func() {
			for _, name := range []string{"cmdline", "environ"} {
				scan(t, canary, name, func(pid int) { seen[name] = true })
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Error(err)
			}
			for _, e := range entries {
				info, err := e.Info()
				content, readErr := os.ReadFile(filepath.Join(dir, e.Name()))
				if err == nil && readErr == nil && info.Mode().Perm()&0o077 != 0 && bytes.Contains(content, []byte(canary)) {
					seen[e.Name()] = true
				}
			}
		}
		during := func(f func()) int {
			var over atomic.Bool
			looks, done := 0, make(chan struct{})
			go func() {
				defer close(done)
				for !over.Load() {
					look()
					looks++
				}
			}()
			f()
			over.Store(true)
			<-done
			return looks
		}
		secret := bytes.Repeat([]byte(canary+"\n"), 50_000)
		looks := during(func() {
			for range 10 {
				if err := r.WriteFile(t.Context(), filepath.Join(dir, "key.pem"), secret, runner.Attributes{Mode: 0o600}); err != nil {
					t.Error(err)
				}
			}
			command := runner.Command{Argv: []string{"sh", "-c", "cat >/dev/null; sleep 0.3"}, Stdin: secret}
			if _, err := r.Run(t.Context(), command); err != nil {
				t.Error(err)
			}
		})
		if len(seen) > 0 || looks < 3 {
			t.Errorf("seen in %v in %d looks", seen, looks)
		}
		// Looking finds what there is.
		during(func() {
			if err := r.WriteFile(t.Context(), filepath.Join(dir, "open"), secret, runner.Attributes{Mode: 0o644}); err != nil {
				t.Error(err)
			}
			command := runner.Command{Argv: []string{"env", "A=" + canary, "sh", "-c", "sleep 0.5; true", canary}}
			if _, err := r.Run(t.Context(), command); err != nil {
				t.Error(err)
			}
		})
		for _, where := range []string{"cmdline", "environ", "open"} {
			if !seen[where] {
				t.Errorf("a secret in %s was not seen", where)
			}
		}
	})
}
