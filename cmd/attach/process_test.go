//go:build linux

package attach_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"certquay/cmd/owner"
	"certquay/cmd/waittest"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// command returns the command that runs this test binary as certquay.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "CERTQUAY_TEST_DATA="+dir, "TERM=xterm-256color", "NO_COLOR=", "LANG=C", "GORACE=atexit_sleep_ms=0")
	t.Cleanup(func() {
		if c.Process != nil {
			_ = c.Process.Kill()
		}
	})
	return c
}

// serve starts an owner in a separate process.
func serve(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	c := command(t, dir, "serve")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("serving\n"))); err != nil {
		t.Fatal("the owner did not start:", err)
	}
	return c
}

// tty is a process on a terminal of its own.
type tty struct {
	t   *testing.T
	cmd *exec.Cmd
	f   *os.File
	was unix.Termios

	mu   sync.Mutex
	seen bytes.Buffer
	end  chan struct{}
}

func onTTY(t *testing.T, c *exec.Cmd) *tty {
	t.Helper()
	f, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(f, &pty.Winsize{Cols: 100, Rows: 30}); err != nil {
		t.Fatal(err)
	}
	x := &tty{t: t, cmd: c, f: f, end: make(chan struct{})}
	x.was = x.mode()
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(x.end)
		b := make([]byte, 4096)
		for {
			n, err := f.Read(b)
			x.mu.Lock()
			x.seen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_, _ = slave.Close(), f.Close()
		<-x.end
	})
	return x
}

func (x *tty) mode() unix.Termios {
	x.t.Helper()
	m, err := unix.IoctlGetTermios(int(x.f.Fd()), unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	return *m
}

func (x *tty) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen.String()
}

// waitFor waits for a text on the screen and discards the output before it.
func (x *tty) waitFor(want string) {
	x.t.Helper()
	x.eventually(fmt.Sprintf("%q on the screen", want), func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		i := bytes.Index(x.seen.Bytes(), []byte(want))
		if i >= 0 {
			x.seen.Next(i + len(want))
		}
		return i >= 0
	})
}

func (x *tty) eventually(what string, ok func() bool) {
	x.t.Helper()
	if !waittest.Eventually(patience, ok) {
		x.t.Fatalf("waited in vain for %s; on the screen: %q", what, x.text())
	}
}

func (x *tty) press(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.f, keys); err != nil {
		x.t.Fatal(err)
	}
}

// waitExit waits for the process and checks that the terminal is restored.
func (x *tty) waitExit(want int) {
	x.t.Helper()
	done := make(chan struct{})
	go func() { _ = x.cmd.Wait(); close(done) }() // its exit code is looked at below
	select {
	case <-done:
	case <-time.After(patience):
		x.t.Fatalf("the process did not end; on the screen: %q", x.text())
	}
	if got := x.cmd.ProcessState.ExitCode(); got != want {
		x.t.Errorf("exit %d, want %d; on the screen: %q", got, want, x.text())
	}
	if now := x.mode(); now != x.was {
		x.t.Errorf("the terminal was left changed: %+v, was %+v", now, x.was)
	}
}

// spec: V1. A dashboard attaches, follows the terminal's size within bounds,
// takes keys, and gives the terminal back.
func TestDashboard(t *testing.T) {
	dir := t.TempDir() + "/data"
	serve(t, dir)
	x := onTTY(t, command(t, dir))
	x.waitFor("100x30")
	x.press("é\x1a")
	x.waitFor("é")
	if err := pty.Setsize(x.f, &pty.Winsize{Cols: 65535, Rows: 65535}); err != nil {
		t.Fatal(err)
	}
	x.waitFor("500x200")
	if err := pty.Setsize(x.f, &pty.Winsize{Cols: 90, Rows: 20}); err != nil {
		t.Fatal(err)
	}
	x.waitFor("90x20")
	x.press("q")
	x.waitFor("\x1b[?1049l")
	x.waitExit(0)
}

// A panic of one dashboard ends that dashboard, in one line.
func TestDashboardPanics(t *testing.T) {
	for _, key := range []string{"P", "C"} {
		dir := t.TempDir() + "/data"
		serve(t, dir)
		other := onTTY(t, command(t, dir))
		other.waitFor("typed")
		x := onTTY(t, command(t, dir))
		x.waitFor("typed")
		x.press(key)
		x.waitFor("the dashboard failed")
		x.waitExit(1)
		other.press("é")
		other.waitFor("é")
		other.press("q")
		other.waitExit(0)
	}
}

// The owner is killed: the terminal is restored, the person is told.
func TestOwnerKilled(t *testing.T) {
	dir := t.TempDir() + "/data"
	o := serve(t, dir)
	x := onTTY(t, command(t, dir))
	x.waitFor("100x30")
	_ = o.Process.Kill()
	_ = o.Wait()
	x.waitFor("\x1b[?1000l")
	x.waitFor("\x1b[?1049l")
	x.waitFor("the owner of the store stopped")
	x.waitExit(1)

	// The next one starts on what was left behind.
	_ = os.Remove(filepath.Join(dir, "db"))
	if _, err := os.Lstat(owner.Socket(dir)); err != nil {
		t.Fatal("the socket should have been left:", err)
	}
	serve(t, dir)
	if b, err := command(t, dir, "echo", "again").Output(); err != nil || string(b) != "[\"again\"]\n" {
		t.Errorf("%q %v", b, err)
	}
}

