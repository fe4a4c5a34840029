//go:build linux

package cmd_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"certquay/cmd/waittest"
)

// window is a terminal that can be closed, or go on without reading, under the
// program that runs in it.
type window struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File // kept open, so that its mode can be asked for afterwards
	was    unix.Termios
	term   *vt.SafeEmulator

	mu     sync.Mutex
	frozen bool
	idle   chan struct{} // closed when nobody reads any more
	ended  chan struct{}
}

// window runs certquay as the leader of a session in a new terminal.
func (p *person) window(t *testing.T, args ...string) *window {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Cols: 100, Rows: 30}); err != nil {
		t.Fatal(err)
	}
	w := &window{
		t:      t,
		master: master,
		slave:  slave,
		term:   vt.NewSafeEmulator(100, 30),
		idle:   make(chan struct{}),
		ended:  make(chan struct{}),
	}
	w.was = w.mode()
	w.cmd = exec.Command(p.bin, append(append([]string{}, p.flag...), args...)...)
	w.cmd.Env, w.cmd.Dir = append(append([]string{}, p.env...), "TERM=xterm-256color"), p.home
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = slave, slave, slave
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, w.term) }() // nobody answers its questions
	go w.read()
	go func() {
		_ = w.cmd.Wait()
		close(w.ended)
	}()
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		<-w.ended
		w.stopReading() // nobody asks a file that is being closed
		_, _ = master.Close(), slave.Close()
	})
	return w
}

// read shows what the program writes until the terminal is frozen. It never
// waits in a read, which would keep the terminal open behind its closing.
func (w *window) read() {
	defer close(w.idle)
	buf := make([]byte, 4<<10)
	for {
		w.mu.Lock()
		frozen := w.frozen
		w.mu.Unlock()
		if frozen {
			return
		}
		if !w.poll(w.master, unix.POLLIN) {
			continue
		}
		// What was there may be gone by now, and Fd lets reads wait again.
		fd := int(w.master.Fd())
		if err := unix.SetNonblock(fd, true); err != nil {
			return
		}
		n, err := unix.Read(fd, buf)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		_, _ = w.term.Write(buf[:n])
	}
}

// poll reports whether a file becomes ready shortly.
func (w *window) poll(f *os.File, what int16) bool {
	poll := []unix.PollFd{{Fd: int32(f.Fd()), Events: what}}
	n, err := unix.Poll(poll, 100)
	return err != nil || n > 0
}

func (w *window) mode() unix.Termios {
	w.t.Helper()
	m, err := unix.IoctlGetTermios(int(w.slave.Fd()), unix.TCGETS)
	if err != nil {
		w.t.Fatal(err)
	}
	return *m
}

func (w *window) waitFor(what string) {
	w.t.Helper()
	if !waittest.Eventually(patience/4, func() bool { return strings.Contains(w.term.Render(), what) }) {
		w.t.Fatalf("%q is not to be seen:\n%s", what, w.term.Render())
	}
}

func (w *window) press(keys string) {
	w.t.Helper()
	if _, err := io.WriteString(w.master, keys); err != nil {
		w.t.Fatal(err)
	}
}

// stopReading stops reading the terminal.
func (w *window) stopReading() {
	w.mu.Lock()
	w.frozen = true
	w.mu.Unlock()
	<-w.idle
}

// waitEnd waits until the program ends.
func (w *window) waitEnd() {
	w.t.Helper()
	from := time.Now()
	select {
	case <-w.ended:
	case <-time.After(patience / 4):
		_ = w.cmd.Process.Signal(syscall.SIGQUIT) // its stacks go to its log
		w.t.Fatal("it lives on")
	}
	w.t.Logf("ended after %v: %v", time.Since(from).Round(time.Millisecond), w.cmd.ProcessState)
}

// freeze stops reading and lets the program draw until the terminal takes no
// more.
func (w *window) freeze() {
	w.t.Helper()
	w.stopReading()
	n := uint16(0)
	if !waittest.Eventually(patience/4, func() bool {
		n = 1 - n
		if err := pty.Setsize(w.master, &pty.Winsize{Cols: 150 + n*50, Rows: 40 + n*20}); err != nil {
			w.t.Fatal(err)
		}
		return !w.poll(w.slave, unix.POLLOUT)
	}) {
		w.t.Fatal("the terminal went on taking what is written")
	}
}

// TestADashboardEndsWithItsTerminal takes the terminal away from a dashboard in
// every way there is, and asks a healthy one to end: it ends, and the store can
// be opened by the next.
func TestADashboardEndsWithItsTerminal(t *testing.T) {
	signal := func(s syscall.Signal) func(*window) {
		return func(w *window) {
			if err := w.cmd.Process.Signal(s); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	shut := func(w *window) {
		w.stopReading()
		_ = w.slave.Close()
		_ = w.master.Close()
	}
	ends := []struct {
		name   string
		frozen bool
		end    func(*window)
	}{
		{"closed", false, shut},
		{"SIGTERM", false, signal(syscall.SIGTERM)},
		{"SIGHUP", false, signal(syscall.SIGHUP)},
		{"frozen, SIGTERM", true, signal(syscall.SIGTERM)},
		{"frozen, SIGHUP", true, signal(syscall.SIGHUP)},
		{"frozen, closed", true, shut},
	}
	for _, attached := range []bool{false, true} {
		for _, dialog := range []bool{false, true} {
			for _, e := range ends {
				t.Run(fmt.Sprintf("%s, attached %v, dialog %v", e.name, attached, dialog), func(t *testing.T) {
					t.Parallel()
					p := newPerson(t)
					var s *serving
					if attached {
						s = p.serve()
					}
					w := p.window(t)
					w.waitFor("buy")
					if dialog {
						w.press("b")
						w.waitFor("total")
					}
					if e.frozen {
						w.freeze()
					}
					e.end(w)
					w.waitEnd()
					if p.try("list").code != 0 {
						t.Error("the store cannot be opened")
					}
					if !strings.HasSuffix(e.name, "closed") && w.mode() != w.was {
						t.Errorf("the terminal was left changed: %+v, was %+v", w.mode(), w.was)
					}
					if s != nil {
						if err := s.stopServing(); err != nil {
							t.Errorf("the owner: %v", err)
						}
					}
				})
			}
		}
	}
}

// TestADashboardSeesThatItsTerminalIsGone has a shell that shields it from the
// hang-up signal, as nohup does: reading fails, and that is enough.
func TestADashboardSeesThatItsTerminalIsGone(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	bin := p.bin
	p.bin, p.flag = "/bin/sh", []string{"-c", `trap "" HUP; exec "$0" "$@"`, bin}
	w := p.window(t)
	p.bin, p.flag = bin, nil
	w.waitFor("buy")
	w.stopReading()
	_ = w.slave.Close()
	_ = w.master.Close()
	w.waitEnd()
	p.must("list")
}

// TestOneWhoLooksDoesNotKeepAnOwner has somebody follow what happens while the
// owner is told to end: he is told, and not waited for.
func TestOneWhoLooksDoesNotKeepAnOwner(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	w := p.window(t)
	w.waitFor("buy")
	p.must("buy")
	c := p.command(t.Context(), "activity", "--follow")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs := &safeBuffer{}
	c.Stderr = errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.waitEnd()
	_, _ = io.Copy(io.Discard, out)
	if err := c.Wait(); err != nil || !strings.Contains(errs.String(), "is not shown any more") {
		t.Errorf("following ended with %v: %s", err, errs)
	}
}
