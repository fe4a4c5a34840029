package sshd

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"charm.land/ssh"
	"charm.land/wish/v2"
	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/sshd/wire"
	"certquay/model"
)

// maxSocketPath is how long a path may be to be used as it is; the kernel
// takes 108 bytes with the final zero, other systems 104.
const maxSocketPath = 100

// ListenSocket listens on a unix socket with mode 0600 in a data directory
// that nobody else may enter. A path of any length will do. Closing the
// listener leaves the file, which whoever holds the lock on the directory
// removes.
func ListenSocket(path string) (net.Listener, error) {
	at, done, err := ShortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, model.Fail("socket.listen", "path", path, "cause", err)
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// ShortPath gives a path by which a socket can be bound or reached however
// long its own is: through the descriptor of its directory. It is valid until
// done is called.
func ShortPath(path string) (short string, done func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	short = fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), filepath.Base(path))
	return short, func() { _ = d.Close() }, nil
}

// NewHostKey makes an Ed25519 key that lives as long as the process.
func NewHostKey() (gossh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return gossh.NewSignerFromKey(key)
}

// ServeSocket serves processes of the same user until ctx ends or Close is
// called, and then returns nil. Who comes is known from the kernel
// (SO_PEERCRED), so there is nothing to authenticate; every other user is
// turned away before the first byte.
func (s *Server) ServeSocket(ctx context.Context, l net.Listener) error {
	signer, err := NewHostKey()
	if err != nil {
		return err
	}
	srv, err := wish.NewServer(
		s.base(ctx, &endpoint{}),
		hostKey(signer),
		wish.WithVersion(wire.Ident(s.version)),
		func(srv *ssh.Server) error {
			srv.ServerConfigCallback = func(ssh.Context) *gossh.ServerConfig {
				c := &gossh.ServerConfig{NoClientAuth: true}
				wire.SetCiphers(&c.Config)
				return c
			}
			srv.ConnCallback = func(sc ssh.Context, c net.Conn) net.Conn {
				pid, err := SameUser(c)
				if err != nil {
					s.log.Warn("attaching refused", "error", err)
					return nil
				}
				return s.accept(sc, c, false, pid)
			}
			return nil
		},
	)
	if err != nil {
		return err
	}
	return s.serve(ctx, srv, l)
}

func hostKey(k gossh.Signer) ssh.Option {
	return func(srv *ssh.Server) error {
		srv.AddHostKey(k)
		return nil
	}
}

// ErrOtherUser is returned, wrapped, for a peer that is another user.
var ErrOtherUser = errors.New("another user")

// SameUser checks that the process at the other end of a unix socket runs as
// this process's user, and returns its number, 0 where the system does not
// tell. It fails when that cannot be known.
func SameUser(c net.Conn) (pid int, err error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("%T is no unix socket", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var uid int
	var inner error
	if err := raw.Control(func(fd uintptr) { uid, pid, inner = peer(fd) }); err != nil {
		return 0, err
	}
	if inner != nil {
		return 0, model.Fail("socket.peer", "cause", inner)
	}
	return pid, sameUser(uid)
}

func sameUser(uid int) error {
	if me := os.Geteuid(); uid != me {
		return model.Fail("socket.other-user", "uid", uid, "me", me).Wrapping(ErrOtherUser)
	}
	return nil
}
