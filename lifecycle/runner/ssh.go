package runner

import (
	"context"
	"errors"
	"io"
	"net"
	"path"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/model"
)

// SSH is a host that is reached by SSH. It has one connection, which is made when it is needed
// and again after it broke. [Open] makes them.
type SSH struct {
	posix

	address  Address
	settings Settings
	trust    *trust
	// current is held while connecting, so that all wait for one attempt.
	current chan *connection
}

var _ Runner = (*SSH)(nil)

func newSSH(a Address, s Settings) *SSH {
	h := &SSH{address: a, settings: s, trust: &trust{host: a.hostPort(), settings: s}, current: make(chan *connection, 1)}
	h.posix = posix{name: a.Host, sudo: s.Sudo, execute: h.session}
	h.current <- nil
	return h
}

// Close ends the connection, and with it what runs over it.
func (s *SSH) Close() error {
	c := <-s.current
	defer func() { s.current <- c }()
	if c == nil {
		return nil
	}
	return c.close()
}

// connection returns the present connection, or makes a new one if it is broken.
func (s *SSH) connection(ctx context.Context) (c *connection, isNew bool, err error) {
	select {
	case c = <-s.current:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	defer func() { s.current <- c }()
	if c != nil && c.alive() {
		return c, false, nil
	}
	client, err := login(ctx, s.address, s.settings, s.trust)
	if err != nil {
		return nil, false, err
	}
	c = newConnection(client, s.settings.Keepalive)
	return c, true, nil
}

// open opens a channel by f over a connection that works: if that at hand turns out to be
// broken, a new one is made, once.
func open[T any](ctx context.Context, s *SSH, f func(c *connection) (T, error)) (T, error) {
	for {
		var none T
		c, isNew, err := s.connection(ctx)
		if err != nil {
			return none, err
		}
		opened, err := f(c)
		var refused *ssh.OpenChannelError
		if err == nil || errors.As(err, &refused) || ctx.Err() != nil {
			return opened, err
		}
		_ = c.close() // it is broken already
		if isNew {
			return none, s.lost(err)
		}
	}
}

// lost says that the connection broke.
func (s *SSH) lost(err error) error {
	return model.Fail("runner.unreachable-host", "host", s.address.hostPort(), "cause", err).Wrapping(ErrUnreachable)
}

// session runs a command in a session of its own.
func (s *SSH) session(starting, running context.Context, c process) (int, error) {
	ch, err := open(starting, s, func(to *connection) (*channel, error) { return to.session(starting, c.urgent) })
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return 0, model.Fail("runner.no-session", "host", s.name, "said", model.Quoted(s.name, refused.Message)).Wrapping(ErrUnreachable)
	}
	if err != nil {
		return 0, err
	}
	type end struct {
		status int
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		defer ch.release()
		// The login shell gives way to the command, whose process leads the group then.
		status, err := ch.run(quote(append([]string{"exec"}, c.argv...)), c)
		ended <- end{status, err}
	}()
	select {
	case e := <-ended:
		if e.err != nil {
			return 0, s.lost(e.err)
		}
		return e.status, nil
	case <-running.Done():
		go func() { _ = ch.Close() }() // waits for nobody, not even for a connection that hangs
		return 0, running.Err()
	}
}

// run runs a command line in the session.
func (ch *channel) run(line string, c process) (int, error) {
	defer func() { _ = ch.Close() }()
	ok, err := ch.SendRequest("exec", true, ssh.Marshal(struct{ Line string }{line}))
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, model.Fail("runner.no-exec")
	}
	go func() {
		// A command need not read its input; what it makes of half of it, its status says.
		_, _ = ch.Write(c.stdin)
		_ = ch.CloseWrite()
	}()
	read := make(chan struct{}, 2)
	readAll := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from) // it ends with the channel
		read <- struct{}{}
	}
	go readAll(c.stdout, ch)
	go readAll(c.stderr, ch.Stderr())
	status, ended := waitStatus(ch.requests)
	var limit <-chan time.Time
	if ended {
		limit = time.After(grace)
	}
	for range 2 {
		select {
		case <-read:
		case <-limit:
			limit = time.After(0)
		}
	}
	if !ended {
		return 0, io.ErrUnexpectedEOF
	}
	return status, nil
}

// waitStatus waits for the status of a command, -1 for a signal. ended is false if the
// channel was closed before (RFC 4254 section 6.10).
func waitStatus(requests <-chan *ssh.Request) (status int, ended bool) {
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var m struct{ Status uint32 }
			if ssh.Unmarshal(r.Payload, &m) == nil {
				status, ended = int(m.Status), true
			}
		case "exit-signal":
			status, ended = -1, true
		}
		if r.WantReply {
			_ = r.Reply(false, nil) // fails with the connection only
		}
		if ended {
			go ssh.DiscardRequests(requests)
			return status, true
		}
	}
	return 0, false
}

// Dial connects from the host to an address, with the rights of the user that logged in.
func (s *SSH) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := dialable(network, address); err != nil {
		return nil, err
	}
	conn, err := open(ctx, s, func(c *connection) (net.Conn, error) { return c.client.DialContext(ctx, network, address) })
	var refused *ssh.OpenChannelError
	switch {
	case errors.As(err, &refused) && network == "unix": // OpenSSH gives one reason for all
		return nil, model.Fail("runner.dial-socket", "host", s.name, "address", address).Wrapping(err)
	case errors.As(err, &refused) && refused.Reason == ssh.Prohibited:
		return nil, model.Fail("runner.forwarding", "host", s.name, "address", address).Wrapping(err)
	case errors.As(err, &refused):
		return nil, model.Fail("runner.dial", "host", s.name, "address", address, "said", model.Quoted(s.name, refused.Message)).
			Wrapping(err)
	case err != nil:
		return nil, err
	}
	return &forwarded{Conn: conn}, nil
}

// dialable refuses what no host can be asked for.
func dialable(network, address string) error {
	switch network {
	case "unix":
		if !path.IsAbs(address) {
			return model.Fail("runner.dial-address", "address", address)
		}
		return nil
	case "tcp":
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return model.Fail("runner.dial-address", "address", address)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return model.Fail("runner.dial-address", "address", address)
		}
		return nil
	}
	return net.UnknownNetworkError(network)
}
