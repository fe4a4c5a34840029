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

// endTimeout is how long a program may take to end.
const endTimeout = 3 * time.Second

// Screen is the content of a terminal.
type Screen struct {
	Lines []string // lines of the screen, without trailing spaces
	Line  string   // line of the cursor
	ANSI  string   // screen with colours
}

// Text returns the screen as text, without trailing empty lines.
func (s Screen) Text() string { return strings.TrimRight(strings.Join(s.Lines, "\n"), "\n") }

// terminal is a program in a pseudo-terminal, with a screen.
type terminal struct {
	cmd    *exec.Cmd
	file   *os.File
	ended  chan struct{} // closed at the end of the program's output
	waited chan struct{} // closed when the program has ended

	mu      sync.Mutex
	emu     *vt.Emulator
	written time.Time // when the program last wrote
}

// begin starts a command.
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
	go func() { _, _ = io.Copy(f, t.emu) }() // the terminal's answers to queries of the program
	go t.read()
	go func() {
		_ = c.Wait() // the exit code of the shell is irrelevant
		close(t.waited)
	}()
	return t, nil
}

// read applies the program's output to the screen.
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

// screen returns the present screen.
func (t *terminal) screen() Screen {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Screen{Lines: make([]string, t.emu.Height()), ANSI: t.emu.Render()}
	for y := range s.Lines {
		var b strings.Builder
		for x := range t.emu.Width() {
			switch c := t.emu.CellAt(x, y); {
			case c == nil || c.Content == "" && c.Width > 0:
				b.WriteByte(' ')
			case c.Width > 0: // 0: second half of a wide character
				b.WriteString(c.Content)
			}
		}
		s.Lines[y] = strings.TrimRight(b.String(), " ")
	}
	s.Line = s.Lines[t.emu.CursorPosition().Y]
	return s
}

// quiet returns how long the program has written nothing.
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

// hasEnded reports whether the program has ended.
func (t *terminal) hasEnded() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

// close hangs up and waits for the program; if it does not end it is killed. The
// terminal is closed last, because a shell that receives a second hangup skips its
// clean-up.
func (t *terminal) close() {
	front, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP) // foreground process group
	_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGHUP)             // the shell leads a session and process group
	select {
	case <-t.waited:
	case <-time.After(endTimeout):
		_ = t.cmd.Process.Kill()
		<-t.waited
	}
	if err == nil && front > 0 && front != t.cmd.Process.Pid {
		_ = syscall.Kill(-front, syscall.SIGKILL) // it would keep the terminal open
	}
	_ = t.file.Close()
	select {
	case <-t.ended:
	case <-time.After(endTimeout): // a background process keeps the terminal open
	}
	// The goroutine that copies answers ends with this pipe. The emulator's own Close
	// races with reading.
	if c, ok := t.emu.InputPipe().(io.Closer); ok {
		_ = c.Close()
	}
}