// A verb that was accepted is never repeated, even though the owner died.
func TestAcceptedVerbIsNotRepeated(t *testing.T) {
	dir := t.TempDir() + "/data"
	serve(t, dir)
	c := command(t, dir, "die")
	b, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(b), "may or may not be done") {
		t.Errorf("%q %v", b, err)
	}
}

// The owner is stopped: whoever attaches says so.
func TestOwnerStopped(t *testing.T) {
	dir := t.TempDir() + "/data"
	o := serve(t, dir)
	_ = o.Process.Signal(syscall.SIGSTOP)
	defer func() { _ = o.Process.Signal(syscall.SIGCONT) }()
	c := command(t, dir, "echo")
	b, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 5 ||
		!strings.Contains(string(b), fmt.Sprintf("process %d, which owns the store, did not say anything for 4.5s", o.Process.Pid)) {
		t.Errorf("exit %d: %q", c.ProcessState.ExitCode(), b)
	}
}

// The owner leaves: its dashboards take over one after the other.
func TestTakeOver(t *testing.T) {
	dir := t.TempDir() + "/data"
	o := serve(t, dir)
	x := onTTY(t, command(t, dir))
	x.waitFor("100x30")
	y := onTTY(t, command(t, dir))
	y.waitFor("100x30")
	_ = o.Process.Signal(syscall.SIGTERM)
	if err := o.Wait(); err != nil {
		t.Error("the owner:", err)
	}
	for _, d := range []*tty{x, y} {
		d.waitFor("\x1b[?1049l")
		d.waitFor("100x30")
		d.press("ö")
		d.waitFor("ö")
	}
	first, second := x, y
	if owner.PID(dir) == y.cmd.Process.Pid {
		first, second = y, x
	}
	first.press("q")
	second.waitFor("\x1b[?1049l")
	first.waitExit(0)
	second.waitFor("100x30")
	second.press("ü")
	second.waitFor("ü")
	second.press("q")
	second.waitExit(0)
}

// A store that ends with its owner, as a demo's does, is not made anew by who
// was attached.
func TestNobodyTakesOverWhatIsGone(t *testing.T) {
	dir := t.TempDir() + "/data"
	o := serve(t, dir)
	x := onTTY(t, command(t, dir))
	x.waitFor("100x30")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_ = o.Process.Signal(syscall.SIGTERM)
	_ = o.Wait()
	x.waitFor("is gone")
	x.waitExit(5)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is there again: %v", err)
	}
}

// Control-C stops the waiting, not the work, and says so.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir() + "/data"
	serve(t, dir)
	x := onTTY(t, command(t, dir, "wait"))
	x.waitFor("waiting")
	x.press("\x03")
	x.waitFor("the work goes on: interrupted")
	x.waitExit(0)
}

// Questions are asked on the caller's terminal; what is secret does not show.
func TestAsk(t *testing.T) {
	for _, attached := range []bool{false, true} {
		dir := t.TempDir() + "/data"
		if attached {
			serve(t, dir)
		}
		x := onTTY(t, command(t, dir, "ask"))
		x.waitFor("name? ")
		x.press("Anna\n")
		x.waitFor("secret? ")
		x.eventually("no echo", func() bool { return x.mode().Lflag&unix.ECHO == 0 })
		x.press("hush\n")
		x.waitFor(`got "Anna" "hush" <nil> <nil>`)
		if strings.Contains(x.text(), "hush") {
			t.Errorf("the secret was shown: %q", x.text())
		}
		x.waitExit(0)
	}
}

// A dashboard and a verb without an owner become the owner for their work.
func TestAlone(t *testing.T) {
	dir := t.TempDir() + "/data"
	if b, err := command(t, dir, "echo", "x").Output(); err != nil || string(b) != "[\"x\"]\n" {
		t.Errorf("%q %v", b, err)
	}
	x := onTTY(t, command(t, dir))
	x.waitFor("100x30")
	if b, err := command(t, dir, "here").Output(); err != nil || string(b) != "1\n" {
		t.Errorf("%q %v", b, err)
	}
	if err := pty.Setsize(x.f, &pty.Winsize{Cols: 90, Rows: 20}); err != nil {
		t.Fatal(err)
	}
	x.waitFor("90x20")
	x.press("q")
	x.waitExit(0)
}

// Twenty verbs at once without an owner all succeed, and there is never more
// than one owner.
func TestTwentyAtOnce(t *testing.T) {
	dir := t.TempDir() + "/data"
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			word := fmt.Sprint("verb", i)
			var errs bytes.Buffer
			c := command(t, dir, "echo", word, "")
			c.Stderr = &errs
			if b, err := c.Output(); err != nil || string(b) != fmt.Sprintf("[%q \"\"]\n", word) {
				t.Errorf("%q %v %s", b, err, errs.String())
			}
		})
	}
	wg.Wait()
}

// A panic of a local dashboard restores the terminal as well.
func TestLocalDashboardPanics(t *testing.T) {
	x := onTTY(t, command(t, t.TempDir()+"/data"))
	x.waitFor("100x30")
	x.press("P")
	x.waitFor("the dashboard failed")
	x.waitExit(1)
	if strings.Contains(x.text(), "Caught panic") {
		t.Errorf("%q", x.text())
	}
}
