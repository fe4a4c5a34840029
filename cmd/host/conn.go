package host

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// link is one connection and what it takes of the limits.
type link struct {
	net.Conn
	s       *Server
	network bool
	pid     int    // of the process at the other end of the socket
	source  string // the address it counts for; see [source]
	since   time.Time
	read    atomic.Int64 // bytes
	heard   atomic.Int64 // when the last of them came, in nanoseconds since 1970

	once   sync.Once
	unused *time.Timer

	mu       sync.Mutex
	channels int
	conn     gossh.Conn // once it had a session
	key      string     // once authenticated: the key's fingerprint
	greeted  bool       // the client's version was read (RFC 4253 section 4.2)
	counted  bool       // among those of a key
	refused  error      // authenticated, but there is no place
	closed   bool
}

type linkKey struct{}

// join is called for each new connection, before its handshake. Where too many
// shake hands, another one goes for it: the one that has sent least, of those
// the oldest, and of the address that has most. So neither silent connections
// nor one address keep anybody out.
func (s *Server) join(sc ssh.Context, c net.Conn, network bool, pid int) net.Conn {
	l := &link{Conn: c, s: s, network: network, pid: pid, since: time.Now()}
	l.heard.Store(l.since.UnixNano())
	first := s.limits.Handshake + s.limits.Unused
	if network {
		l.source, first = source(c.RemoteAddr()), s.limits.Greeting
	}
	l.mu.Lock() // the timer may fire at once
	l.unused = time.AfterFunc(first, func() { _ = l.Close() })
	l.mu.Unlock()
	s.mu.Lock()
	var victim *link
	switch {
	case s.leaving && network:
		s.mu.Unlock()
		l.unused.Stop()
		return nil
	case !network && s.attached >= s.limits.Attached:
		s.mu.Unlock()
		l.unused.Stop()
		s.log.Warn("attaching refused", "error", "too many connections to the socket")
		return nil
	case network:
		victim = s.room(l.source)
		s.pending[l] = struct{}{}
		s.perSource[l.source]++
	default:
		s.attached++
	}
	s.mu.Unlock()
	if victim != nil {
		s.sparing.log(s.log, slog.LevelWarn, "ssh connection dropped", "from", address(victim), "error", "too many handshakes at once")
		_ = victim.Close()
	}
	sc.SetValue(linkKey{}, l)
	return l
}

// room is who has to go so that one more from an address may shake hands, or
// nil. It is called with the lock held.
func (s *Server) room(from string) (victim *link) {
	switch {
	case s.perSource[from] >= s.limits.PerSource:
	case len(s.pending) >= s.limits.Handshakes:
		most := 0
		for a, n := range s.perSource {
			if n > most {
				from, most = a, n
			}
		}
	default:
		return nil
	}
	least := int64(0)
	for l := range s.pending {
		if l.source != from {
			continue
		}
		if n := l.read.Load(); victim == nil || n < least || n == least && l.since.Before(victim.since) {
			victim, least = l, n
		}
	}
	s.forget(victim)
	return victim
}

// forget takes a link from those that shake hands. It is called with the lock
// held, and does nothing when the link is not among them.
func (s *Server) forget(l *link) {
	if _, ok := s.pending[l]; !ok {
		return
	}
	delete(s.pending, l)
	if s.perSource[l.source]--; s.perSource[l.source] == 0 {
		delete(s.perSource, l.source)
	}
}

// source is what an address counts for: itself, or its network of 64 bits,
// which is what one holder of IPv6 addresses has at least.
func source(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return "unknown"
	}
	ip := t.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

// Read notes when something was heard, and that the client has said its
// version: until then it has less time.
func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 {
		l.heard.Store(time.Now().UnixNano())
		l.read.Add(int64(n))
		if l.network && !l.greeted && bytes.IndexByte(p[:n], '\n') >= 0 { // one goroutine reads
			l.greeted = true
			l.rest(l.s.limits.Handshake + l.s.limits.Unused)
		}
	}
	return n, err
}

