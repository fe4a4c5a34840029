package badger

import (
	"errors"

	"golang.org/x/sys/unix"
)

// fallocate allocates the blocks of a part of a file without changing its size.
func fallocate(fd int, offset, length int64) error {
	for {
		err := unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, offset, length)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
