package child

import "golang.org/x/sys/unix"

// SetUndumpable prevents other processes of this user from tracing this one, whose
// memory contains keys, and the kernel from writing core dumps (prctl(2),
// PR_SET_DUMPABLE). The process can still read its own entries in /proc.
func SetUndumpable() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
