package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// reserveName is the file that is given back so that a store on a full disk
// can still be closed cleanly.
const reserveName = "reserve"

// space watches the free space of a volume. Badger maps its files into memory,
// and a write to a mapped page for which the disk has no room kills the
// process, so writes must be refused long before. A nil one allows everything.
type space struct {
	dir     string
	minimum int64
	free    func() (int64, error)

	mu   sync.Mutex
	last time.Time // of the last look
	err  error     // what it found
}

func newSpace(dir string, o Options) *space {
	s := &space{dir: dir, minimum: o.MinFree, free: o.Free}
	if s.free == nil {
		s.free = func() (int64, error) { return freeSpace(dir) }
	}
	return s
}

func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// check returns an error that wraps [ErrDiskFull] when too little is free. It
// looks at most once a second.
func (s *space) check() error {
	if s == nil || s.minimum < 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.last.IsZero() || now.Sub(s.last) >= time.Second {
		s.last, s.err = now, s.look()
	}
	return s.err
}

func (s *space) look() error {
	n, err := s.free()
	if err != nil {
		return err
	}
	if n < s.minimum {
		return fmt.Errorf("%w: %s has %d MiB, certquay writes from %d MiB upwards; free some space",
			ErrDiskFull, s.dir, n>>20, s.minimum>>20)
	}
	return nil
}

// hold makes the reserve file, whose blocks are written so that they exist.
// There being no room for it is not an error: writes are refused then anyway.
func (s *space) hold(size int64) error {
	name := filepath.Join(s.dir, reserveName)
	if info, err := os.Stat(name); size <= 0 || err == nil && info.Size() >= size {
		return nil
	}
	if n, err := s.free(); err != nil || n < s.minimum+size {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	chunk := make([]byte, 1<<20)
	for left := size; left > 0 && err == nil; left -= int64(len(chunk)) {
		_, err = f.Write(chunk[:min(left, int64(len(chunk)))])
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// release gives the reserve back when the engine may need it to close.
func (s *space) release() error {
	if s == nil || s.minimum < 0 {
		return nil
	}
	n, err := s.free()
	if err != nil || n >= s.minimum {
		return err
	}
	err = os.Remove(filepath.Join(s.dir, reserveName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
