package app

import (
	"errors"
	"io/fs"
	"syscall"
)

// fileCauses are the reasons why a file cannot be used, with what to do. Each text
// takes the path.
var fileCauses = []struct {
	is  error
	key string
}{
	{fs.ErrNotExist, "file.missing"}, {fs.ErrPermission, "file.denied"}, {syscall.EISDIR, "file.directory"},
	{syscall.ENOTDIR, "file.notdirectory"}, {syscall.ENOSPC, "file.full"}, {syscall.EROFS, "file.readonly"},
}

// FormatFileError returns why a file could not be read or written, and what to do;
// other errors are formatted as usual.
func (c *Context) FormatFileError(path string, err error) string {
	for _, k := range fileCauses {
		if errors.Is(err, k.is) {
			return c.T(k.key, path)
		}
	}
	return c.FormatError(err)
}
