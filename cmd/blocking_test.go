package cmd_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/cmd/waittest"
)

// specialFiles returns paths that exist but are not regular files.
func specialFiles(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	names := map[string]string{
		"a pipe":      filepath.Join(dir, "fifo"),
		"a socket":    filepath.Join(dir, "s"),
		"a device":    "/dev/zero",
		"a directory": dir,
	}
	if err := syscall.Mkfifo(names["a pipe"], 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", names["a socket"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return names
}

// finding: R-M2
func TestWhatIsNoFileIsRefusedAtOnce(t *testing.T) {
	p := newPerson(t)
	id := p.issue("files.example.com").ID
	for _, attached := range []bool{false, true} {
		if attached {
			p.serve()
		}
		for what, path := range specialFiles(t) {
			for _, args := range [][]string{
				{"upload", path}, {"upload-key", id, path}, {"upload", "--password-file", path, path},
				{"contact", "add", "--name", "N", "--email", "n@example.com", "--channel-file", path},
				{"reissue", id, "--csr", path},
			} {
				if args[0] == "upload" && args[1] == path && what == "a directory" {
					continue // its certificates are uploaded
				}
				r := p.try(args...)
				if args[0] == "upload-key" && r.code == 3 {
					continue // the certificate has its key, so that nothing is read
				}
				if r.code != 2 || !strings.Contains(r.err, what) && what != "a socket" && what != "a device" {
					t.Errorf("attached %v: %q: exit %d, %s", attached, args, r.code, r.err)
				}
			}
		}
	}
	for what, path := range specialFiles(t) {
		q := newPerson(t)
		if r := q.try("--config", path, "list"); r.code != 2 && r.code != 5 {
			t.Errorf("%s as the configuration: exit %d, %s", what, r.code, r.err)
		}
		if r := q.try("serve", "--listen", "127.0.0.1:0", "--authorized-keys", path); r.code != 2 {
			t.Errorf("%s as authorized_keys: exit %d, %s", what, r.code, r.err)
		}
	}
}

// A shell's process substitution is a pipe that the caller has open already.
func TestAPipeOfTheCallersIsRead(t *testing.T) {
	requireProgram(t, "bash")
	p := newPerson(t)
	for _, attached := range []bool{false, true} {
		if attached {
			p.serve()
		}
		script := fmt.Sprintf(
			`%s contact add --name "N%v" --email n@example.com --channel-file <(echo generic://example.com)`,
			p.bin,
			attached,
		)
		c := exec.Command("bash", "-c", script)
		c.Env, c.Dir = p.env, p.home
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("attached %v: %v: %s", attached, err, out)
		}
	}
}

// finding: R-M2
func TestASignalEndsWaitingForAPipe(t *testing.T) {
	requireProgram(t, "bash")
	p := newPerson(t)
	p.must("contact", "add", "--name", "N", "--email", "n@example.com")
	var served *serving
	for _, attached := range []bool{false, true} {
		if attached {
			served = p.serve()
		}
		for _, g := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			r, w, err := os.Pipe() // nothing ever comes
			if err != nil {
				t.Fatal(err)
			}
			var errs safeBuffer
			c := p.command(ctx, "upload", "/dev/fd/3")
			c.ExtraFiles, c.Stderr = []*os.File{r}, &errs
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			// It waits once it, or its owner, has the pipe open a second time.
			pid := c.Process.Pid
			if attached {
				pid = served.cmd.Process.Pid
			}
			if !waittest.Eventually(10*time.Second, func() bool {
				own, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/3", c.Process.Pid))
				return openCount(pid, own) >= map[bool]int{false: 2, true: 1}[attached]
			}) {
				t.Error("it does not wait for the pipe")
			}
			sent := time.Now()
			_ = c.Process.Signal(g)
			_ = c.Wait()
			if took := time.Since(sent); c.ProcessState.ExitCode() < 1 || took > 20*time.Second {
				t.Errorf("attached %v, %v: exit %d after %s: %s", attached, g, c.ProcessState.ExitCode(), took, errs.String())
			}
			cancel()
			_, _ = r.Close(), w.Close()
		}
	}
}

// openCount returns how often a process has a file open.
func openCount(pid int, what string) (n int) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && to == what {
			n++
		}
	}
	return n
}

// finding: R-M2
func TestKilledClientsLeaveNoThreads(t *testing.T) {
	p := newPerson(t)
	s := p.serve()
	threads := func() int {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
		if err != nil {
			t.Skip("this system does not tell the threads of a process")
		}
		_, rest, _ := bytes.Cut(status, []byte("Threads:"))
		var n int
		_, _ = fmt.Sscan(string(rest), &n)
		return n
	}
	before := threads()
	path := specialFiles(t)["a pipe"]
	for range 40 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = p.command(ctx, "upload", path).Run() // ends by itself, or is killed
		cancel()
	}
	if after := threads(); after > before+20 {
		t.Errorf("%d threads before, %d after", before, after)
	}
}
