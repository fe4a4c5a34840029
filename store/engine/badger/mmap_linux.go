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
// package unix. It is replaced by one that allocates the blocks first, so that
// opening a log fails on a full disk, and a table waits for room.
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
			if err := fill(fd, offset, int64(length)); err != nil {
				return 0, err
			}
		}
		return system(addr, length, prot, flags, fd, offset)
	}
}

const (
	// tableMargin is how much stays free when a table is made, so that making
	// the file of the next one does not fail either.
	tableMargin = 16 << 20
	// lookAgain is how often a table for which there is no room looks again.
	lookAgain = 500 * time.Millisecond
)

// fill gives a part of a file blocks. A file system that allocates nothing in
// advance is not an error.
//
// A table waits until there is room. Badger, while it compacts, takes no notice
// of a table that could not be made and then deletes those it was made from, so
// that an error here would lose what is in them.
func fill(fd int, offset, length int64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Blocks*512 >= offset+length {
		return nil
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	table := filepath.Ext(name) == ".sst" || err != nil // to wait is the safe choice
	for {
		err := roomFor(fd, table)
		if err == nil {
			err = fallocate(fd, offset, length)
		}
		switch {
		case errors.Is(err, unix.EOPNOTSUPP):
			return nil
		case err == nil || !table:
			return err
		}
		time.Sleep(lookAgain)
	}
}

// roomFor fails where making a table would leave less than the margin.
func roomFor(fd int, table bool) error {
	var fs unix.Statfs_t
	if !table {
		return nil
	}
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	if fs.Bavail*uint64(fs.Bsize) < tableMargin {
		return unix.ENOSPC
	}
	return nil
}
