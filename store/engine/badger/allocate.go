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
	// prepareAfter is after how many bytes the next log is prepared: most
	// processes never come to it.
	prepareAfter = 4 << 20
)

// logSpace allocates the logs that Badger writes to next before it needs them:
// where it finds no room for one it cannot go on. It is used by one goroutine at
// a time.
type logSpace struct {
	dir      string
	log      *slog.Logger
	next     int  // number of the memtable log that comes next
	prepared bool // it is there, empty, with its blocks
	since    int  // bytes written since the present one began
	useless  bool // the file system allocates nothing in advance
}

func (l *logSpace) path(fid int) string { return filepath.Join(l.dir, fmt.Sprintf("%05d.mem", fid)) }

// begin allocates the files that Badger writes to just after it was opened.
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

// room is called before n bytes are written. It fails with [engine.ErrNoSpace]
// where the next log would find none.
func (l *logSpace) room(n int) error {
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
		l.next, l.since, l.prepared = l.next+1, n, false // Badger has gone on to it
	}
	if l.since < prepareAfter {
		return nil
	}
	// Badger takes an empty file as a new one, and making it larger keeps the
	// blocks that are allocated behind its end.
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

// allocate gives the first bytes of a file blocks, without changing its size.
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

// noSpace gives the error of a full disk its type.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return model.Fail("error.because", "what", engine.ErrNoSpace, "cause", err)
	}
	return err
}

// removeEmptyLogs removes logs that were prepared, or whose making was
// interrupted: at one Badger's opening fails.
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
