package decode

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// limit takes from this process what it does not need, for good: hard limits
// are as low as soft ones, so that the kernel kills at once and without a core
// file.
//
// RLIMIT_DATA counts what is writable and private, which is the heap and not
// the address space that Go reserves; what the program has at this point is
// added, since that depends on how it was built.
func limit() error {
	for _, l := range []struct {
		resource int
		value    uint64
	}{
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_CPU, maxCPU},
		{syscall.RLIMIT_DATA, dataSize() + maxMemory},
		{syscall.RLIMIT_FSIZE, 0},
		{syscall.RLIMIT_NOFILE, 3}, // the three it has
	} {
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return err
		}
	}
	return nil
}

// dataSize is the VmData of /proc/self/status in bytes; where there is no
// /proc, more than a build without the race detector has.
func dataSize() uint64 {
	const otherwise = 64 << 20
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return otherwise
	}
	_, line, _ := bytes.Cut(status, []byte("\nVmData:"))
	line, _, _ = bytes.Cut(line, []byte(" kB"))
	n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 10, 40)
	if err != nil {
		return otherwise
	}
	return n << 10
}
