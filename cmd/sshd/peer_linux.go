package sshd

import "golang.org/x/sys/unix"

// peer asks who connected a unix socket (SO_PEERCRED, unix(7)).
func peer(fd uintptr) (uid, pid int, err error) {
	c, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	return int(c.Uid), int(c.Pid), nil
}
