package sshd

import "golang.org/x/sys/unix"

// peer returns the user and process at the other end of a unix socket (SO_PEERCRED,
// unix(7)).
func peer(fd uintptr) (uid, pid int, err error) {
	c, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	return int(c.Uid), int(c.Pid), nil
}
