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

// Badger creates sparse files and writes them through shared memory maps. A write to a
// page without a disk block kills the process (SIGBUS), and Badger's goroutines, which
// write tables when memtables are flushed and tables compacted, cannot recover from it.
// All maps are made by unix.Mmap, which calls the function in this variable of package
// unix. It is replaced by one that allocates the blocks first, so that opening a log
// fails on a full disk, and creating a table waits for space.
//
// TestATableIsNotMappedWithoutBlocks fails if package unix no longer has this variable.
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
			if err := allocateMapped(fd, offset, int64(length)); err != nil {
				return 0, err
			}
		}
		return system(addr, length, prot, flags, fd, offset)
	}
}

const (
	// tableMargin is the free space that is kept when a table is created, so that
	// creating the next one does not fail either.
	tableMargin = 16 << 20
	// lookAgain is the interval at which a table that waits for space checks for it.
	lookAgain = 500 * time.Millisecond
)

// allocateMapped allocates the blocks of a part of a file. It does nothing on a file system
// without preallocation.
//
// For a table it waits until there is space: during compaction, Badger ignores the
// error of creating a table and then deletes the tables it was made from, so returning
// an error would lose data.
func allocateMapped(fd int, offset, length int64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Blocks*512 >= offset+length {
		return nil
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	table := filepath.Ext(name) == ".sst" || err != nil // if unsure, waiting is safe
	for {
		err := checkRoom(fd, table)
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

// checkRoom returns an error if creating a table would leave less than the margin.
func checkRoom(fd int, table bool) error {
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
