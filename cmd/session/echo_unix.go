//go:build unix

package session

import "golang.org/x/sys/unix"

type noEcho struct {
	fd  int
	was unix.Termios
}

func startNoEcho(fd int) (*noEcho, error) {
	t, err := unix.IoctlGetTermios(fd, ioctlGet)
	if err != nil {
		return nil, err
	}
	n := &noEcho{fd: fd, was: *t}
	t.Lflag &^= unix.ECHO
	return n, unix.IoctlSetTermios(fd, ioctlSet, t)
}

func (n *noEcho) stop() error {
	if n == nil {
		return nil
	}
	return unix.IoctlSetTermios(n.fd, ioctlSet, &n.was)
}
