package sshd

import (
	"cmp"
	"context"
	"os"
	"slices"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/cmd/sshd/wire"
	"certquay/model"
)

// viaReplica is how the actor of a process of another machine that shares the store
// connected. viaSocket is that of a process of this machine.
const (
	viaReplica = "replica"
	viaSocket  = "socket"
)

// isReplica reports whether a key is that of the replicas, which is kept sealed in the
// store: whoever has it has the master key, and is an owner (spec E2).
func (n *Network) isReplica(key gossh.PublicKey) bool {
	if n.Replica == nil {
		return false
	}
	want := n.Replica()
	return want != nil && string(want.Marshal()) == string(key.Marshal())
}

// attachedActor returns who a process is that attached over the socket, or as a replica. A
// person is called the same on all machines that share the store.
func (c *channel) attachedActor(q *wire.Request) model.Actor {
	if c.id.replica {
		name := cmp.Or(session.Legible(q.User, 64), c.id.From)
		return model.Actor{Name: name, Role: model.Owner, Via: viaReplica, Key: c.id.Fingerprint}
	}
	return model.Actor{Name: session.UserName(os.Geteuid()), Role: model.Owner, Via: viaSocket}
}

// Standby is a process of another machine that owns the store when this one does not any
// more (spec E2).
type Standby struct {
	Name  string // as it called itself
	From  string // its address
	Since time.Time
}

// standingBy is a connected [Standby].
type standingBy struct {
	Standby
	end context.CancelCauseFunc
}

// Standbys lists the processes that stand by, by name.
func (s *Server) Standbys() (all []Standby) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.standbys {
		all = append(all, v.Standby)
	}
	slices.SortFunc(all, func(a, b Standby) int { return cmp.Or(cmp.Compare(a.Name, b.Name), a.Since.Compare(b.Since)) })
	return all
}

// standBy lists the process at the other end as one that stands by, until it disconnects or
// the server closes.
func (c *channel) standBy() int {
	q, err := wire.Read(c.Channel)
	if err != nil {
		return 1
	}
	v := &standingBy{Standby{session.Legible(q.User, 80), c.id.From, time.Now()}, c.cancel}
	s := c.s
	s.mu.Lock()
	if s.leaving {
		s.mu.Unlock()
		return session.ExitReattach
	}
	s.standbys[v] = struct{}{}
	s.mu.Unlock()
	<-c.ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.standbys, v)
	return session.ExitReattach
}
