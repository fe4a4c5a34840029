package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// flushTimeout is how long a write may still take once the session or the program is
// ending.
const flushTimeout = time.Second

var errTerminalGone = fmt.Errorf("nobody takes what is written: %w", os.ErrDeadlineExceeded)

// Writer returns a writer to to that does not block for long once ctx has ended: a
// write that takes a second more fails with [os.ErrDeadlineExceeded], and so does every
// later one. A terminal that is stopped, or whose window was closed, may never accept
// output again. The writer is safe for concurrent use. If to is a file, the writer has
// its Fd.
func Writer(ctx context.Context, to io.Writer) io.Writer {
	w := &output{to: to, ended: ctx.Done(), writing: make(chan struct{}, 1)}
	if f, ok := to.(file); ok {
		return &fileOutput{output: w, file: f}
	}
	return w
}

// file is the interface by which programs recognize a terminal.
type file interface {
	io.ReadWriteCloser
	Fd() uintptr
}

// output writes in a goroutine, which it abandons on a timeout.
type output struct {
	to      io.Writer
	ended   <-chan struct{}
	writing chan struct{} // serializes writes
	gone    atomic.Bool   // a write has timed out
}

type fileOutput struct {
	*output
	file file
}

var (
	_ file = (*os.File)(nil)
	_ file = (*fileOutput)(nil)
)

func (o *output) Write(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	if o.gone.Load() {
		return 0, errTerminalGone
	}
	b := bytes.Clone(p) // the caller may reuse p after a timeout
	go func() {
		o.writing <- struct{}{}
		defer func() { <-o.writing }()
		if o.gone.Load() {
			done <- result{0, errTerminalGone}
			return
		}
		n, err := o.to.Write(b)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-o.ended:
	}
	late := time.NewTimer(flushTimeout)
	defer late.Stop()
	select {
	case r := <-done:
		return r.n, r.err
	case <-late.C:
		o.gone.Store(true)
		return 0, errTerminalGone
	}
}

func (f *fileOutput) Read(p []byte) (int, error) { return f.file.Read(p) }
func (f *fileOutput) Close() error               { return f.file.Close() }
func (f *fileOutput) Fd() uintptr                { return f.file.Fd() }
