// Package sshd lets other processes and people use the store of this process:
// over the unix socket in the data directory, for certquay processes of the
// same user, and over network SSH, for the keys of an authorized_keys file
// (spec V9). Both are SSH servers of charm.land/ssh and wish, and both give
// each session to the same [Handler].
//
// Session channels are served here rather than by charm.land/ssh: its sessions
// keep an unlimited environment, block the connection when nobody takes window
// changes, and drop empty arguments.
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

// Handler does what a session asks for and returns its exit code. Without
// arguments that is the dashboard; ctx then has to reach [Server.Dashboard].
// ctx ends when the person is gone or wants to wait no longer; its cause says
// which ([session.ErrInterrupted], [session.ErrDisconnected]). Serve is called by many
// goroutines at once. A panic in it is logged, and the person is told in one
// line (exit 1).
type Handler interface {
	Serve(ctx context.Context, s *session.Session, args []string) int
}

// HandlerFunc is a function that is a [Handler].
type HandlerFunc func(ctx context.Context, s *session.Session, args []string) int

// Serve calls f.
func (f HandlerFunc) Serve(ctx context.Context, s *session.Session, args []string) int {
	return f(ctx, s, args)
}

// Options are what a [Server] is made of.
type Options struct {
	Handler Handler
	Version string // of certquay; attached processes compare it
	// Verb is what a command line is logged as, without what it is
	// done to: "" for a dashboard. It must not give back what a client sent.
	// Without it no verbs are named.
	Verb   func(args []string) string
	Log    *slog.Logger
	Limits Limits
}

// Server serves sessions. It is safe for concurrent use.
type Server struct {
	handler    Handler
	version    string
	verb       func([]string) string
	log        *slog.Logger
	limits     Limits
	limitedLog rateLimitedLog

	mu       sync.Mutex
	leaving  bool
	servers  map[*ssh.Server]struct{}
	sessions map[*running]struct{}
	changed  chan struct{} // closed and replaced when sessions or conns change
	perKey   map[string]map[*conn]struct{}
	conns    int                // the sum of those
	pending  map[*conn]struct{} // not authenticated, or without a place
	attached int

	perSource map[string]int // of pending
}

// New makes a server that serves nothing yet.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Verb == nil {
		o.Verb = func([]string) string { return "" }
	}
	return &Server{
		handler: o.Handler, version: o.Version, verb: o.Verb, log: o.Log, limits: o.Limits.withDefaults(),
		servers: map[*ssh.Server]struct{}{}, sessions: map[*running]struct{}{},
		changed: make(chan struct{}), perKey: map[string]map[*conn]struct{}{},
		pending: map[*conn]struct{}{}, perSource: map[string]int{},
	}
}

// running is a session that is going on, and how to end it.
type running struct {
	via       string          // terminal, socket, ssh
	key       gossh.PublicKey // over SSH
	id        Identity        // over SSH
	dashboard bool            // it looks rather than works
	end       context.CancelCauseFunc
}

// Count is how many sessions are going on, this process's own included.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Changed is closed when somebody comes or leaves; ask for it before [Server.Count].
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

// Register counts a session of this process, for as long as it lasts, among those
// who are here. Sessions that came over a connection are counted by
// themselves. The context is the one to run the session with.
func (s *Server) Register(ctx context.Context, ss *session.Session) (_ context.Context, leave func()) {
	ctx, end := context.WithCancelCause(ctx)
	v := &running{via: ss.Actor.Via, end: end}
	s.add(v)
	return context.WithValue(ctx, runningKey{}, v), func() {
		s.remove(v)
		end(nil)
	}
}

func (s *Server) add(v *running) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return false
	}
	s.sessions[v] = struct{}{}
	s.notify()
	return true
}

func (s *Server) remove(v *running) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, v)
	s.notify()
}

// Dashboard marks the session that ctx belongs to as one that looks rather than
// works: when the owner leaves, its context ends with [session.ErrReattach] instead of
// its being waited for. Call it before the program runs and done after it.
func (s *Server) Dashboard(ctx context.Context) (done func()) {
	v, ok := ctx.Value(runningKey{}).(*running)
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

// Close stops accepting, tells dashboards to attach anew, waits until running
// verbs are done or ctx ends, and then closes every connection. Sessions of
// this process (see [Server.Register]) are not its business. It returns ctx's error
// when it cut off somebody; once it returns, no handler runs, unless the error
// says that one did not heed the end of its context.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.leaving = true
	for v := range s.sessions {
		if v.dashboard && v.via != "terminal" {
			v.end(session.ErrReattach)
		}
	}
	servers := make([]*ssh.Server, 0, len(s.servers))
	for srv := range s.servers {
		servers = append(servers, srv)
	}
	s.mu.Unlock()

	onlyLocal := func() bool {
		for v := range s.sessions {
			if v.via != "terminal" {
				return false
			}
		}
		return true
	}
	err := s.waitUntil(ctx, onlyLocal)
	// Clients close their connection once they have read how it ended. One
	// that does not is not waited for long.
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = s.waitUntil(short, func() bool { return s.conns+s.attached == 0 })
	for _, srv := range servers {
		if e := srv.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	// Those that were cut off must not use what the caller closes next.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.CutOff)
	defer cancel()
	if s.waitUntil(last, onlyLocal) != nil {
		err = errors.Join(err, model.Fail("session.unended"))
	}
	return err
}

// waitUntil waits until what must hold does. ok is called with the lock held.
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

// base are the parts that both servers share: no forwarding of any kind, no
// subsystems, no global requests.
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
