package runner

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// forwarded is a connection that a host makes for us. SSH channels have no deadlines: one that
// passes closes the connection.
type forwarded struct {
	net.Conn

	mu          sync.Mutex
	read, write *time.Timer
	late        bool
}

func (f *forwarded) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	return n, f.explained(err)
}

func (f *forwarded) Write(b []byte) (int, error) {
	n, err := f.Conn.Write(b)
	return n, f.explained(err)
}

func (f *forwarded) explained(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.late {
		return os.ErrDeadlineExceeded
	}
	return err
}

// Close closes the connection.
func (f *forwarded) Close() error {
	err := f.Conn.Close()
	if errors.Is(err, io.EOF) {
		err = nil // the other side has closed it already
	}
	return errors.Join(f.SetDeadline(time.Time{}), err)
}

// CloseWrite ends what is sent; what comes can still be read.
func (f *forwarded) CloseWrite() error {
	if half, is := f.Conn.(interface{ CloseWrite() error }); is {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetDeadline sets when the connection is closed.
func (f *forwarded) SetDeadline(t time.Time) error {
	return errors.Join(f.SetReadDeadline(t), f.SetWriteDeadline(t))
}

// SetReadDeadline sets when the connection is closed, also for writing.
func (f *forwarded) SetReadDeadline(t time.Time) error { return f.set(&f.read, t) }

// SetWriteDeadline sets when the connection is closed, also for reading.
func (f *forwarded) SetWriteDeadline(t time.Time) error { return f.set(&f.write, t) }

func (f *forwarded) set(timer **time.Timer, t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	if !t.IsZero() {
		*timer = time.AfterFunc(time.Until(t), func() {
			f.mu.Lock()
			f.late = true
			f.mu.Unlock()
			_ = f.Conn.Close()
		})
	}
	return nil
}
