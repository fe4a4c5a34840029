//go:build !linux

package decode

import "syscall"

// limit bounds time and files. Other systems do not count memory in a way that
// suits Go; there the processor time is what bounds a child.
func limit() error {
	for resource, l := range map[int]syscall.Rlimit{
		syscall.RLIMIT_CORE:   {},
		syscall.RLIMIT_CPU:    {Cur: maxCPU, Max: maxCPU},
		syscall.RLIMIT_FSIZE:  {},
		syscall.RLIMIT_NOFILE: {Cur: 3, Max: 3}, // the three it has
	} {
		if err := syscall.Setrlimit(resource, &l); err != nil {
			return err
		}
	}
	return nil
}
