package cmd

import (
	"errors"
	"io/fs"
	"syscall"

	"certquay/cmd/session"
)

// unread is wrong usage: a file that cannot be read, in plain words, and what
// to do about it.
func unread(path string, err error) error {
	const name = "name a file that can be read, or - for standard input"
	var other *session.NotRegularError
	switch {
	case errors.As(err, &other):
		return &usageError{other.Error(), name}
	case errors.Is(err, fs.ErrNotExist):
		return &usageError{"there is no file " + path, "check the path, or give - for standard input"}
	case errors.Is(err, fs.ErrPermission):
		return &usageError{"you may not read " + path, "look at its permissions, or " + name}
	case errors.Is(err, syscall.EISDIR):
		return &usageError{path + " is a directory", name}
	}
	return &usageError{"cannot read " + path + ": " + err.Error(), name}
}
