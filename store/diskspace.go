package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"certquay/model"
)

// reserveName is the file that is given back so that a store on a full disk
// can still be closed cleanly.
const reserveName = "reserve"

// diskSpace watches the free space of a volume. Badger maps its files into memory,
// and a write to a mapped page for which the disk has no room kills the
// process. Its logs have their blocks before; the tables that it makes of them
// do not, so writes are refused long before. A nil one allows everything.
type diskSpace struct {
	dir     string
	opened  os.FileInfo // the directory, as it was opened
	minimum int64
	free    func() (int64, error)
}

func newDiskSpace(dir string, o Options) *diskSpace {
	s := &diskSpace{dir: dir, minimum: o.MinFree, free: o.Free}
	if s.free == nil {
		s.free = func() (int64, error) { return freeSpace(dir) }
	}
	s.opened, _ = os.Stat(dir) // before a store is made there is none
	return s
}

func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, model.Fail("store.free-space", "dir", dir, "cause", err)
	}
	return int64(st.Bavail * uint64(st.Bsize)), nil
}

// check returns an error that wraps [ErrDiskFull] when too little is free, and
// [ErrGone] when the directory is no longer there. It is asked before each
// group: a disk can fill within a moment.
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

// checkDir says whether the directory is another than was opened, or none.
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

// flushRoom is what the database may write when it is closed: its memtables,
// as tables.
const flushRoom = 48 << 20

// roomToClose says why the database is not closed: it would try without end to
// write its memtables.
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

// makeReserve makes the reserve file, whose blocks are written so that they exist.
// There being no room for it is not an error: writes are refused then anyway.
func (s *diskSpace) makeReserve(size int64) error {
	name := filepath.Join(s.dir, reserveName)
	if info, err := os.Stat(name); size <= 0 || err == nil && info.Size() >= size {
		return nil
	}
	if err := regular(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
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

// releaseReserve gives the reserve back when the engine may need it to close.
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
