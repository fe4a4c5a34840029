package tape

import (
	"fmt"
	"image/color"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// settled is how long a screen must be left alone before it is looked at, so
// that no frame is half drawn; torn is when it is looked at anyway.
const (
	settled = 8 * time.Millisecond
	torn    = 60 * time.Millisecond
)

// terminal is a program in a pseudo-terminal with a screen.
type terminal struct {
	cmd  *exec.Cmd
	file *os.File

	mu      sync.Mutex
	emu     *vt.Emulator
	modes   map[ansi.Mode]bool
	hidden  bool // the cursor
	fg, bg  Color
	written time.Time     // when the program last wrote
	pending time.Time     // since when the screen may differ from the last frame
	ended   chan struct{} // closed when the program writes no more
	waited  chan struct{} // closed when the program has ended
}

// begin starts a command on a screen.
func begin(c *exec.Cmd, columns, rows int, t *Theme) (*terminal, error) {
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	s := &terminal{cmd: c, file: f, emu: vt.NewEmulator(columns, rows), modes: map[ansi.Mode]bool{}, ended: make(chan struct{}), waited: make(chan struct{})}
	s.emu.SetDefaultForegroundColor(t.Foreground)
	s.emu.SetDefaultBackgroundColor(t.Background)
	s.emu.SetDefaultCursorColor(t.Cursor)
	s.emu.SetCallbacks(vt.Callbacks{ // the lock is held: they run in Write
		CursorVisibility: func(visible bool) { s.hidden = !visible },
		ForegroundColor:  func(c color.Color) { s.fg = colorOf(c) },
		BackgroundColor:  func(c color.Color) { s.bg = colorOf(c) },
		EnableMode:       func(m ansi.Mode) { s.modes[m] = true },
		DisableMode:      func(m ansi.Mode) { s.modes[m] = false },
	})
	go func() { // the program asks the terminal questions; the answers go back
		_, _ = io.Copy(f, s.emu)
	}()
	go s.read()
	go func() {
		_ = c.Wait() // how a shell ends says nothing about the tape
		close(s.waited)
	}()
	return s, nil
}

// read puts on the screen what the program writes, until it writes no more.
func (s *terminal) read() {
	defer close(s.ended)
	buf := make([]byte, 32<<10)
	for {
		n, err := s.file.Read(buf)
		if n > 0 {
			s.mu.Lock()
			_, _ = s.emu.Write(buf[:n])
			s.written = time.Now()
			if s.pending.IsZero() {
				s.pending = s.written
			}
			s.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// frame is the screen now. The caller holds the lock.
func (s *terminal) frame() *Frame {
	f := look(s.emu)
	f.Cursor = !s.hidden
	f.Fg, f.Bg = s.fg, s.bg
	return f
}

// see is the screen now.
func (s *terminal) see() *Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frame()
}

// changed gives the screen to keep when it may differ from the last one and is
// not being drawn: the program has paused, or ended a synchronised update.
func (s *terminal) changed(now time.Time, keep func(*Frame)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.IsZero() {
		return
	}
	drawing := now.Sub(s.written) < settled || s.modes[ansi.ModeSynchronizedOutput]
	if drawing && now.Sub(s.pending) < torn {
		return
	}
	s.pending = time.Time{}
	keep(s.frame())
}

// quiet is for how long the program has written nothing.
func (s *terminal) quiet() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written.IsZero() {
		return 0
	}
	return time.Since(s.written)
}

// press sends a key as the program has asked for keys.
func (s *terminal) press(k Key) error {
	s.mu.Lock()
	application := s.modes[ansi.ModeCursorKeys]
	s.mu.Unlock()
	b, err := k.bytes(application)
	if err != nil {
		return err
	}
	return s.send(b)
}

// paste sends text as a paste, in brackets if the program has asked for them.
func (s *terminal) paste(text string) error {
	s.mu.Lock()
	bracketed := s.modes[ansi.ModeBracketedPaste]
	s.mu.Unlock()
	if bracketed {
		text = ansi.BracketedPasteStart + text + ansi.BracketedPasteEnd
	}
	return s.send(text)
}

func (s *terminal) send(text string) error {
	if _, err := io.WriteString(s.file, text); err != nil {
		return fmt.Errorf("the program takes no keys any more: %w", err)
	}
	return nil
}

// over says whether the program has ended.
func (s *terminal) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// close hangs up and waits for the program; one that stays is killed. The
// terminal is closed last: a shell that is told twice skips what it has to tidy.
func (s *terminal) close() {
	front, err := unix.IoctlGetInt(int(s.file.Fd()), unix.TIOCGPGRP) // what the shell runs now
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGHUP)             // it leads a session and so a group
	select {
	case <-s.waited:
	case <-time.After(3 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.waited
	}
	if err == nil && front > 0 && front != s.cmd.Process.Pid {
		_ = syscall.Kill(-front, syscall.SIGKILL) // it would keep the terminal, and run for ever
	}
	_ = s.file.Close()
	select {
	case <-s.ended:
	case <-time.After(3 * time.Second): // something in the background keeps the terminal
	}
	hush(s.emu)
}

// hush ends the answers of an emulator, and so whoever reads them. Its own
// Close races with reading.
func hush(e *vt.Emulator) {
	if c, ok := e.InputPipe().(io.Closer); ok {
		_ = c.Close()
	}
}
