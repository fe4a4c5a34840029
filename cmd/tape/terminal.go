package tape

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// endFor is how long a program has to end once it was told to.
const endFor = 3 * time.Second

// Screen is what stands on a terminal.
type Screen struct {
	Lines []string // of the whole screen, without the spaces at their ends
	Line  string   // that of the cursor
	ANSI  string   // the screen with its colours
}

// Text is what a person reads, without empty lines at the end.
func (s Screen) Text() string { return strings.TrimRight(strings.Join(s.Lines, "\n"), "\n") }

// terminal is a program in a pseudo-terminal, with a screen.
type terminal struct {
	cmd    *exec.Cmd
	file   *os.File
	ended  chan struct{} // closed when the program writes no more
	waited chan struct{} // closed when the program has ended

	mu      sync.Mutex
	emu     *vt.Emulator
	written time.Time // when the program last wrote
}

// begin starts a command on a screen.
func begin(c *exec.Cmd, columns, rows int) (*terminal, error) {
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	t := &terminal{
		cmd:     c,
		file:    f,
		emu:     vt.NewEmulator(columns, rows),
		ended:   make(chan struct{}),
		waited:  make(chan struct{}),
		written: time.Now(),
	}
	go func() { _, _ = io.Copy(f, t.emu) }() // the program asks the terminal; these are the answers
	go t.read()
	go func() {
		_ = c.Wait() // how a shell ends says nothing about the tape
		close(t.waited)
	}()
	return t, nil
}

// read puts on the screen what the program writes, until it writes no more.
func (t *terminal) read() {
	defer close(t.ended)
	buf := make([]byte, 32<<10)
	for {
		n, err := t.file.Read(buf)
		if n > 0 {
			t.mu.Lock()
			_, _ = t.emu.Write(buf[:n])
			t.written = time.Now()
			t.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// look is the screen now.
func (t *terminal) look() Screen {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Screen{Lines: make([]string, t.emu.Height()), ANSI: t.emu.Render()}
	for y := range s.Lines {
		var b strings.Builder
		for x := range t.emu.Width() {
			switch c := t.emu.CellAt(x, y); {
			case c == nil || c.Content == "" && c.Width > 0:
				b.WriteByte(' ')
			case c.Width > 0: // else the cell before it is wide
				b.WriteString(c.Content)
			}
		}
		s.Lines[y] = strings.TrimRight(b.String(), " ")
	}
	s.Line = s.Lines[t.emu.CursorPosition().Y]
	return s
}

// quiet is for how long the program has written nothing.
func (t *terminal) quiet() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.written)
}

// send types a text.
func (t *terminal) send(text string) error {
	if _, err := io.WriteString(t.file, text); err != nil {
		return fmt.Errorf("the program takes no keys any more: %w", err)
	}
	return nil
}

// over says whether the program has ended.
func (t *terminal) over() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

// close hangs up and waits for the program; one that stays is killed. The
// terminal is closed last: a shell that is told twice skips what it has to tidy.
func (t *terminal) close() {
	front, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP) // what the shell runs now
	_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGHUP)             // it leads a session and so a group
	select {
	case <-t.waited:
	case <-time.After(endFor):
		_ = t.cmd.Process.Kill()
		<-t.waited
	}
	if err == nil && front > 0 && front != t.cmd.Process.Pid {
		_ = syscall.Kill(-front, syscall.SIGKILL) // it would keep the terminal, and run for ever
	}
	_ = t.file.Close()
	select {
	case <-t.ended:
	case <-time.After(endFor): // something in the background keeps the terminal
	}
	// The answers end with their pipe; the emulator's own Close races with reading.
	if c, ok := t.emu.InputPipe().(io.Closer); ok {
		_ = c.Close()
	}
}
