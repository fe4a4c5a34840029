package sshd

import "golang.org/x/sys/unix"

// peer returns the user and process at the other end of a unix socket (LOCAL_PEERCRED,
// unix(4)).
func peer(fd uintptr) (uid, pid int, err error) {
	c, err := unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	return int(c.Uid), 0, nil
}
