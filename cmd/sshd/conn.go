package sshd

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

// conn is one connection and what it takes of the limits.
type conn struct {
	net.Conn
	s        *Server
	network  bool
	pid      int    // of the process at the other end of the socket
	source   string // the address it counts for; see [source]
	since    time.Time
	read     atomic.Int64 // bytes
	lastRead atomic.Int64 // when the last of them came, in nanoseconds since 1970

	once      sync.Once
	idleTimer *time.Timer

	mu       sync.Mutex
	channels int
	conn     gossh.Conn // once it had a session
	key      string     // once authenticated: the key's fingerprint
	greeted  bool       // the client's version was read (RFC 4253 section 4.2)
	counted  bool       // among those of a key
	refused  error      // authenticated, but there is no place
	closed   bool
}

type connKey struct{}

// accept is called for each new connection, before its handshake. Where too many
// shake hands, another one goes for it: the one that has sent least, of those
// the oldest, and of the address that has most. So neither silent connections
// nor one address keep anybody out.
func (s *Server) accept(sc ssh.Context, raw net.Conn, network bool, pid int) net.Conn {
	c := &conn{Conn: raw, s: s, network: network, pid: pid, since: time.Now()}
	c.lastRead.Store(c.since.UnixNano())
	first := s.limits.Handshake + s.limits.NoSession
	if network {
		c.source, first = source(raw.RemoteAddr()), s.limits.Greeting
	}
	c.mu.Lock() // the timer may fire at once
	c.idleTimer = time.AfterFunc(first, func() { _ = c.Close() })
	c.mu.Unlock()
	s.mu.Lock()
	var victim *conn
	switch {
	case s.leaving && network:
		s.mu.Unlock()
		c.idleTimer.Stop()
		return nil
	case !network && s.attached >= s.limits.Attached:
		s.mu.Unlock()
		c.idleTimer.Stop()
		s.log.Warn("attaching refused", "error", "too many connections to the socket")
		return nil
	case network:
		victim = s.evict(c.source)
		s.pending[c] = struct{}{}
		s.perSource[c.source]++
	default:
		s.attached++
	}
	s.mu.Unlock()
	if victim != nil {
		s.limitedLog.log(s.log, slog.LevelWarn, "ssh connection dropped", "from", address(victim), "error", "too many handshakes at once")
		_ = victim.Close()
	}
	sc.SetValue(connKey{}, c)
	return c
}

// evict is who has to go so that one more from an address may shake hands, or
// nil. It is called with the lock held.
func (s *Server) evict(from string) (victim *conn) {
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
	for c := range s.pending {
		if c.source != from {
			continue
		}
		if n := c.read.Load(); victim == nil || n < least || n == least && c.since.Before(victim.since) {
			victim, least = c, n
		}
	}
	s.removePending(victim)
	return victim
}

// removePending takes a link from those that shake hands. It is called with the lock
// held, and does nothing when the link is not among them.
func (s *Server) removePending(c *conn) {
	if _, ok := s.pending[c]; !ok {
		return
	}
	delete(s.pending, c)
	if s.perSource[c.source]--; s.perSource[c.source] == 0 {
		delete(s.perSource, c.source)
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
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.lastRead.Store(time.Now().UnixNano())
		c.read.Add(int64(n))
		if c.network && !c.greeted && bytes.IndexByte(p[:n], '\n') >= 0 { // one goroutine reads
			c.greeted = true
			c.closeAfter(c.s.limits.Handshake + c.s.limits.NoSession)
		}
	}
	return n, err
}

// closeAfter closes the connection after a time, unless it is used before.
func (c *conn) closeAfter(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.idleTimer.Reset(d)
	}
}

// Close gives back what the connection took.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		c.idleTimer.Stop()
		key, counted := c.key, c.counted
		c.closed = true
		c.mu.Unlock()
		s := c.s
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case !c.network:
			s.attached--
		case !counted:
			s.removePending(c)
		default:
			s.conns--
			if delete(s.perKey[key], c); len(s.perKey[key]) == 0 {
				delete(s.perKey, key)
			}
		}
		s.notify()
	})
	return c.Conn.Close()
}

var (
	errFull    = errors.New("certquay is full: too many people are connected; try again later")
	errPerKey  = errors.New("certquay is full for this key: too many connections have it; close one")
	errClosing = errors.New("the connection is closed")
)

// authenticated moves a connection from those that still shake hands to those
// of a key. Where there is no place it stays among the former for as long as
// it takes to tell the person, who can be told once authenticated only.
func (c *conn) authenticated(key string) error {
	full := c.register(key)
	if errors.Is(full, errPerKey) && c.s.evictSilent(key) {
		full = c.register(key)
	}
	if errors.Is(full, errFull) || errors.Is(full, errPerKey) {
		c.s.log.Warn("ssh connection refused", "from", address(c), "key", key, "error", full)
		c.mu.Lock()
		c.refused = full
		c.mu.Unlock()
		c.closeAfter(c.s.limits.Refusal)
		return nil
	}
	return full
}

// register counts a connection among those of its key, if there is a place.
func (c *conn) register(key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.closed:
		return errClosing
	case c.counted:
		return errors.New("authenticated twice")
	case s.conns >= s.limits.Connections:
		return errFull
	case len(s.perKey[key]) >= s.limits.PerKey:
		return errPerKey
	}
	s.removePending(c)
	s.conns++
	if s.perKey[key] == nil {
		s.perKey[key] = map[*conn]struct{}{}
	}
	s.perKey[key][c] = struct{}{}
	c.key, c.counted = key, true
	return nil
}

// evictSilent closes the connection of a key that was silent for longest, unless
// it answers: that of a computer which was put to sleep does not, and must not
// keep its owner out.
func (s *Server) evictSilent(key string) bool {
	s.mu.Lock()
	var silent *conn
	for c := range s.perKey[key] {
		if silent == nil || c.lastRead.Load() < silent.lastRead.Load() {
			silent = c
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
		if time.Since(time.Unix(0, silent.lastRead.Load())) < s.limits.Probe {
			return false // it is about to begin a session
		}
	} else if asked := ping(conn); asked != nil {
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

// ping asks the client whether it is there; any answer will do. The channel has
// it once it came, or the error with which the connection ended.
func ping(conn gossh.Conn) <-chan error {
	asked := make(chan error, 1)
	go func() {
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		asked <- err
	}()
	return asked
}

// addChannel counts a channel, or says why there is to be none.
func (c *conn) addChannel(ctx context.Context, conn gossh.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.refused != nil:
		return c.refused
	case c.channels >= c.s.limits.Channels:
		return errors.New("too many sessions in this connection")
	}
	c.channels++
	c.idleTimer.Stop()
	if c.network && c.conn == nil {
		c.conn = conn
		go c.keepAlive(ctx, conn)
	}
	return nil
}

// removeChannel counts a channel that was closed.
func (c *conn) removeChannel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels--; c.channels == 0 && !c.closed {
		c.idleTimer.Reset(c.s.limits.NoSession)
	}
}

// keepAlive asks the client three times within the time it may be silent. Its
// answers keep the connection's deadline in the future; without them the
// connection is closed, even though writing still succeeds.
func (c *conn) keepAlive(ctx context.Context, conn gossh.Conn) {
	every := c.s.limits.Silent / 3
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
		late := time.AfterFunc(c.s.limits.Silent-every, func() { _ = conn.Close() })
		err := <-ping(conn)
		late.Stop()
		if err != nil {
			return
		}
	}
}
