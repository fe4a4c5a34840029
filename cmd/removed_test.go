package cmd_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ended waits for a server to end and returns its exit code, -1 when a signal
// ended it.
func (s *serving) ended(t *testing.T) int {
	t.Helper()
	select {
	case err := <-s.done:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("the owner does not end:\n%s", s.out)
		return 0
	}
}

// An owner whose data directory is removed, or replaced, keeps nothing any more.
//
// finding: R-X1
func TestAnOwnerWhoseDataDirectoryIsRemovedEnds(t *testing.T) {
	t.Parallel()
	for what, remove := range map[string]func(dir string) error{
		"removed":    os.RemoveAll,
		"moved away": func(dir string) error { return os.Rename(dir, dir+"-aside") },
		"replaced":   func(dir string) error { return errors.Join(os.Rename(dir, dir+"-aside"), os.Mkdir(dir, 0o700)) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p, _ := personWithCertificate(t)
			s := p.serve()
			p.must("buy")
			if err := remove(p.data); err != nil {
				t.Fatal(err)
			}
			from := time.Now()
			if code := s.ended(t); code != 5 || !strings.Contains(s.out.String(), "was removed while it was in use") {
				t.Errorf("exit %d\n%s", code, s.out)
			}
			t.Logf("noticed and ended after %v", time.Since(from).Round(10*time.Millisecond))
			if what != "removed" { // what was acknowledged is there, wherever it is now
				p.flag = []string{"--data", p.data + "-aside"}
				if n := len(decode[[]instance](t, p.must("list", "--json"))); n != 2 {
					t.Errorf("%d instances, want 2", n)
				}
				p.must("fsck")
			}
		})
	}
}

// A database that cannot be closed, since no table can be made: a signal ends
// the owner after a while, which says what became of the store; a second one
// ends it at once. Nothing that was acknowledged is missing.
//
// finding: R-X1
func TestASignalEndsAnOwnerThatCannotClose(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		p, i := personWithCertificate(t)
		s := p.serve()
		p.must("buy")
		db := filepath.Join(p.data, "db")
		if err := os.Rename(db, db+"-aside"); err != nil {
			t.Fatal(err)
		}
		from := time.Now()
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if again {
			eventually(t, "the end of serving", func() bool { return strings.Contains(s.out.String(), "stopping") })
			// One that comes together with the first is no second one: timeout(1)
			// sends two.
			eventually(t, "the end by a second signal", func() bool {
				return errors.Is(s.cmd.Process.Signal(syscall.SIGTERM), os.ErrProcessDone)
			})
		}
		code := s.ended(t)
		t.Logf("again %v: exit %d after %v", again, code, time.Since(from).Round(time.Millisecond))
		if !again && (code != 5 || !strings.Contains(s.out.String(), "what was acknowledged is in its log")) || again && code != -1 {
			t.Errorf("again %v: exit %d\n%s", again, code, s.out)
		}
		if err := os.Rename(db+"-aside", db); err != nil {
			t.Fatal(err)
		}
		if n := len(decode[[]instance](t, p.must("list", "--json"))); n != 2 {
			t.Errorf("%d instances, want 2", n)
		}
		checkNothingLost(t, p, i)
	}
}
