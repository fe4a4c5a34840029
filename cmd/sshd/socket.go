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

// maxSocketPath is the longest path that is used directly. The kernel accepts 108 bytes
// with the final zero, other systems 104.
const maxSocketPath = 100

// ListenSocket listens on a unix socket with mode 0600. The directory must be private.
// The path can have any length. Closing the listener does not remove the file; the
// holder of the lock on the directory does.
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

// ShortPath returns a path of limited length for a socket, through the descriptor of
// its directory. It is valid until done is called.
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

// NewHostKey returns a new Ed25519 key that is not stored.
func NewHostKey() (gossh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return gossh.NewSignerFromKey(key)
}

// ServeSocket serves processes of the same user until ctx ends or Close is called, and
// then returns nil. The kernel identifies the peer (SO_PEERCRED), so there is no
// authentication; connections of other users are closed before the first byte.
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

// ErrOtherUser is returned, wrapped, for a peer of another user.
var ErrOtherUser = errors.New("another user")

// SameUser checks that the process at the other end of a unix socket runs as the same
// user, and returns its PID, or 0 if unknown. It fails if the user cannot be
// determined.
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
