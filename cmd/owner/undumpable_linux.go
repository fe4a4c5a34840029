package owner

import "golang.org/x/sys/unix"

// SetUndumpable keeps other processes of this user from looking into this one, whose
// memory holds keys, and the kernel from writing it anywhere: it becomes not
// dumpable (prctl(2)). What it finds of itself in /proc stays within its reach.
func SetUndumpable() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
