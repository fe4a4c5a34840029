package sshd

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
)

// maxBuffered bounds what is read ahead of a session's reader, in bytes.
const maxBuffered = 64 << 10

// input is the standard input of a session that came over a connection. One
// goroutine reads the connection once somebody reads the input (or from the
// start, to see control-C); readers can give up without losing what comes
// later.
type input struct {
	from      io.Reader
	start     func()           // asks the other side to send; may be nil
	interrupt func(typed byte) // told of control-C and control-\; may be nil
	allowed   func() bool      // whether what was sent counts; may be nil

	once sync.Once
	mu   sync.Mutex
	cond *sync.Cond
	buf  []byte
	err  error
}

func newInput(from io.Reader) *input {
	in := &input{from: from}
	in.cond = sync.NewCond(&in.mu)
	return in
}

// begin starts to read the connection.
func (in *input) begin() {
	in.once.Do(func() {
		if in.start != nil {
			in.start()
		}
		go in.readLoop()
	})
}

func (in *input) readLoop() {
	b := make([]byte, 32<<10)
	for {
		n, err := in.from.Read(b)
		if n > 0 && in.allowed != nil && !in.allowed() {
			n, err = 0, io.EOF
		}
		if in.interrupt != nil {
			if i := bytes.IndexAny(b[:n], "\x03\x1c"); i >= 0 {
				in.interrupt(b[i])
			}
		}
		in.mu.Lock()
		for len(in.buf) > maxBuffered {
			in.cond.Wait()
		}
		in.buf = append(in.buf, b[:n]...)
		if err != nil {
			in.err = err
		}
		in.mu.Unlock()
		in.cond.Broadcast()
		if err != nil {
			return
		}
	}
}

// close ends all reads and what is read ahead; the connection is closed.
func (in *input) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.buf = nil
	if in.err == nil {
		in.err = io.EOF
	}
	in.cond.Broadcast()
}

func (in *input) Read(p []byte) (int, error) { return in.read(context.Background(), p) }

// WithContext is the input until ctx ends; then it is at its end.
func (in *input) WithContext(ctx context.Context) io.Reader { return &contextReader{in: in, ctx: ctx} }

type contextReader struct {
	in  *input
	ctx context.Context // a reader's reads take none
}

func (b *contextReader) Read(p []byte) (int, error) {
	defer context.AfterFunc(b.ctx, func() {
		b.in.mu.Lock()
		defer b.in.mu.Unlock()
		b.in.cond.Broadcast()
	})()
	return b.in.read(b.ctx, p)
}

func (in *input) read(ctx context.Context, p []byte) (int, error) {
	in.begin()
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return 0, io.EOF
		case len(in.buf) > 0:
			n := copy(p, in.buf)
			in.buf = slices.Delete(in.buf, 0, n)
			in.cond.Broadcast()
			return n, nil
		case in.err != nil:
			return 0, in.err
		case len(p) == 0:
			return 0, nil
		}
		in.cond.Wait()
	}
}

// output is standard output or error. To a terminal in raw mode it sends
// carriage return and line feed for each line feed, as a terminal driver does
// (ONLCR): the renderer relies on it. It is safe for concurrent use.
type output struct {
	mu  sync.Mutex
	to  io.Writer
	raw func() bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.raw() || bytes.IndexByte(p, '\n') < 0 {
		return o.to.Write(p)
	}
	if _, err := o.to.Write(bytes.ReplaceAll(p, []byte{'\n'}, []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}
