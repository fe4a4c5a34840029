package attach

import (
	"context"
	"io"
	"os"
	"sync"

	"github.com/muesli/cancelreader"
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"certquay/cmd/session"
)

// resetSequence restores a terminal that a full-screen program left without cleaning up:
// keyboard and mouse reporting, bracketed paste, synchronized output, alternate screen,
// colours and cursor.
const resetSequence = "\x1b[>4;0m\x1b[<u\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[?2026l\x1b[?2027l" +
	"\x1b[?1049l\x1b[0m\x1b[?25h\x1b[0 q\r\x1b[J"

// terminal is the local terminal, whose modes the owner controls. It is safe for
// concurrent use.
type terminal struct {
	in, out *os.File

	mu        sync.Mutex
	before    *term.State // while raw
	hide      func(bool) error
	hidden    bool
	reader    cancelreader.CancelReader
	inputDone chan struct{}
	restored  bool
}

func (t *terminal) fd() int { return int(t.in.Fd()) }

// setRaw switches raw mode on or off.
func (t *terminal) setRaw(on bool) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.restored:
		return os.ErrClosed
	case on && t.before == nil:
		t.before, err = term.MakeRaw(t.fd())
	case !on && t.before != nil:
		err = term.Restore(t.fd(), t.before)
		t.before = nil
	}
	return err
}

// setHidden switches the echo of typed characters off or on.
func (t *terminal) setHidden(on bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.restored {
		return os.ErrClosed
	}
	return t.setHiddenLocked(on)
}

func (t *terminal) setHiddenLocked(on bool) error {
	if on == t.hidden {
		return nil
	}
	if t.hide == nil {
		t.hide = session.EchoSwitch(t.in)
	}
	err := t.hide(on)
	t.hidden = on && err == nil
	return err
}

// resumeRaw restores raw mode after the process was stopped and continued, since the
// shell has reset the terminal.
func (t *terminal) resumeRaw() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before != nil && !t.restored {
		_, _ = term.MakeRaw(t.fd())
	}
}

// startInput starts sending standard input, once.
func (t *terminal) startInput(ch ssh.Channel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.restored || t.inputDone != nil {
		return
	}
	var from io.Reader = t.in
	if r, err := cancelreader.NewReader(t.in); err == nil { // fails for a regular file
		t.reader, from = r, r
	}
	done := make(chan struct{})
	t.inputDone = done
	go func() {
		defer close(done)
		if _, err := io.Copy(ch, from); err == nil {
			_ = ch.CloseWrite()
		}
	}()
}

// restore restores the terminal once and stops reading from it. If the terminal is
// still in raw mode, the program in it could not clean up; then restore also resets the
// screen and returns true. The connection must be closed before, or pending input may
// block.
func (t *terminal) restore() (raw bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.restored {
		return false
	}
	t.restored = true
	if t.reader != nil && t.reader.Cancel() {
		<-t.inputDone
	}
	if t.before != nil {
		// A terminal that accepts no output must not block this process.
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		_, _ = io.WriteString(session.Writer(gone, t.out), resetSequence)
		_ = term.Restore(t.fd(), t.before)
		raw = true
	}
	_ = t.setHiddenLocked(false)
	return raw
}
