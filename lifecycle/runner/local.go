package runner

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"certquay/model"
)

// Local is this machine, with the rights of the user that certquay runs as. The zero value
// is ready for use.
type Local struct{}

var _ Runner = Local{}

// Name returns "local".
func (Local) Name() string { return localName }

const localName = "local"

// Close does nothing.
func (Local) Close() error { return nil }

// Dial connects to an address.
func (Local) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// ReadFile reads a regular file of at most limit bytes.
func (Local) ReadFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	if err := check(ctx, "open", path); err != nil {
		return nil, err
	}
	// Opening a pipe would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, model.Fail("runner.no-file", "path", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = model.Fail("runner.too-long", "path", path, "limit", limit)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Stat describes what path leads to.
func (Local) Stat(ctx context.Context, path string) (FileInfo, error) {
	return describe(ctx, path, os.Stat)
}

// Lstat describes path itself.
func (Local) Lstat(ctx context.Context, path string) (FileInfo, error) {
	return describe(ctx, path, os.Lstat)
}

func describe(ctx context.Context, path string, stat func(string) (fs.FileInfo, error)) (FileInfo, error) {
	if err := check(ctx, "stat", path); err != nil {
		return FileInfo{}, err
	}
	info, err := stat(path)
	if err != nil {
		return FileInfo{}, err
	}
	return fileInfo(info), nil
}

func fileInfo(info fs.FileInfo) FileInfo {
	f := FileInfo{Name: info.Name(), Size: info.Size(), Mode: info.Mode(), ModTime: info.ModTime().Truncate(time.Second)}
	if s, is := info.Sys().(*syscall.Stat_t); is {
		f.UID, f.GID = int(s.Uid), int(s.Gid)
	}
	return f
}

// Readlink returns where a link leads.
func (Local) Readlink(ctx context.Context, path string) (string, error) {
	if err := check(ctx, "readlink", path); err != nil {
		return "", err
	}
	return os.Readlink(path)
}

// ReadDir lists a directory by name. Entries that vanish meanwhile are left out.
func (Local) ReadDir(ctx context.Context, path string) ([]FileInfo, error) {
	if err := check(ctx, "open", path); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	all := make([]FileInfo, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, fileInfo(info))
	}
	return all, nil
}

// WriteFile writes a file atomically.
func (Local) WriteFile(ctx context.Context, path string, data []byte, a Attributes) error {
	if err := check(ctx, "write", path); err != nil {
		return err
	}
	return replace(path, func(temporary string) error {
		f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		// Owner before permissions and both before the content: nobody else sees it.
		if a.Owner != nil {
			err = f.Chown(a.Owner.UID, a.Owner.GID)
		}
		if err == nil {
			err = f.Chmod(a.Mode.Perm())
		}
		if err == nil {
			_, err = f.Write(data)
		}
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
		if err == nil && !a.ModTime.IsZero() {
			_ = os.Chtimes(temporary, time.Time{}, a.ModTime.Truncate(time.Second)) // some file systems have no times
		}
		return err
	})
}

// Symlink makes path a link to target.
func (Local) Symlink(ctx context.Context, target, path string) error {
	if err := check(ctx, "symlink", path); err != nil {
		return err
	}
	return replace(path, func(temporary string) error { return os.Symlink(target, temporary) })
}

// replace makes a temporary entry beside path, renames it to path and syncs the directory.
func replace(path string, makeEntry func(temporary string) error) error {
	dir, base := filepath.Split(path)
	removeAbandoned(dir, base)
	temporary := temporaryPath(path)
	err := makeEntry(temporary)
	if errors.Is(err, fs.ErrExist) {
		return err // somebody else's
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return about(path, err)
	}
	return syncDir(dir)
}

// about names path in an error in place of the temporary entry beside it.
func about(path string, err error) error {
	var failed *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &failed):
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
	case errors.As(err, &link):
		return &fs.PathError{Op: link.Op, Path: path, Err: link.Err}
	}
	return err
}

// removeAbandoned removes temporary entries of base that a killed process left. Errors are
// left to the write that follows, which meets them too if they matter.
func removeAbandoned(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), temporaryPrefix(base)) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandonedAfter {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// Rename renames and syncs both directories.
func (Local) Rename(ctx context.Context, oldPath, newPath string) error {
	if err := errors.Join(check(ctx, "rename", oldPath), check(ctx, "rename", newPath)); err != nil {
		return err
	}
	if err := os.Rename(oldPath, newPath); err != nil {
		return err
	}
	from, to := filepath.Dir(oldPath), filepath.Dir(newPath)
	err := syncDir(to)
	if from != to {
		err = errors.Join(err, syncDir(from))
	}
	return err
}

// Remove removes a file, a link or an empty directory, and syncs the directory.
func (Local) Remove(ctx context.Context, path string) error {
	if err := check(ctx, "remove", path); err != nil {
		return err
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// MkdirAll makes a directory and those of its parents that are missing, all with the
// attributes given.
func (l Local) MkdirAll(ctx context.Context, path string, a Attributes) error {
	if err := check(ctx, "mkdir", path); err != nil {
		return err
	}
	var missing []string
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		if err := mkdir(dir, a); err != nil {
			return err
		}
	}
	return nil
}

func mkdir(dir string, a Attributes) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil // made by somebody else meanwhile
	}
	if err == nil && a.Owner != nil {
		err = os.Chown(dir, a.Owner.UID, a.Owner.GID)
	}
	if err == nil {
		err = os.Chmod(dir, a.Mode.Perm())
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // some file systems cannot sync a directory
	}
	return errors.Join(err, f.Close())
}
