// Package owner determines which process owns a store: the one that holds the lock on
// owner.lock in the data directory. All others attach to it. The kernel releases the
// lock (flock) when the process ends in any way, so a file that is left behind does not
// block the next owner.
package owner

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"certquay/model"
)

// Names in the data directory.
const (
	LockName   = "owner.lock"
	SocketName = "sock"
)

// Errors of [Acquire]. They are wrapped in an error with the path and advice.
var (
	ErrNotDirectory = errors.New("not a directory")
	ErrReadOnly     = errors.New("a read-only file system")
	ErrNotPermitted = errors.New("not writable")
	ErrNotYours     = errors.New("of another user")
	ErrOpen         = errors.New("open to other users")
	ErrStoreRemoved = errors.New("gone with its owner")
	ErrRemovedInUse = errors.New("removed while in use")
)

// OwnedError reports that another process owns the store.
type OwnedError struct {
	Dir string
	PID int // as the owner wrote it; 0 if it has not yet
}

func (e *OwnedError) Error() string { return e.AsText().String() }

// AsText is the message.
func (e *OwnedError) AsText() model.Text {
	if e.PID > 0 {
		return model.Say("owner.process", "pid", e.PID, "dir", e.Dir)
	}
	return model.Say("owner.another", "dir", e.Dir)
}

// Lock is the ownership of a store. It is safe for concurrent use.
type Lock struct {
	dir  string
	mu   sync.Mutex
	file *os.File
	// readOnly means that the directory is not writable: the owner's PID is not
	// recorded, and there is no socket.
	readOnly bool
}

// ReadOnly reports whether the directory is not writable, so that there can be no
// socket.
func (l *Lock) ReadOnly() bool { return l.readOnly }

// Acquire makes this process the owner of the store in a data directory. It creates the
// directory with mode 0700, or removes the permissions of other users if the directory
// is empty or certquay's. It does not wait: if there is an owner it returns an
// [*OwnedError]. It removes the socket of a previous owner. Two calls in one process
// also exclude each other.
func Acquire(dir string) (*Lock, error) {
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	return acquire(dir, os.O_CREATE)
}

// AcquireReadOnly is Acquire for callers that change nothing: on a read-only file
// system it locks the existing file and creates nothing.
func AcquireReadOnly(dir string) (*Lock, error) {
	l, err := Acquire(dir)
	if !errors.Is(err, ErrReadOnly) {
		return l, err
	}
	path := filepath.Join(dir, LockName)
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, pathError(path, err)
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(lockError(dir, path, f, err), f.Close())
	}
	return &Lock{dir: dir, file: f, readOnly: true}, nil
}

// TakeOver is Acquire for a process whose owner has ended: it creates nothing. If the
// store was removed with its owner, like that of a demo, the error wraps
// [ErrStoreRemoved].
func TakeOver(dir string) (*Lock, error) { return acquire(dir, 0) }

func acquire(dir string, create int) (*Lock, error) {
	path := filepath.Join(dir, LockName)
	f, err := os.OpenFile(path, os.O_RDWR|create|syscall.O_NOFOLLOW, 0o600)
	if create == 0 && errors.Is(err, fs.ErrNotExist) {
		return nil, model.Fail("owner.gone", "dir", dir).Wrapping(ErrStoreRemoved)
	}
	if err != nil {
		return nil, pathError(path, err)
	}
	if err := flock(f); err != nil {
		err = lockError(dir, path, f, err)
		_ = f.Close()
		return nil, err
	}
	l := &Lock{dir: dir, file: f}
	if err := l.confirm(path); err != nil {
		_ = l.Release()
		return nil, err
	}
	return l, nil
}

// lockError returns the error for a file that could not be locked.
func lockError(dir, path string, f *os.File, err error) error {
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return &OwnedError{Dir: dir, PID: readPID(f)}
	}
	return model.Fail("owner.lock", "file", path, "cause", err)
}

