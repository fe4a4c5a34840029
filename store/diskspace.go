package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"certquay/model"
)

// reserveName is the file that is deleted to free its space, so that a store on a full
// disk can still be closed cleanly.
const reserveName = "reserve"

// diskSpace checks the free space of a volume. Badger maps its files into memory, and a
// write to a mapped page without a disk block kills the process (SIGBUS). Blocks of its
// logs are allocated in advance, but not those of the tables made from them, so writes
// are refused long before the disk is full. A nil diskSpace allows everything.
type diskSpace struct {
	dir     string
	opened  os.FileInfo // identifies the directory that was opened
	minimum int64
	free    func() (int64, error)
}

func newDiskSpace(dir string, o Options) *diskSpace {
	s := &diskSpace{dir: dir, minimum: o.MinFree, free: o.Free}
	if s.free == nil {
		s.free = func() (int64, error) { return freeSpace(dir) }
	}
	s.opened, _ = os.Stat(dir) // nil if the directory does not exist yet
	return s
}

func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, model.Fail("store.free-space", "dir", dir, "cause", err)
	}
	return int64(st.Bavail * uint64(st.Bsize)), nil
}

// check returns an error that wraps [ErrDiskFull] if too little space is free, and
// [ErrGone] if the directory was removed. It is called before each group, since a disk
// can fill at any time.
func (s *diskSpace) check() error {
	if s == nil {
		return nil
	}
	if err := s.checkDir(); err != nil || s.minimum < 0 {
		return err
	}
	n, err := s.free()
	if err != nil {
		return err
	}
	if n < s.minimum {
		return model.Fail("store.disk-full-at", "dir", s.dir, "free", n>>20, "least", s.minimum>>20).Wrapping(ErrDiskFull)
	}
	return nil
}

// checkDir returns an error if the directory was removed or replaced.
func (s *diskSpace) checkDir() error {
	if s == nil || s.opened == nil {
		return nil
	}
	now, err := os.Stat(s.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(s.opened, now) {
		return model.Fail("store.gone-from", "dir", s.dir).Wrapping(ErrGone)
	}
	return nil
}

// flushRoom is the most the database writes when it is closed: its memtables, as
// tables.
const flushRoom = 48 << 20

// roomToClose returns an error if closing the database would block, because it would
// retry writing its memtables forever.
func (s *diskSpace) roomToClose() error {
	if s == nil {
		return nil
	}
	if err := s.checkDir(); err != nil || s.minimum < 0 {
		return err
	}
	n, err := s.free()
	if err == nil && n < min(flushRoom, s.minimum) {
		err = ErrDiskFull
	}
	return err
}

// makeReserve creates the reserve file and writes its content, so that its blocks are
// allocated. Too little space is not an error: writes are refused then anyway.
func (s *diskSpace) makeReserve(size int64) error {
	name := filepath.Join(s.dir, reserveName)
	if info, err := os.Stat(name); size <= 0 || err == nil && info.Size() >= size {
		return nil
	}
	if err := checkRegular(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return model.Fail("store.file", "file", name, "cause", err)
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

// releaseReserve deletes the reserve file if the engine may need its space to close.
func (s *diskSpace) releaseReserve() error {
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
