package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"certquay/model"
	"certquay/store/engine"
)

const (
	memTableSize = 16 << 20
	// logRoom is the size at which Badger maps a memtable's log.
	logRoom = 2 * memTableSize
	// prepareAfter is the number of bytes written before the next log is allocated:
	// most processes never write that much.
	prepareAfter = 4 << 20
)

// logSpace allocates the blocks of the next log files in advance, because Badger cannot
// recover from a full disk while it creates one. It is not safe for concurrent use.
type logSpace struct {
	dir      string
	log      *slog.Logger
	next     int  // number of the next memtable log
	prepared bool // the next log exists, empty, with its blocks allocated
	since    int  // bytes written to the current log
	useless  bool // the file system does not support preallocation
}

func (l *logSpace) path(fid int) string { return filepath.Join(l.dir, fmt.Sprintf("%05d.mem", fid)) }

// begin allocates the files that Badger writes to right after opening.
func (l *logSpace) begin() error {
	names, err := filepath.Glob(filepath.Join(l.dir, "*.mem"))
	if err != nil || len(names) == 0 {
		return err
	}
	var newest int
	if _, err := fmt.Sscanf(filepath.Base(names[len(names)-1]), "%d.mem", &newest); err != nil {
		return err
	}
	l.next = newest + 1
	if err := l.allocate(l.path(newest), logRoom); err != nil {
		return err
	}
	others, err := filepath.Glob(filepath.Join(l.dir, "*.vlog"))
	if err != nil {
		return err
	}
	if len(others) > 0 { // only the newest is written to
		others = others[len(others)-1:]
	}
	for _, name := range append(others, filepath.Join(l.dir, "DISCARD")) {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if err := l.allocate(name, info.Size()); err != nil {
			return err
		}
	}
	return nil
}

// reserve is called before n bytes are written. It returns [engine.ErrNoSpace] if the next
// log cannot be allocated.
func (l *logSpace) reserve(n int) error {
	if l.since += n; l.useless || l.next == 0 {
		return nil
	}
	if l.prepared {
		info, err := os.Stat(l.path(l.next))
		if err != nil {
			return err
		}
		if info.Size() == 0 {
			return nil
		}
		l.next, l.since, l.prepared = l.next+1, n, false // Badger has switched to the next log
	}
	if l.since < prepareAfter {
		return nil
	}
	// Badger treats an empty file as new, and extending it keeps the blocks allocated
	// beyond its end.
	f, err := os.OpenFile(l.path(l.next), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return noSpace(err)
	}
	if err := errors.Join(f.Close(), l.allocate(f.Name(), logRoom)); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	l.prepared = true
	return nil
}

// allocate allocates the blocks of the first bytes of a file without changing its size.
func (l *logSpace) allocate(name string, size int64) error {
	if l.useless {
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = fallocate(int(f.Fd()), 0, size)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EOPNOTSUPP) {
		l.useless, err = true, nil
		l.log.Warn("the file system of the database allocates no blocks in advance: a disk that fills within a moment may end the process")
	}
	return errors.Join(noSpace(err), f.Close())
}

// noSpace converts the error of a full disk to [engine.ErrNoSpace].
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return model.Fail("error.because", "what", engine.ErrNoSpace, "cause", err)
	}
	return err
}

// removeEmptyLogs removes logs that were only allocated or whose creation was
// interrupted, because Badger cannot open them.
func removeEmptyLogs(dir string) error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err == nil && info.Size() == 0 {
				err = os.Remove(name)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
