package session

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"certquay/model"

	"golang.org/x/term"
)

// ErrNoTerminal is returned if a question cannot be asked because there is no terminal
// (exit 2). With --yes, confirmations are not asked.
var ErrNoTerminal error = model.Fail("session.no-terminal")

// ErrStopped is returned, wrapped, if the user interrupted before anything had begun,
// such as at a question.
var ErrStopped = errors.New("stopped before anything had begun")

// maxLine is the maximum length of an answer, in bytes.
const maxLine = 64 << 10

// lineReader reads a line and nothing beyond it.
type lineReader struct{ mu sync.Mutex }

// Ask writes a question to Err and returns the typed line without its end. It returns
// io.EOF if the input ends before anything was typed, [ErrNoTerminal] if there is no
// terminal, and an error that wraps [ErrStopped] and the cause of ctx once that ends.
func (s *Session) Ask(ctx context.Context, question string) (string, error) {
	return s.ask(ctx, question, false)
}

// AskSecret is Ask without echo.
func (s *Session) AskSecret(ctx context.Context, question string) (string, error) {
	return s.ask(ctx, question, true)
}

func (s *Session) ask(ctx context.Context, question string, secret bool) (string, error) {
	if !s.Interactive {
		return "", ErrNoTerminal
	}
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	if s.Kind == Network { // the remote terminal is in raw mode: edit the line here
		return s.edit(ctx, question, secret)
	}
	if _, err := io.WriteString(s.Err, question); err != nil {
		return "", err
	}
	if secret && s.hide != nil {
		if err := s.hide(true); err != nil {
			return "", model.Fail("session.cannot-hide", "cause", err)
		}
		defer func() {
			_ = s.hide(false)
			_, _ = io.WriteString(s.Err, "\n")
		}()
	}
	return withContext(ctx, func() (string, error) { return readLine(s.Reader(ctx)) })
}

// edit reads a line with line editing, from a terminal in raw mode.
func (s *Session) edit(ctx context.Context, question string, secret bool) (string, error) {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{byteReader{s.Reader(ctx)}, s.Err}, question)
	if s.PTY != nil {
		_ = t.SetSize(s.PTY.Width, s.PTY.Height)
	}
	return withContext(ctx, func() (string, error) {
		if secret {
			return t.ReadPassword(question)
		}
		return t.ReadLine()
	})
}

// withContext runs fn until ctx ends. If fn cannot be interrupted, its goroutine ends
// with the input.
func withContext(ctx context.Context, fn func() (string, error)) (string, error) {
	type result struct {
		line string
		err  error
	}
	c := make(chan result, 1)
	go func() {
		line, err := fn()
		c <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.Join(ErrStopped, context.Cause(ctx))
	case r := <-c:
		if ctx.Err() != nil {
			return "", errors.Join(ErrStopped, context.Cause(ctx))
		}
		return r.line, r.err
	}
}

// byteReader reads one byte at a time, so that a buffering reader consumes nothing
// beyond the line.
type byteReader struct{ r io.Reader }

func (b byteReader) Read(p []byte) (int, error) {
	if len(p) > 1 {
		p = p[:1]
	}
	return b.r.Read(p)
}

func readLine(r io.Reader) (string, error) {
	in := bufio.NewReaderSize(byteReader{r}, 16)
	var line strings.Builder
	for {
		b, err := in.ReadByte()
		switch {
		case err == io.EOF && line.Len() > 0, err == nil && b == '\n':
			return strings.TrimSuffix(line.String(), "\r"), nil
		case err != nil:
			return "", err
		case line.Len() == maxLine:
			return "", model.Fail("session.long-line")
		}
		line.WriteByte(b)
	}
}

// rawSwitch returns a function that switches raw mode of a local terminal on and off.
func rawSwitch(f *os.File) func(bool) error {
	fd := int(f.Fd())
	var was *term.State
	return func(on bool) (err error) {
		if on {
			was, err = term.MakeRaw(fd)
			return err
		}
		return term.Restore(fd, was)
	}
}

// EchoSwitch returns a function that switches the echo of a local terminal off (true)
// and on (false). Line editing and control-C keep working.
func EchoSwitch(f *os.File) func(bool) error {
	var was *noEcho
	return func(on bool) (err error) {
		if on {
			was, err = startNoEcho(int(f.Fd()))
			return err
		}
		return was.stop()
	}
}
