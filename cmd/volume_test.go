package cmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// long is how often a laboratory repeats something: n, or what an environment
// variable says, for the long runs that ROBUSTNESS.md names.
func long(t testing.TB, variable string, n int) int {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		return n
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", variable, v)
	}
	return n
}

// volume is a file system in a file, as a disk of its own.
type volume struct {
	file, dir string
}

// newVolume makes an ext4 file system of so many megabytes and mounts it. It
// skips the test where that is not allowed: it needs root, and a kernel with
// loop devices.
func newVolume(t testing.TB, mb int64) *volume {
	t.Helper()
	requireProgram(t, "mkfs.ext4")
	v := &volume{file: filepath.Join(imageDir(t), "volume"), dir: t.TempDir()}
	format(t, v.file, mb, "mkfs.ext4", "-q", "-m0")
	v.mount(t)
	return v
}

// imageDir is a directory for the files of volumes: on a file system that
// copies a file in one moment, where the kernel and the programs have one.
func imageDir(t testing.TB) string {
	t.Helper()
	v := &volume{file: filepath.Join(t.TempDir(), "images"), dir: t.TempDir()}
	known, _ := os.ReadFile("/proc/filesystems")
	if !slices.Contains(strings.Fields(string(known)), "xfs") {
		return v.dir
	}
	requireProgram(t, "mkfs.xfs")
	format(t, v.file, 4096, "mkfs.xfs", "-q")
	v.mount(t)
	return v.dir
}

func format(t testing.TB, file string, mb int64, args ...string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, mb<<20)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(args[0], append(args[1:], file)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", args[0], err, out)
	}
}

// mount mounts the volume until the test ends or [volume.unmount] is called.
func (v *volume) mount(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system of its own needs root")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skipf("this kernel has no loop devices: %v", err)
	}
	if out, err := exec.Command("mount", "-o", "loop", v.file, v.dir).CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("permission denied")) || bytes.Contains(out, []byte("not permitted")) {
			t.Skipf("this kernel refuses to mount: %s", out)
		}
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = syscall.Unmount(v.dir, syscall.MNT_DETACH) })
}

func (v *volume) unmount(t testing.TB) {
	t.Helper()
	if err := syscall.Unmount(v.dir, 0); err != nil {
		t.Fatal(err)
	}
}

// image copies what the disk holds at one moment, as it is found after a loss
// of power: what the file system has not written by then is not in it.
func (v *volume) image(t testing.TB, to string) {
	t.Helper()
	from, err := os.Open(v.file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := unix.IoctlFileClone(int(f.Fd()), int(from.Fd())); err == nil {
		return
	}
	// A copy takes a while. It is of one moment if nothing was written to the
	// disk meanwhile.
	for range 200 {
		before := v.ioStatus(t)
		if err := copyData(f, from); err != nil {
			t.Fatal(err)
		}
		if v.ioStatus(t) == before {
			return
		}
	}
	t.Fatal("the disk was never still for as long as a copy takes; install mkfs.xfs, whose files are copied in one moment")
}

// ioStatus describes how much was written to the disk and how much is pending.
func (v *volume) ioStatus(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("losetup", "--noheadings", "--output", "NAME", "-j", v.file).Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(strings.TrimSpace(string(out))), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b))
	return strings.Join(append(f[4:7:7], f[8]), " ")
}

// copyData makes to a copy of from, including holes.
func copyData(to, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if err := errors.Join(to.Truncate(0), to.Truncate(info.Size())); err != nil {
		return err
	}
	for at := int64(0); ; {
		begin, err := from.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, syscall.ENXIO) {
			return nil
		}
		if err != nil {
			return err
		}
		end, err := from.Seek(begin, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(to, begin), io.NewSectionReader(from, begin, end-begin)); err != nil {
			return err
		}
		at = end
	}
}

// free returns the free space at a directory in bytes.
func free(dir string) (int64, error) {
	var st syscall.Statfs_t
	err := syscall.Statfs(dir, &st)
	return int64(st.Bavail) * st.Bsize, err
}

// grab extends a file until only some bytes are free.
func grab(f *os.File, dir string, but int64) error {
	for step := int64(1 << 40); step >= 4096; {
		n, err := free(dir)
		if err != nil {
			return err
		}
		if step = min(step, n-but); step < 4096 {
			return nil
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		switch err := syscall.Fallocate(int(f.Fd()), 0, info.Size(), step); {
		case errors.Is(err, syscall.ENOSPC):
			step /= 2
		case err != nil:
			return fmt.Errorf("take the space of %s: %w", dir, err)
		}
	}
	return nil
}
