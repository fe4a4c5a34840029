//go:build !linux && !darwin

package sshd

import "errors"

// peer always fails, so no process can attach on this system.
func peer(uintptr) (uid, pid int, err error) {
	return 0, 0, errors.New("this system does not tell")
}