// rest closes the connection after a time, unless it is used before.
func (l *link) rest(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.unused.Reset(d)
	}
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
			s.forget(l)
		default:
			s.conns--
			if delete(s.perKey[key], l); len(s.perKey[key]) == 0 {
				delete(s.perKey, key)
			}
		}
		s.touch()
	})
	return l.Conn.Close()
}

var (
	errFull    = errors.New("certquay is full: too many people are connected; try again later")
	errPerKey  = errors.New("certquay is full for this key: too many connections have it; close one")
	errClosing = errors.New("the connection is closed")
)

// authenticated moves a connection from those that still shake hands to those
// of a key. Where there is no place it stays among the former for as long as
// it takes to tell the person, who can be told once authenticated only.
func (l *link) authenticated(key string) error {
	full := l.settle(key)
	if errors.Is(full, errPerKey) && l.s.displace(key) {
		full = l.settle(key)
	}
	if errors.Is(full, errFull) || errors.Is(full, errPerKey) {
		l.s.log.Warn("ssh connection refused", "from", address(l), "key", key, "error", full)
		l.mu.Lock()
		l.refused = full
		l.mu.Unlock()
		l.rest(l.s.limits.Telling)
		return nil
	}
	return full
}

// settle counts a connection among those of its key, if there is a place.
func (l *link) settle(key string) error {
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
		return errFull
	case len(s.perKey[key]) >= s.limits.PerKey:
		return errPerKey
	}
	s.forget(l)
	s.conns++
	if s.perKey[key] == nil {
		s.perKey[key] = map[*link]struct{}{}
	}
	s.perKey[key][l] = struct{}{}
	l.key, l.counted = key, true
	return nil
}

// displace closes the connection of a key that was silent for longest, unless
// it answers: that of a computer which was put to sleep does not, and must not
// keep its owner out.
func (s *Server) displace(key string) bool {
	s.mu.Lock()
	var silent *link
	for l := range s.perKey[key] {
		if silent == nil || l.heard.Load() < silent.heard.Load() {
			silent = l
		}
	}
	s.mu.Unlock()
	if silent == nil {
		return true
	}
	silent.mu.Lock()
	conn := silent.conn
	silent.mu.Unlock()
	if conn == nil {
		if time.Since(time.Unix(0, silent.heard.Load())) < s.limits.Probe {
			return false // it is about to begin a session
		}
	} else if asked := ask(conn); asked != nil {
		late := time.NewTimer(s.limits.Probe)
		defer late.Stop()
		select {
		case err := <-asked:
			if err == nil {
				return false
			}
		case <-late.C:
		}
	}
	s.log.Info("ssh connection dropped", "from", address(silent), "key", key, "error", "it is silent, and another with this key came")
	_ = silent.Close()
	return true
}

// ask asks the client whether it is there; any answer will do. The channel has
// it once it came, or the error with which the connection ended.
func ask(conn gossh.Conn) <-chan error {
	asked := make(chan error, 1)
	go func() {
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		asked <- err
	}()
	return asked
}

// open counts a channel, or says why there is to be none.
func (l *link) open(ctx context.Context, conn gossh.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.refused != nil:
		return l.refused
	case l.channels >= l.s.limits.Channels:
		return errors.New("too many sessions in this connection")
	}
	l.channels++
	l.unused.Stop()
	if l.network && l.conn == nil {
		l.conn = conn
		go l.keepAlive(ctx, conn)
	}
	return nil
}

// done counts a channel that was closed.
func (l *link) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.channels--; l.channels == 0 && !l.closed {
		l.unused.Reset(l.s.limits.Unused)
	}
}

// keepAlive asks the client three times within the time it may be silent. Its
// answers keep the connection's deadline in the future; without them the
// connection is closed, even though writing still succeeds.
func (l *link) keepAlive(ctx context.Context, conn gossh.Conn) {
	every := l.s.limits.Silent / 3
	tick := time.NewTicker(every)
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
		late := time.AfterFunc(l.s.limits.Silent-every, func() { _ = conn.Close() })
		err := <-ask(conn)
		late.Stop()
		if err != nil {
			return
		}
	}
}
