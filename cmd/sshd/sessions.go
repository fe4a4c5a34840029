package sshd

import (
	"cmp"
	"context"
	"slices"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/model"
)

// SessionInfo describes a session in progress (spec G4, G5).
type SessionInfo struct {
	ID        int // unique in this process, from 1
	Actor     model.Actor
	From      string // client address; "" for a process of this machine
	Since     time.Time
	Verb      string   // that it runs; "" for a dashboard
	Dashboard bool     // shows the dashboard or follows the activity
	View      string   // code of the page that a dashboard shows; "" if unknown
	Looking   model.ID // instance under its cursor; "" for none
}

// Sessions lists the sessions in progress, the oldest first.
func (s *Server) Sessions() []SessionInfo {
	s.mu.Lock()
	running := make([]*runningSession, 0, len(s.sessions))
	infos := make([]SessionInfo, 0, len(s.sessions))
	for v := range s.sessions {
		running = append(running, v)
		infos = append(infos, SessionInfo{
			ID: v.n, From: v.id.From, Since: v.since, Verb: v.verb, Dashboard: v.dashboard, View: v.view, Looking: v.looking,
		})
	}
	s.mu.Unlock()
	for n, v := range running { // asking who it is may read the store
		infos[n].Actor = v.who()
	}
	slices.SortFunc(infos, func(a, b SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	return infos
}

// EndSession ends a session over SSH or the socket, which tells its user so. ended is
// false if there is none with this ID. What the session has begun goes on.
func (s *Server) EndSession(id int) (ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.sessions {
		if v.n == id && v.via != viaTerminal {
			v.end(session.ErrEnded)
			return true
		}
	}
	return false
}

// Look notes what the dashboard of ctx shows: the code of a page and the instance under
// its cursor.
func (s *Server) Look(ctx context.Context, view string, looking model.ID) {
	v, ok := ctx.Value(runningKey{}).(*runningSession)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.view, v.looking = view, looking
}

// Current returns the ID of the session of ctx; 0 if it has none.
func Current(ctx context.Context) int {
	if v, ok := ctx.Value(runningKey{}).(*runningSession); ok {
		return v.n
	}
	return 0
}

// Login is a log-in over network SSH, or one that was refused.
type Login struct {
	Actor  model.Actor // without a role if it was refused
	From   string      // client address
	Verb   string      // "" for a dashboard
	Cert   string      // id of the certificate, if any
	Err    error       // why it was refused
	Others int         // refused log-ins before it that were not reported
}

// refusedPerHour bounds the refused log-ins that are reported, because anybody can cause
// them. Those left out are counted.
const refusedPerHour = 60

// refusedKey is a key that was offered and may not log in.
type refusedKey struct {
	fingerprint string
	id          Identity
	err         error
}

// noteRefused notes that an unauthenticated connection has offered a key in vain. It is
// reported when the connection ends without a log-in, because a client offers one key
// after the other.
func (c *conn) noteRefused(key gossh.PublicKey, id *Identity, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offered = &refusedKey{fingerprintOf(key), *id, err}
}

// reportRefused reports a connection that ended without a log-in, in the background.
func (s *Server) reportRefused(c *conn, offered *refusedKey) {
	s.mu.Lock()
	if now := time.Now(); now.Sub(s.refusedSince) > time.Hour {
		s.refusedSince, s.refused = now, 0
	}
	if s.refused++; s.refused > refusedPerHour || s.leaving {
		s.refusedLeft++
		s.mu.Unlock()
		return
	}
	l := Login{From: address(c), Err: offered.err, Cert: offered.id.Comment, Others: s.refusedLeft}
	l.Actor = model.Actor{Name: cmp.Or(offered.id.Name, offered.fingerprint), Via: viaSSH, Key: offered.fingerprint}
	s.refusedLeft = 0
	s.reports.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.reports.Done()
		s.login(l)
	}()
}

// firstSession reports whether no session of the connection has begun before.
func (c *conn) firstSession() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.loggedIn
	c.loggedIn = true
	return first
}

// DashboardInfo is a session that shows the dashboard.
type DashboardInfo struct {
	ID      int
	Name    string // of the actor when the session began
	Looking model.ID
}

// Dashboards lists the sessions that show the dashboard, the oldest first. It reads no
// store, so that it can be called for every frame.
func (s *Server) Dashboards() []DashboardInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []DashboardInfo
	for v := range s.sessions {
		if v.dashboard && v.verb == "" {
			all = append(all, DashboardInfo{v.n, v.name, v.looking})
		}
	}
	slices.SortFunc(all, func(a, b DashboardInfo) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
