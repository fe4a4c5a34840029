package attach

import (
	"context"
	"time"

	"certquay/cmd/peer"
	"certquay/cmd/session"
	"certquay/cmd/sshd/wire"
)

// followEvery is how often a dashboard looks whether another process owns the store.
const followEvery = 2 * time.Second

// attachPeer is attachOnce with an owner on another machine.
func attachPeer(ctx context.Context, p *peer.Peer, o Options) (int, error) {
	if !wire.Compatible(p.Version, o.Version) {
		return 0, &VersionError{Owner: session.Escape(p.Version, 40), Mine: o.Version}
	}
	conn, sc, err := p.Dial(ctx, o.Timeout)
	if err != nil {
		return 0, err
	}
	c := &client{o: o, conn: conn, ssh: sc, peer: p, term: &terminal{in: o.In, out: o.Out}}
	defer c.close()
	if c.ch, c.reqs, err = sc.OpenChannel("session", nil); err != nil {
		return 0, openError(err, p.Away("attach.peer-away", err))
	}
	if o.Dashboard && o.Elsewhere != nil {
		watching, stop := context.WithCancel(ctx)
		defer stop()
		go c.followOwner(watching)
	}
	return c.run(ctx)
}

// followOwner ends a dashboard at another machine when the store says that another process
// owns it: the one attached to may be cut off from the database, and not know yet.
func (c *client) followOwner(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(followEvery):
		}
		if now, err := c.o.Elsewhere(ctx); err == nil && now.Holder != c.peer.Holder {
			_ = c.ssh.Close()
			return
		}
	}
}
