package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"golang.org/x/sys/unix"
)

// Badger makes each of its files sparse and writes it through a shared memory
// map. A write to a page for which the disk has no block ends the process
// (SIGBUS), and Badger's goroutines, which write tables while memtables are
// flushed and tables are compacted, cannot recover from it. All of its maps are
// made by unix.Mmap, which calls the function that stands in this variable of
// package unix. It is replaced by one that allocates the blocks first, so that a
// full disk is an error of opening a file, which Badger reports or tries again.
//
// TestATableIsNotMappedWithoutBlocks fails if package unix no longer has it.
//
//go:linkname mapper golang.org/x/sys/unix.mapper
var mapper *struct {
	sync.Mutex
	active map[*byte][]byte
	mmap   func(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error)
	munmap func(addr uintptr, length uintptr) error
}

func init() {
	system := mapper.mmap
	mapper.mmap = func(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error) {
		if prot&unix.PROT_WRITE != 0 && flags&unix.MAP_SHARED != 0 {
			if err := fill(fd, offset, int64(length)); err != nil { //nolint:gosec // the length of a map fits
				return 0, err
			}
		}
		return system(addr, length, prot, flags, fd, offset)
	}
}

// retryAfter slows down what is tried again at once when the disk is full:
// Badger builds a table anew for each attempt.
const retryAfter = 2 * time.Second

// fill gives a part of a file blocks. A file system that allocates nothing in
// advance is not an error. A new file for which there is no room is removed,
// since Badger makes another at each attempt.
func fill(fd int, offset, length int64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Blocks*512 >= offset+length {
		return nil
	}
	err := fallocate(fd, offset, length)
	if errors.Is(err, unix.EOPNOTSUPP) || err == nil {
		return nil
	}
	name, linkErr := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if linkErr != nil || st.Blocks > 0 {
		return errors.Join(err, linkErr)
	}
	err = errors.Join(err, os.Remove(name))
	if filepath.Ext(name) == ".sst" {
		time.Sleep(retryAfter)
	}
	return err
}