// confirm checks that the lock is on the present file, records this process as the
// owner and removes the socket of a previous owner.
func (l *Lock) confirm(path string) error {
	// The file may have been removed since it was opened. Then this lock is useless,
	// because another process can lock the new file.
	mine, err := l.file.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Lstat(path); err != nil || !os.SameFile(mine, there) {
		return &OwnedError{Dir: l.dir}
	}
	// The PID is only used in messages, so a full disk is not an error.
	if err := l.writePID(os.Getpid()); err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return pathError(path, err)
	}
	return l.RemoveSocket()
}

// writePID records the PID of the owner, 0 for none. It overwrites the previous one in
// place, so that the file keeps its block on a full disk.
func (l *Lock) writePID(pid int) error {
	_, err := fmt.Fprintf(io.NewOffsetWriter(l.file, 0), "%-20d\n", pid)
	return err
}

// CheckHeld returns nil while the lock file is in the data directory, or else an error
// that wraps [ErrRemovedInUse].
func (l *Lock) CheckHeld() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil // released
	}
	mine, err := l.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(filepath.Join(l.dir, LockName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		return model.Fail("owner.removed", "dir", l.dir).Wrapping(ErrRemovedInUse)
	}
	return nil
}

// Dir is the data directory.
func (l *Lock) Dir() string { return l.dir }

// Socket returns the path of the owner's socket.
func (l *Lock) Socket() string { return Socket(l.dir) }

// RemoveSocket removes the socket, if there is one, so that another can be made. Nobody may
// listen on it any more. On a read-only file system there is none to be made.
func (l *Lock) RemoveSocket() error {
	if err := os.Remove(l.Socket()); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EROFS) {
		return pathError(l.Socket(), err)
	}
	return nil
}

// Release removes the socket and releases the lock. The store must be closed before.
// Calling it again does nothing.
func (l *Lock) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	if l.readOnly {
		err := l.file.Close()
		l.file = nil
		return err
	}
	// The file stays: removing it would let two processes lock two files.
	err := errors.Join(l.RemoveSocket(), l.writePID(0), l.file.Close())
	l.file = nil
	return err
}

// Socket returns the path of the socket of the owner of a data directory.
func Socket(dir string) string { return filepath.Join(dir, SocketName) }

// PID returns the process recorded as the owner of a data directory, or 0. It may have
// ended, so use it only in messages.
func PID(dir string) int {
	f, err := os.Open(filepath.Join(dir, LockName))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	return readPID(f)
}

func readPID(f *os.File) int {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return max(pid, 0)
}

// prepareDir creates the data directory, or checks that it is usable.
func prepareDir(dir string) error {
	if dir == "" {
		return model.Fail("owner.no-name")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return pathError(dir, err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return pathError(dir, err)
	}
	if !st.IsDir() {
		return pathError(dir, syscall.ENOTDIR)
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() {
		return model.Fail("owner.not-yours", "dir", dir).Wrapping(ErrNotYours)
	}
	if st.Mode().Perm()&0o077 != 0 {
		if !isOwn(dir, st) {
			return model.Fail("owner.open", "dir", dir).Wrapping(ErrOpen)
		}
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // 0700 is what a directory needs
			return pathError(dir, err)
		}
	}
	return nil
}

// isOwn reports whether a directory is empty or was created by certquay. The
// permissions of other directories, as with "--data ~", are not changed.
func isOwn(dir string, st fs.FileInfo) bool {
	if st.Mode()&fs.ModeSticky != 0 {
		return false
	}
	if _, err := os.Lstat(filepath.Join(dir, LockName)); err == nil {
		return true
	}
	names, err := os.ReadDir(dir)
	return err == nil && len(names) == 0
}

// pathError converts an error of the file system to a typed one with advice.
func pathError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return model.Fail("owner.not-directory", "path", path).Wrapping(ErrNotDirectory)
	case errors.Is(err, syscall.EROFS):
		return model.Fail("owner.read-only", "path", path).Wrapping(ErrReadOnly)
	case errors.Is(err, fs.ErrPermission):
		return model.Fail("owner.not-permitted", "path", path).Wrapping(ErrNotPermitted)
	}
	return model.Fail("owner.path", "path", path, "cause", err)
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
