package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"certquay/model"
)

// ErrNoPath is returned, wrapped, when a session from another machine names a file.
var ErrNoPath = errors.New("no files over SSH")

// files opens and creates files of a caller on this machine.
type files struct {
	remote bool   // the caller is an attached process
	dir    string // its working directory
	pid    int
}

func (f files) bind(s *Session) {
	s.Open = func(path string) (io.ReadCloser, error) {
		if path == "-" {
			return io.NopCloser(s.In), nil
		}
		p, err := f.resolve(path)
		if err != nil {
			return nil, err
		}
		return open(p, isDescriptor(path))
	}
	s.Create = func(path string, mode os.FileMode) (File, error) {
		if path == "-" {
			return stdout{s.Out}, nil
		}
		if strings.HasSuffix(path, "/") {
			return nil, model.Fail("path.is-directory", "file", path)
		}
		p, err := f.resolve(path)
		if err != nil {
			return nil, err
		}
		return create(p, mode)
	}
	s.Abs = func(path string) string {
		if p, err := f.resolve(path); err == nil {
			if p, err = filepath.Abs(p); err == nil {
				return p
			}
		}
		return path
	}
	s.Walk = func(ctx context.Context, path string) ([]Found, error) {
		p, err := f.resolve(path)
		if err != nil {
			return nil, err
		}
		return walk(ctx, path, p)
	}
	s.CompletePath = func(typed string) []string { return completePath(typed, f.resolve) }
	s.IsDir = func(path string) bool {
		p, err := f.resolve(path)
		if err != nil {
			return false
		}
		st, err := os.Stat(p)
		return err == nil && st.IsDir()
	}
	s.Exists = func(path string) bool {
		p, err := f.resolve(path)
		if err != nil {
			return false
		}
		_, err = os.Lstat(p)
		return err == nil
	}
	s.MkdirAll = func(path string, mode os.FileMode) error {
		p, err := f.resolve(path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(p); err == nil {
			return os.MkdirAll(p, mode) // fails if p is not a directory
		}
		if err := os.MkdirAll(p, mode); err != nil {
			return err
		}
		return os.Chmod(p, mode)
	}
}

// NotRegularError reports that a path is not a regular file; reading it might never
// end.
type NotRegularError struct {
	Path string
	What model.Text
}

func (e *NotRegularError) Error() string {
	return e.AsText().String()
}

// AsText is the message.
func (e *NotRegularError) AsText() model.Text {
	return model.Say("path.not-regular", "file", e.Path, "what", e.What)
}

// OpenRegular opens a regular file for reading. It refuses a pipe, a device, a socket
// and a directory with a [*NotRegularError], without waiting for the other end of a
// pipe.
func OpenRegular(path string) (*os.File, error) { return open(path, false) }

// open is OpenRegular but accepts a pipe if pipe is set. Closing the file interrupts
// reading.
func open(path string, pipe bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, syscall.ENXIO) {
		return nil, &NotRegularError{path, model.Say("path.socket-or-device")} // a socket cannot be opened
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	what := kindOf(st.Mode())
	if what == "" || pipe && st.Mode()&fs.ModeNamedPipe != 0 {
		return f, nil
	}
	return nil, errors.Join(&NotRegularError{path, what}, f.Close())
}

// isDescriptor reports whether a path names an open file descriptor of the caller, as in
// process substitution of a shell. It may be a pipe.
func isDescriptor(path string) bool {
	path = filepath.Clean(path)
	for _, in := range []string{"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"} {
		if strings.HasPrefix(path, in) {
			return true
		}
	}
	return path == "/dev/stdin"
}

// resolve converts a path of the caller to one of this process.
func (f files) resolve(path string) (string, error) {
	if path == "" {
		return "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if !f.remote {
		return path, nil
	}
	if !filepath.IsAbs(path) {
		if !filepath.IsAbs(f.dir) {
			return "", model.Fail("path.no-directory", "file", path)
		}
		path = filepath.Join(f.dir, path)
	}
	return f.callerPath(filepath.Clean(path))
}

// callerPath converts names of the caller's own descriptors to entries of its process
// in /proc.
func (f files) callerPath(path string) (string, error) {
	proc := fmt.Sprintf("/proc/%d", f.pid)
	for from, to := range map[string]string{
		"/dev/stdin": proc + "/fd/0", "/dev/stdout": proc + "/fd/1", "/dev/stderr": proc + "/fd/2",
		"/dev/fd": proc + "/fd", "/proc/self": proc, "/proc/thread-self": proc, "/dev/tty": "",
	} {
		rest, ok := strings.CutPrefix(path, from)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		if f.pid == 0 || to == "" {
			return "", model.Fail("path.of-caller", "file", path)
		}
		return to + rest, nil
	}
	return path, nil
}

// noFiles refuses every path but "-", with a message of a code.
type noFiles struct{ code string }

func (n noFiles) bind(s *Session) {
	refuse := func(path string) error {
		return model.Fail(n.code, "file", path).Wrapping(ErrNoPath)
	}
	s.Open = func(path string) (io.ReadCloser, error) {
		if path == "-" {
			return io.NopCloser(s.In), nil
		}
		return nil, refuse(path)
	}
	s.Create = func(path string, _ os.FileMode) (File, error) {
		if path == "-" {
			return stdout{s.Out}, nil
		}
		return nil, refuse(path)
	}
	s.MkdirAll = func(path string, _ os.FileMode) error { return refuse(path) }
	s.Walk = func(_ context.Context, path string) ([]Found, error) { return nil, refuse(path) }
	s.CompletePath = func(string) []string { return nil }
	s.IsDir = func(string) bool { return false }
	s.Exists = func(string) bool { return false }
	s.Abs = func(path string) string { return path }
}

// stdout is the file "-" for writing.
type stdout struct{ io.Writer }

func (stdout) Close() error { return nil }
func (stdout) Abort() error { return nil }

// pendingFile is a file that has a temporary name until it is closed.
type pendingFile struct {
	f    *os.File
	path string
	err  error // the first error of Write
	done bool
}

// create starts replacing a regular file or link. It does not follow links and does not
// replace devices and pipes, such as /dev/null or a terminal.
func create(path string, mode os.FileMode) (File, error) {
	switch st, err := os.Stat(path); {
	case err == nil && st.IsDir():
		return nil, model.Fail("path.is-directory", "file", path)
	case err == nil && !st.Mode().IsRegular():
		return nil, model.Fail("path.special", "file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &pendingFile{f: f, path: path}, nil
}

func (c *pendingFile) Write(b []byte) (int, error) {
	n, err := c.f.Write(b)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

// Close syncs the file and renames it to its name.
func (c *pendingFile) Close() error {
	if c.done {
		return os.ErrClosed
	}
	if c.err != nil {
		return errors.Join(c.err, c.Abort())
	}
	if err := c.f.Sync(); err != nil {
		return errors.Join(err, c.Abort())
	}
	c.done = true
	if err := errors.Join(c.f.Close(), os.Rename(c.f.Name(), c.path)); err != nil {
		_ = os.Remove(c.f.Name())
		return err
	}
	if d, err := os.Open(filepath.Dir(c.path)); err == nil {
		_ = d.Sync() // not supported by every file system; the data itself is synced
		_ = d.Close()
	}
	return nil
}

func (c *pendingFile) Abort() error {
	if c.done {
		return nil
	}
	c.done = true
	return errors.Join(c.f.Close(), os.Remove(c.f.Name()))
}
