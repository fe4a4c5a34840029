package badger

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"golang.org/x/sys/unix"
)

// releaseTables drops the pages of all tables from the memory of this process; they stay in
// the cache of the kernel.
//
// This must not meet a table that is unmapped meanwhile, because its addresses may then
// belong to something else. An iterator over everything keeps all tables of the moment it
// begins: those are listed before and after.
func (e *Engine) releaseTables() error {
	ownMaps.Lock()
	defer ownMaps.Unlock()
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	before, kept := map[uint64]bool{}, map[string]bool{}
	for _, t := range e.db.Tables() {
		before[t.ID] = true
	}
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for _, t := range e.db.Tables() {
		kept[table.IDToFilename(t.ID)] = before[t.ID]
	}
	dir, err := filepath.Abs(e.dir)
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer func() { _ = maps.Close() }()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		at := strings.IndexByte(lines.Text(), '/')
		if at < 0 {
			continue
		}
		path := lines.Text()[at:]
		if filepath.Dir(path) != dir || !kept[filepath.Base(path)] {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); err != nil {
			return err
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); errno != 0 {
			return errno
		}
	}
	return nil
}
