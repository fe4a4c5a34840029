package engine

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"certquay/model"
)

// ReadPassword returns the first line of a regular file that only its owner can read.
func ReadPassword(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block
	if err != nil {
		return "", model.Fail("database.password-file", "file", name, "cause", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", model.Fail("database.password-file", "file", name, "cause", err)
	case !info.Mode().IsRegular():
		return "", model.Fail("database.password-irregular", "file", name)
	case info.Mode().Perm()&0o077 != 0:
		return "", model.Fail("database.password-exposed", "file", name, "mode", info.Mode().Perm())
	}
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", model.Fail("database.password-file", "file", name, "cause", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
