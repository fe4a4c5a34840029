// Package owner decides which process owns a store. Whoever holds the lock on
// owner.lock in the data directory does; all others attach to it. The lock is
// the kernel's (flock), so it ends with the process however that ends, and
// nothing that is left behind stops the next owner.
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

// Errors that [Acquire] returns, wrapped with the path and what to do.
var (
	ErrNotDirectory = errors.New("not a directory")
	ErrReadOnly     = errors.New("a read-only file system")
	ErrNotPermitted = errors.New("not writable")
	ErrNotYours     = errors.New("of another user")
	ErrOpen         = errors.New("open to other users")
	ErrStoreRemoved = errors.New("gone with its owner")
	ErrRemovedInUse = errors.New("removed while in use")
)

// OwnedError says that another process owns the store.
type OwnedError struct {
	Dir string
	PID int // as the owner wrote it; 0 when it has not yet
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
	// readOnly says that nothing can be written in the directory, so that
	// nobody is told who the owner is, and there is no socket.
	readOnly bool
}

// ReadOnly says that the lock is on a directory in which nothing can be
// written; there can be no socket either.
func (l *Lock) ReadOnly() bool { return l.readOnly }

// Acquire makes this process the owner of the store in a data directory, which
// is created with mode 0700 when it does not exist, and brought to 0700 when
// others could enter it and it holds nothing else. It does not wait: when there is an owner it returns
// an [*OwnedError]. A socket that a dead owner left is removed. Two Acquires
// in one process exclude each other as well.
func Acquire(dir string) (*Lock, error) {
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	return acquire(dir, os.O_CREATE)
}

// AcquireReadOnly is Acquire for who changes nothing: on a file system that is mounted
// for reading it locks what is there, and makes nothing.
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

// TakeOver is Acquire for who was attached to an owner that has ended: it makes
// nothing. When the store went with its owner, as that of a demo does, the
// error wraps [ErrStoreRemoved].
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

// lockError is why a file could not be locked.
func lockError(dir, path string, f *os.File, err error) error {
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return &OwnedError{Dir: dir, PID: readPID(f)}
	}
	return model.Fail("owner.lock", "file", path, "cause", err)
}

// confirm writes who owns the store and removes what a dead owner left.
func (l *Lock) confirm(path string) error {
	// Somebody may have removed the file since it was opened: then this lock
	// is on nothing, and another process can hold one on the new file.
	mine, err := l.file.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Lstat(path); err != nil || !os.SameFile(mine, there) {
		return &OwnedError{Dir: l.dir}
	}
	// The number is for messages only, so a full disk keeps nobody out.
	if err := l.writePID(os.Getpid()); err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return pathError(path, err)
	}
	if err := os.Remove(l.Socket()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pathError(l.Socket(), err)
	}
	return nil
}

// writePID writes the number of the process that owns the store, 0 for none, over
// the last one: a file that stays as long as it is keeps its block on a disk
// that is full by the next start.
func (l *Lock) writePID(pid int) error {
	_, err := fmt.Fprintf(io.NewOffsetWriter(l.file, 0), "%-20d\n", pid)
	return err
}

// CheckHeld says that the data directory is still there with the lock in it, or why
// not: an error that wraps [ErrRemovedInUse].
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

// Socket is the path the owner listens on.
func (l *Lock) Socket() string { return Socket(l.dir) }

// Release ends the ownership: it removes the socket and unlocks. Close the
// store first. Calling it again does nothing.
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
	err := os.Remove(l.Socket())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	// The file stays: removing it would let two processes lock two files.
	err = errors.Join(err, l.writePID(0), l.file.Close())
	l.file = nil
	return err
}

// Socket is the path the owner of the store in a data directory listens on.
func Socket(dir string) string { return filepath.Join(dir, SocketName) }

// PID is the process that says it owns the store in a data directory, or 0.
// It is for messages only: it may have ended since.
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

// prepareDir makes the data directory, or looks whether it can be used.
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

// isOwn says whether a directory is empty or was made by certquay, so that
// closing it to others surprises nobody ("--data ~" would).
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

// pathError gives the errors of a file system a type and a way out.
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
