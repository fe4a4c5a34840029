// Package sshd serves sessions to other processes and users: over the unix socket in
// the data directory for certquay processes of the same user, and over network SSH for
// the keys of an authorized_keys file (spec V9). Both are SSH servers of charm.land/ssh
// and wish, and pass each session to the same [Handler].
//
// Session channels are implemented here because those of charm.land/ssh accept an
// unlimited environment, block the connection while nobody reads window changes, and
// drop empty arguments.
package sshd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/model"
)

// Handler runs the command line of a session and returns its exit code. Without
// arguments it shows the dashboard and must call [Server.Dashboard] with ctx. ctx ends
// when the user disconnects or interrupts; its cause says which
// ([session.ErrInterrupted], [session.ErrDisconnected]). Serve must be safe for
// concurrent use. A panic in it is logged and reported to the user in one line (exit
// 1).
type Handler interface {
	Serve(ctx context.Context, s *session.Session, args []string) int
}

// HandlerFunc is a function that implements [Handler].
type HandlerFunc func(ctx context.Context, s *session.Session, args []string) int

// Serve calls f.
func (f HandlerFunc) Serve(ctx context.Context, s *session.Session, args []string) int {
	return f(ctx, s, args)
}

// Options configure a [Server].
type Options struct {
	Handler Handler
	Version string // of certquay; checked by attaching processes
	// Verb returns what is logged for a command line: the verb without arguments, ""
	// for a dashboard. It must not return text sent by the client. nil means that verbs
	// are not logged.
	Verb func(args []string) string
	// Login is called for each connection over network SSH when its first session begins,
	// and for those that are refused; nil for none. It must be safe for concurrent use.
	Login  func(Login)
	Log    *slog.Logger
	Limits Limits
}

// Server serves sessions. It is safe for concurrent use.
type Server struct {
	handler    Handler
	version    string
	verb       func([]string) string
	login      func(Login)
	log        *slog.Logger
	limits     Limits
	limitedLog rateLimitedLog

	mu       sync.Mutex
	leaving  bool
	servers  map[*ssh.Server]struct{}
	sessions map[*runningSession]struct{}
	changed  chan struct{} // closed and replaced when sessions or conns change
	standbys map[*standingBy]struct{}
	perKey   map[string]map[*conn]struct{}
	conns    int                // total of perKey
	pending  map[*conn]struct{} // in the handshake, or about to be refused
	attached int

	perSource map[string]int // pending connections by address

	lastID       int       // of a session
	refusedSince time.Time // begin of the hour of refused
	refused      int       // refused log-ins in this hour
	refusedLeft  int       // of which were not reported
	reports      sync.WaitGroup
}

// New returns a server; see [Server.ServeSocket] and [Server.ServeNetwork].
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Verb == nil {
		o.Verb = func([]string) string { return "" }
	}
	if o.Login == nil {
		o.Login = func(Login) {}
	}
	return &Server{
		login:   o.Login,
		handler: o.Handler, version: o.Version, verb: o.Verb, log: o.Log, limits: o.Limits.withDefaults(),
		servers: map[*ssh.Server]struct{}{}, sessions: map[*runningSession]struct{}{},
		changed: make(chan struct{}), perKey: map[string]map[*conn]struct{}{},
		pending: map[*conn]struct{}{}, perSource: map[string]int{}, standbys: map[*standingBy]struct{}{},
	}
}

// viaTerminal is how the actor of this process's own terminal connected.
const viaTerminal = "terminal"

// runningSession is a session in progress.
type runningSession struct {
	via       string          // terminal, socket, ssh, replica
	key       gossh.PublicKey // over SSH
	from      net.Addr        // over SSH
	id        Identity        // over SSH
	who       func() model.Actor
	dashboard bool // shows the dashboard
	end       context.CancelCauseFunc

	n       int
	name    string // of the actor when it began
	since   time.Time
	verb    string
	view    string
	looking model.ID
}

// Count returns the number of sessions, including those of this process.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Changed returns a channel that is closed when a session begins or ends. Call it
// before [Server.Count].
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

type runningKey struct{}

// Register counts a session of this process, which runs a command line, until leave is
// called. Sessions over a connection are counted automatically. The session must run with
// the returned context.
func (s *Server) Register(ctx context.Context, ss *session.Session, args []string) (_ context.Context, leave func()) {
	ctx, end := context.WithCancelCause(ctx)
	v := &runningSession{via: ss.Actor.Via, who: ss.Who, name: ss.Actor.Name, verb: s.verb(args), end: end}
	s.add(v)
	return context.WithValue(ctx, runningKey{}, v), func() {
		s.remove(v)
		end(nil)
	}
}

