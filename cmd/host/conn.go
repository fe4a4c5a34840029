package host

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// link is one connection and what it takes of the limits.
type link struct {
	net.Conn
	s       *Server
	network bool
	pid     int // of the process at the other end of the socket

	once   sync.Once
	unused *time.Timer

	mu       sync.Mutex
	channels int
	alive    bool   // the keep-alive runs
	key      string // once authenticated: the key's fingerprint
	counted  bool
	closed   bool
}

type linkKey struct{}

// join is called for each new connection, before its handshake.
func (s *Server) join(sc ssh.Context, c net.Conn, network bool, pid int) net.Conn {
	l := &link{Conn: c, s: s, network: network, pid: pid}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.leaving && network:
		return nil
	case network && s.pending >= s.limits.Handshakes:
		s.log.Warn("ssh connection refused", "from", address(c), "error", "too many handshakes at once")
		return nil
	case !network && s.attached >= s.limits.Attached:
		s.log.Warn("attaching refused", "error", "too many connections to the socket")
		return nil
	case network:
		s.pending++
	default:
		s.attached++
	}
	l.mu.Lock() // the timer may fire at once
	l.unused = time.AfterFunc(s.limits.Handshake+s.limits.Unused, func() { _ = l.Close() })
	l.mu.Unlock()
	sc.SetValue(linkKey{}, l)
	return l
}

// Close gives back what the connection took.
func (l *link) Close() error {
	l.once.Do(func() {
		l.mu.Lock()
		l.unused.Stop()
		key, counted := l.key, l.counted
		l.closed = true
		l.mu.Unlock()
		s := l.s
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case !l.network:
			s.attached--
		case !counted:
			s.pending--
		default:
			s.conns--
			if s.perKey[key]--; s.perKey[key] == 0 {
				delete(s.perKey, key)
			}
		}
		s.touch()
	})
	return l.Conn.Close()
}

var (
	errFull    = errors.New("too many connections")
	errPerKey  = errors.New("too many connections with this key")
	errClosing = errors.New("the connection is closed")
)

// authenticated moves a connection from those that still shake hands to those
// of a key.
func (l *link) authenticated(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case l.closed:
		return errClosing
	case l.counted:
		return errors.New("authenticated twice")
	case s.conns >= s.limits.Connections:
		return &gossh.BannerError{Err: errFull, Message: "certquay: too many connections; try again later\r\n"}
	case s.perKey[key] >= s.limits.PerKey:
		return &gossh.BannerError{Err: errPerKey, Message: "certquay: too many connections with this key; close one\r\n"}
	}
	s.pending--
	s.conns++
	s.perKey[key]++
	l.key, l.counted = key, true
	return nil
}

// open counts a channel; ok is false when the connection has too many.
func (l *link) open(ctx context.Context, conn gossh.Conn) (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.channels >= l.s.limits.Channels {
		return false
	}
	l.channels++
	l.unused.Stop()
	if l.network && !l.alive {
		l.alive = true
		go l.keepAlive(ctx, conn)
	}
	return true
}

// done counts a channel that was closed.
func (l *link) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.channels--; l.channels == 0 && !l.closed {
		l.unused.Reset(l.s.limits.Unused)
	}
}

// keepAlive asks the client four times within the time it may be silent. Its
// answers keep the connection's deadline in the future; without them the
// connection is closed, even though writing still succeeds.
func (l *link) keepAlive(ctx context.Context, conn gossh.Conn) {
	tick := time.NewTicker(l.s.limits.Silent / 4)
	defer tick.Stop()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = conn.Wait()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-gone:
			return
		case <-tick.C:
		}
		late := time.AfterFunc(l.s.limits.Silent, func() { _ = conn.Close() })
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}
