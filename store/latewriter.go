package store

import (
	"context"
	"errors"
	"sync"

	"certquay/store/engine"
)

// lateWriter is an engine that was opened for reading because the volume was not
// writable. The first write after it has become writable opens it for writing. Existing
// snapshots stay valid.
type lateWriter struct {
	open func() (engine.Engine, error)

	mu     sync.Mutex
	reader engine.Engine
	writer engine.Engine // nil until the first successful write
	closed bool
}

var _ engine.Engine = (*lateWriter)(nil)

func newLateWriter(reader engine.Engine, open func() (engine.Engine, error)) *lateWriter {
	return &lateWriter{reader: reader, open: open}
}

func (l *lateWriter) current() engine.Engine {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writer != nil {
		return l.writer
	}
	return l.reader
}

func (l *lateWriter) Snapshot() (engine.Snapshot, error) { return l.current().Snapshot() }
func (l *lateWriter) Limit() engine.Limit                { return l.current().Limit() }

// Acquire asks the engine that is open for writing, if there is one.
func (l *lateWriter) Acquire(ctx context.Context, holder string) (*engine.Lease, error) {
	return l.current().Acquire(ctx, holder)
}

// Apply opens the engine for writing first, if necessary. If that fails, nothing was
// written.
func (l *lateWriter) Apply(ctx context.Context, b *engine.Batch) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return engine.ErrClosed
	}
	if l.writer == nil {
		w, err := l.open()
		if err != nil {
			l.mu.Unlock()
			return errors.Join(engine.ErrReadOnly, err)
		}
		l.writer = w
	}
	w := l.writer
	l.mu.Unlock()
	return w.Apply(ctx, b)
}

// Verify reads the files whole.
func (l *lateWriter) Verify(ctx context.Context) error {
	if f, ok := l.current().(interface{ Verify(context.Context) error }); ok {
		return f.Verify(ctx)
	}
	return nil
}

// Close closes both.
func (l *lateWriter) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	err := l.reader.Close()
	if l.writer != nil {
		err = errors.Join(err, l.writer.Close())
	}
	return err
}