func (s *Server) add(v *runningSession) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return false
	}
	s.lastID++
	v.n, v.since = s.lastID, time.Now()
	s.sessions[v] = struct{}{}
	s.notify()
	return true
}

func (s *Server) remove(v *runningSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, v)
	s.notify()
}

// Dashboard marks the session of ctx as a dashboard until done is called. When the
// owner leaves, the context of a dashboard ends with [session.ErrReattach], whereas
// other sessions are waited for.
func (s *Server) Dashboard(ctx context.Context) (done func()) {
	v, ok := ctx.Value(runningKey{}).(*runningSession)
	if !ok {
		return func() {}
	}
	mark := func(on bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		v.dashboard = on
		if on && s.leaving {
			v.end(session.ErrReattach)
		}
		s.notify()
	}
	mark(true)
	return func() { mark(false) }
}

// Close stops accepting connections, ends dashboards with [session.ErrReattach], waits
// until running verbs have ended or ctx ends, and then closes all connections. It does
// not wait for sessions of this process (see [Server.Register]). It returns ctx's error
// if it interrupted a session. When it returns no handler is running, unless the error
// says that one ignored the end of its context.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.leaving = true
	for v := range s.sessions {
		if v.dashboard && v.via != viaTerminal {
			v.end(session.ErrReattach)
		}
	}
	for v := range s.standbys {
		v.end(session.ErrReattach)
	}
	servers := make([]*ssh.Server, 0, len(s.servers))
	for srv := range s.servers {
		servers = append(servers, srv)
	}
	s.mu.Unlock()

	onlyLocal := func() bool {
		for v := range s.sessions {
			if v.via != viaTerminal {
				return false
			}
		}
		return true
	}
	err := s.waitUntil(ctx, onlyLocal)
	// Clients close the connection after reading the exit code. Wait for them briefly.
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = s.waitUntil(short, func() bool { return s.conns+s.attached == 0 })
	for _, srv := range servers {
		if e := srv.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	s.reports.Wait()
	// Interrupted handlers must end before the caller closes what they use.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.CutOff)
	defer cancel()
	if s.waitUntil(last, onlyLocal) != nil {
		err = errors.Join(err, model.Fail("session.unended"))
	}
	return err
}

// waitUntil waits until ok returns true. ok is called with the lock held.
func (s *Server) waitUntil(ctx context.Context, ok func() bool) error {
	for {
		s.mu.Lock()
		done, changed := ok(), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// serve runs one SSH server until it is closed or ctx ends.
func (s *Server) serve(ctx context.Context, srv *ssh.Server, l net.Listener) error {
	s.mu.Lock()
	if s.leaving {
		s.mu.Unlock()
		return l.Close()
	}
	s.servers[srv] = struct{}{}
	s.mu.Unlock()
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	err := srv.Serve(l)
	if errors.Is(err, ssh.ErrServerClosed) || ctx.Err() != nil {
		return nil
	}
	return err
}

// base sets the options that both servers share: no forwarding, no subsystems, no
// global requests.
func (s *Server) base(ctx context.Context, d *endpoint) func(*ssh.Server) error {
	return func(srv *ssh.Server) error {
		srv.ChannelHandlers = map[string]ssh.ChannelHandler{
			"session": func(_ *ssh.Server, conn *gossh.ServerConn, nc gossh.NewChannel, sc ssh.Context) {
				s.channel(ctx, d, conn, nc, sc)
			},
		}
		srv.RequestHandlers = map[string]ssh.RequestHandler{}
		srv.SubsystemHandlers = map[string]ssh.SubsystemHandler{}
		srv.HandshakeTimeout = s.limits.Handshake
		srv.Handler = func(ssh.Session) {}
		srv.ConnectionFailedCallback = func(c net.Conn, err error) {
			s.limitedLog.log(s.log, slog.LevelInfo, "ssh connection refused", "from", address(c), "error", session.Escape(err.Error(), 300))
		}
		return nil
	}
}

func address(c interface{ RemoteAddr() net.Addr }) string {
	if a := c.RemoteAddr(); a != nil && a.String() != "" && a.String() != "@" {
		return session.Escape(a.String(), 80)
	}
	return "socket"
}
