package badger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"certquay/store/engine"
)

// allocated is how many bytes of a file have blocks.
func allocated(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// A write to a sparse file for which the disk has no room would end the
// process: each log that is written to has its blocks before.
//
// finding: R-H8
func TestLogsHaveTheirBlocksBeforeTheyAreWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	e := open(t, dir, true)
	defer e.Close()
	const room = 20 << 20
	seen := map[string]bool{}
	for n := range 60 { // 60 MB, so that the log changes a few times
		var b engine.Batch
		b.Put(fmt.Sprintf("%04d", n), make([]byte, 1000<<10))
		if err := e.Apply(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "*.mem"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil {
				continue // written into a table meanwhile
			}
			if info.Size() > 0 && !seen[name] {
				seen[name] = true
				if got := allocated(t, name); got < room {
					t.Errorf("%s: %d bytes of at least %d have blocks", filepath.Base(name), got, int64(room))
				}
			}
		}
	}
	if len(seen) < 3 {
		t.Errorf("only %d logs were used, so that little was tested", len(seen))
	}
	if got := allocated(t, filepath.Join(dir, "DISCARD")); got < 1<<20 {
		t.Errorf("DISCARD: %d bytes have blocks", got)
	}
}

// mapped maps a new sparse file of this size as Badger maps its tables.
func mapped(t *testing.T, name string, size int) error {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(size)); err != nil {
		t.Fatal(err)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		err = unix.Munmap(data)
	}
	return err
}

// finding: R-H8
func TestATableIsNotMappedWithoutBlocks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "000001.sst")
	if err := mapped(t, name, 4<<20); err != nil {
		t.Fatal(err)
	}
	if got := allocated(t, name); got < 4<<20 {
		t.Errorf("%d of %d bytes have blocks", got, 4<<20)
	}
	t.Run("full", func(t *testing.T) {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); errors.Is(err, unix.EPERM) {
			t.Skip("the kernel refuses to mount:", err)
		} else if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
		if err := mapped(t, filepath.Join(dir, "00001.mem"), 4<<20); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("a log without blocks: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- mapped(t, filepath.Join(dir, "000001.sst"), 4<<20) }()
		select {
		case err := <-done:
			t.Fatalf("a table without blocks: %v", err)
		case <-time.After(time.Second):
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=64m"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("once there is room: %v", err)
		}
	})
}
