package badger

import (
	"errors"

	"golang.org/x/sys/unix"
)

// fallocate gives a part of a file blocks without changing the file's size.
func fallocate(fd int, offset, length int64) error {
	for {
		err := unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, offset, length)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
