package cmd

import (
	"errors"
	"io/fs"
	"syscall"

	"certquay/cmd/out"
	"certquay/cmd/session"
)

// unread is wrong usage: a file that cannot be read, in plain words, and what
// to do about it.
func unread(path string, err error) error {
	var other *session.NotRegularError
	switch {
	case errors.As(err, &other):
		return out.Usage("usage.not-regular", "cause", other)
	case errors.Is(err, fs.ErrNotExist):
		return out.Usage("usage.no-file", "file", path)
	case errors.Is(err, fs.ErrPermission):
		return out.Usage("usage.not-readable", "file", path)
	case errors.Is(err, syscall.EISDIR):
		return out.Usage("usage.directory", "file", path)
	}
	return out.Usage("usage.unread", "file", path, "cause", err)
}
