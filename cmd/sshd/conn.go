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

// conn is one connection and its share of the limits.
type conn struct {
	net.Conn
	s        *Server
	network  bool
	pid      int    // of the process at the other end of the socket
	source   string // address for the limits; see [limitSource]
	since    time.Time
	read     atomic.Int64 // bytes read
	lastRead atomic.Int64 // time of the last read, in nanoseconds since 1970

	once      sync.Once
	idleTimer *time.Timer

	mu       sync.Mutex
	channels int
	conn     gossh.Conn // set by the first session
	key      string     // fingerprint of the key, once authenticated
	greeted  bool       // the client's version was read (RFC 4253 section 4.2)
	counted  bool       // counted in perKey
	replica  bool       // the key is that of the replicas
	refused  error      // why an authenticated connection is refused
	offered  *refusedKey
	loggedIn bool // its log-in was reported
	closed   bool
}

type connKey struct{}

// accept is called for each new connection, before its handshake. If too many
// connections are in the handshake, one is closed: of the address with the most of
// them, the one that has sent least, and of those the oldest. So neither silent
// connections nor a single address can lock out others.
func (s *Server) accept(sc ssh.Context, raw net.Conn, network bool, pid int) net.Conn {
	c := &conn{Conn: raw, s: s, network: network, pid: pid, since: time.Now()}
	c.lastRead.Store(c.since.UnixNano())
	first := s.limits.Handshake + s.limits.NoSession
	if network {
		c.source, first = limitSource(raw.RemoteAddr()), s.limits.Greeting
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

// evict removes and returns the connection that must be closed so that another one from
// an address can start its handshake, or nil. The caller holds the lock.
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

// removePending removes a connection from those in the handshake, if it is among them.
// The caller holds the lock.
func (s *Server) removePending(c *conn) {
	if _, ok := s.pending[c]; !ok {
		return
	}
	delete(s.pending, c)
	if s.perSource[c.source]--; s.perSource[c.source] == 0 {
		delete(s.perSource, c.source)
	}
}

// limitSource returns the address that the limits count: an IPv4 address, or the /64 network
// of an IPv6 address, which is the least that one customer has.
func limitSource(a net.Addr) string {
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

// Read records the time of the read, and extends the deadline once the client has sent
// its version.
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

// closeAfter closes the connection after a time unless a session begins before.
func (c *conn) closeAfter(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.idleTimer.Reset(d)
	}
}

// Close closes the connection and updates the counts.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		c.idleTimer.Stop()
		key, counted, offered := c.key, c.counted, c.offered
		c.closed = true
		c.mu.Unlock()
		s := c.s
		if c.network && offered != nil && key == "" {
			s.reportRefused(c, offered)
		}
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

// authenticated moves a connection from those in the handshake to those of its key. A
// connection in excess of the limits is kept for a short time, because only an
// authenticated client can be told the reason.
func (c *conn) authenticated(key string, replica bool) error {
	c.mu.Lock()
	c.replica = replica
	c.mu.Unlock()
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

// register counts a connection among those of its key, within the limits.
func (c *conn) register(key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.limits.PerKey
	if c.replica { // all of them have the same key
		most = s.limits.Attached
	}
	switch {
	case c.closed:
		return errClosing
	case c.counted:
		return errors.New("authenticated twice")
	case s.conns >= s.limits.Connections:
		return errFull
	case len(s.perKey[key]) >= most:
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

// evictSilent closes the connection of a key that has been silent longest, unless it
// answers. A suspended computer does not answer, and must not lock out its owner.
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
			return false // it may be about to begin a session
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

// ping sends a keepalive request. The channel receives nil when any answer arrives, or
// the error that ended the connection.
func ping(conn gossh.Conn) <-chan error {
	asked := make(chan error, 1)
	go func() {
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		asked <- err
	}()
	return asked
}

// addChannel counts a new channel, or returns why it is refused.
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

// removeChannel counts a closed channel.
func (c *conn) removeChannel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels--; c.channels == 0 && !c.closed {
		c.idleTimer.Reset(c.s.limits.NoSession)
	}
}

// keepAlive pings the client three times within the allowed silence. Answers extend the
// deadline of the connection; without them it is closed, even if writes still succeed.
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
