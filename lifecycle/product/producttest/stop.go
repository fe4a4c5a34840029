package producttest

import (
	"context"
	"errors"
	"net"
	"sync"

	"certquay/lifecycle/runner"
)

// ErrStopped is the error of a [Stopping] runner that has stopped.
var ErrStopped = errors.New("the host was cut off")

// Stopping is a runner that stops for good, as a process that is killed does: after N
// changes every call fails. With Late the last of them is done, though it fails.
type Stopping struct {
	runner.Runner
	N    int
	Late bool

	mu   sync.Mutex
	done int
}

// Stopped reports whether a call was refused.
func (s *Stopping) Stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done > s.N
}

func (s *Stopping) change(fn func() error) error {
	s.mu.Lock()
	s.done++
	n := s.done
	s.mu.Unlock()
	if n <= s.N {
		return fn()
	}
	if s.Late && n == s.N+1 {
		if err := fn(); err != nil {
			return err
		}
	}
	return ErrStopped
}

// WriteFile counts as a change, as the others below do.
func (s *Stopping) WriteFile(ctx context.Context, path string, data []byte, a runner.Attributes) error {
	return s.change(func() error { return s.Runner.WriteFile(ctx, path, data, a) })
}

// Symlink counts as a change.
func (s *Stopping) Symlink(ctx context.Context, target, path string) error {
	return s.change(func() error { return s.Runner.Symlink(ctx, target, path) })
}

// Rename counts as a change.
func (s *Stopping) Rename(ctx context.Context, oldPath, newPath string) error {
	return s.change(func() error { return s.Runner.Rename(ctx, oldPath, newPath) })
}

// Remove counts as a change.
func (s *Stopping) Remove(ctx context.Context, path string) error {
	return s.change(func() error { return s.Runner.Remove(ctx, path) })
}

// MkdirAll counts as a change.
func (s *Stopping) MkdirAll(ctx context.Context, path string, a runner.Attributes) error {
	return s.change(func() error { return s.Runner.MkdirAll(ctx, path, a) })
}

// Run counts as a change.
func (s *Stopping) Run(ctx context.Context, c runner.Command) (out runner.Output, err error) {
	err = s.change(func() (err error) { out, err = s.Runner.Run(ctx, c); return err })
	return out, err
}

// Dial counts as a change if it is of a socket, over which a server may be changed; others are
// refused once the runner has stopped.
func (s *Stopping) Dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	if network == "unix" {
		err = s.change(func() (err error) { c, err = s.Runner.Dial(ctx, network, address); return err })
		if err != nil && c != nil {
			_ = c.Close()
		}
		return c, err
	}
	if s.Stopped() {
		return nil, ErrStopped
	}
	return s.Runner.Dial(ctx, network, address)
}
