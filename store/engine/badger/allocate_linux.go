package badger

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func fallocate(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size) //nolint:gosec // a file descriptor fits
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
