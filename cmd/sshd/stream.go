package sshd

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
)

// maxBuffered is how many bytes are read ahead of the reader.
const maxBuffered = 64 << 10

// input is the standard input of a remote session. One goroutine reads the connection
// once input is read, or from the start in order to see control-C. Reads can be
// abandoned without losing input.
type input struct {
	from      io.Reader
	start     func()           // tells the client to send input; may be nil
	interrupt func(typed byte) // called for control-C and control-\; may be nil
	allowed   func() bool      // reports whether input is accepted; may be nil

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

// begin starts reading the connection.
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

// close ends all reads and discards buffered input. The connection must be closed.
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

// WithContext returns a reader of the input that returns io.EOF once ctx has ended.
func (in *input) WithContext(ctx context.Context) io.Reader { return &contextReader{in: in, ctx: ctx} }

type contextReader struct {
	in  *input
	ctx context.Context // io.Reader has no context parameter
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

// output is standard output or error. For a terminal in raw mode it converts line feeds
// to carriage return and line feed, as a terminal driver does (ONLCR), because the
// renderer relies on it. It is safe for concurrent use.
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
