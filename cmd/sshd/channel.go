package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"charm.land/ssh"
	"github.com/charmbracelet/colorprofile"
	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/cmd/sshd/wire"
	"certquay/model"
)

// endpoint is the socket or the network server; network is nil for the socket.
type endpoint struct{ network *Network }

// channel is one SSH session channel. One goroutine reads its requests until it is
// closed, so that a handler cannot block the connection.
type channel struct {
	gossh.Channel
	s        *Server
	conn     *conn
	endpoint *endpoint
	key      gossh.PublicKey // nil over the socket
	from     net.Addr        // of the client
	id       Identity
	who      model.Actor

	env      []string
	envBytes int
	pty      *session.PTY
	sizes    chan session.Size
	raw      atomic.Bool
	started  bool
	cancel   context.CancelCauseFunc
	ctx      context.Context // the channel's own, made with it
}

// channel serves one session channel until the client closes it.
func (s *Server) channel(ctx context.Context, d *endpoint, client *gossh.ServerConn, nc gossh.NewChannel, sc ssh.Context) {
	l, _ := sc.Value(connKey{}).(*conn)
	if l == nil {
		_ = nc.Reject(gossh.ResourceShortage, "the server is stopping")
		return
	}
	if err := l.addChannel(ctx, client); err != nil {
		_ = nc.Reject(gossh.ResourceShortage, err.Error())
		return
	}
	defer l.removeChannel()
	c := &channel{s: s, conn: l, endpoint: d, sizes: make(chan session.Size, 1)}
	if d.network != nil {
		c.key, _ = sc.Value(ssh.ContextKeyPublicKey).(gossh.PublicKey)
		if err := c.admit(client); err != nil {
			s.log.Warn("ssh session refused", "from", address(client), "user", session.Escape(client.User(), 64),
				"key", c.id.Fingerprint, "error", session.Escape(err.Error(), 300))
			_ = nc.Reject(gossh.Prohibited, "this key may not use certquay")
			return
		}
	}
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	c.Channel = ch
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	for r := range requests {
		ok := c.request(r)
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
		if ok && (r.Type == "exec" || r.Type == "shell") {
			go c.run(r.Type, r.Payload)
		}
	}
	c.cancel(session.ErrDisconnected)
}

// admit looks up the authenticated key again, since it may have been removed.
func (c *channel) admit(conn gossh.ConnMetadata) error {
	if c.key == nil {
		return errors.New("no key")
	}
	c.from = conn.RemoteAddr()
	id, err := c.endpoint.network.identify(c.key, c.from)
	c.id = id
	c.id.Fingerprint, c.id.User, c.id.From = fingerprintOf(c.key), session.Escape(conn.User(), 64), address(conn)
	c.who = c.id.actor()
	return err
}

// currentActor returns the present actor of the key, without a role if the key was
// removed or the user was disabled.
func (c *channel) currentActor() model.Actor {
	id, err := c.endpoint.network.identify(c.key, c.from)
	if err != nil {
		who := c.who
		who.Role = model.NoRole
		return who
	}
	id.Fingerprint = c.id.Fingerprint
	return id.actor()
}

// request handles one channel request (RFC 4254 section 6). All others are refused:
// agent and X11 forwarding, subsystems such as sftp, breaks.
func (c *channel) request(r *gossh.Request) bool {
	switch r.Type {
	case "env":
		return c.setEnv(r.Payload)
	case "pty-req":
		return c.setPTY(r.Payload)
	case "window-change":
		var w wire.Window
		if gossh.Unmarshal(r.Payload, &w) != nil {
			return false
		}
		c.resize(session.Size{Width: clampCells(w.Width), Height: clampCells(w.Height)}.Clamp())
		return true
	case "signal":
		var g wire.Signal
		if gossh.Unmarshal(r.Payload, &g) != nil {
			return false
		}
		switch ssh.Signal(g.Name) {
		case ssh.SIGINT, ssh.SIGQUIT, ssh.SIGTERM, ssh.SIGHUP:
			c.cancel(session.ErrInterrupted)
			return true
		}
	case "exec", "shell":
		if c.started || c.endpoint.network == nil && r.Type == "shell" || len(r.Payload) > c.s.limits.Command {
			return false
		}
		c.started = true
		return true
	}
	return false
}

// setEnv stores an environment variable, within the limits.
func (c *channel) setEnv(payload []byte) bool {
	var v struct{ Name, Value string }
	if c.started || c.endpoint.network == nil || gossh.Unmarshal(payload, &v) != nil {
		return false
	}
	size := len(v.Name) + len(v.Value)
	if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || len(c.env) >= c.s.limits.Variables || c.envBytes+size > c.s.limits.EnvBytes {
		return false
	}
	c.envBytes += size
	c.env = append(c.env, session.Escape(v.Name, 128)+"="+session.Escape(v.Value, 4096))
	return true
}

// setPTY stores the terminal of the client.
func (c *channel) setPTY(payload []byte) bool {
	var p struct {
		Term                                   string
		Width, Height, PixelWidth, PixelHeight uint32
		Modes                                  string
	}
	if c.started || c.pty != nil || c.endpoint.network == nil || gossh.Unmarshal(payload, &p) != nil {
		return false
	}
	z := session.Size{Width: clampCells(p.Width), Height: clampCells(p.Height)}.Clamp()
	c.pty = &session.PTY{Term: session.Escape(p.Term, 64), Width: z.Width, Height: z.Height, Resize: c.sizes}
	c.raw.Store(true)
	return true
}

// clampCells limits a size that a client claims to the range of an int on any machine.
func clampCells(n uint32) int { return int(min(n, 1<<20)) }

// resize passes on the latest size, replacing one that was not read.
func (c *channel) resize(z session.Size) {
	select {
	case <-c.sizes:
	default:
	}
	c.sizes <- z // the only sender, and there is room
}

// run executes the command and closes the channel.
func (c *channel) run(kind string, payload []byte) {
	code := 1
	defer func() {
		_, _ = c.SendRequest("exit-status", false, gossh.Marshal(wire.ExitStatus{Code: uint32(code)}))
		_ = c.Close()
	}()
	in := newInput(c.Channel)
	defer in.close()
	stdout := &output{to: c.Channel, raw: c.raw.Load}
	stderr := &output{to: c.Stderr(), raw: c.raw.Load}
	defer func() { // panics before the handler is called
		if r := recover(); r != nil {
			c.s.reportPanic(r, session.Language(c.env), stderr)
		}
	}()
	r := session.Remote{In: in, Out: stdout, Err: stderr, PTY: c.pty, Env: c.env, Actor: c.who}
	if c.endpoint.network == nil || c.id.replica {
		code = c.attached(payload, r, in)
		return
	}
	var command struct{ Line string }
	if kind == "exec" {
		if err := gossh.Unmarshal(payload, &command); err != nil {
			code = 2
			return
		}
	}
	r.Who = c.currentActor
	ss := session.NewNetworkSession(r)
	args, err := splitCommand(command.Line)
	if err != nil {
		out.PrintErr(stderr, ss.Lang, model.TextOf(err))
		code = 2
		return
	}
	if c.pty != nil {
		in.interrupt, in.allowed = c.interrupter(ss), c.keyAllowed
		in.begin()
	}
	code, _ = c.serve(ss, args)
}

// interrupter handles control-C and control-\ from a terminal in raw mode, unless a
// full-screen program is reading keys.
func (c *channel) interrupter(ss *session.Session) func(byte) {
	return func(byte) {
		if !ss.InRaw() {
			c.cancel(session.ErrInterrupted)
		}
	}
}

// attached serves an attached certquay process, of this machine or a replica.
func (c *channel) attached(payload []byte, r session.Remote, in *input) int {
	var command struct{ Line string }
	err := gossh.Unmarshal(payload, &command)
	if err == nil && c.id.replica && command.Line == wire.Standby {
		return c.standBy()
	}
	if err != nil || command.Line != wire.Command {
		out.PrintErr(r.Err, session.Language(c.env), model.Say("session.other-program"))
		return 2
	}
	q, err := wire.Read(c.Channel)
	if err != nil {
		return 1
	}
	var env []string
	for i, v := range q.Env {
		if i == c.s.limits.Variables {
			break
		}
		name, value, _ := strings.Cut(v, "=")
		env = append(env, session.Escape(name, 128)+"="+session.Escape(value, 4096))
	}
	r.Env = env
	r.Actor = c.attachedActor(q)
	if q.In && q.Out {
		z := session.Size{Width: q.Width, Height: q.Height}.Clamp()
		r.PTY = &session.PTY{Term: session.Escape(q.Term, 64), Width: z.Width, Height: z.Height, Resize: c.sizes}
	}
	in.start = func() { _, _ = c.SendRequest(wire.Feed, true, nil) }
	r.Raw = func(on bool) error {
		if !on {
			c.raw.Store(false)
		}
		ok, err := c.SendRequest(wire.Raw, true, gossh.Marshal(wire.Switch{On: on}))
		if err == nil && !ok {
			err = model.Fail("session.no-raw")
		}
		if err == nil {
			c.raw.Store(on)
		}
		return err
	}
	r.Hide = func(on bool) error {
		ok, err := c.SendRequest(wire.Hide, true, gossh.Marshal(wire.Switch{On: on}))
		if err == nil && !ok {
			err = model.Fail("session.no-hiding")
		}
		return err
	}
	newSession := session.NewSocketSession
	if c.id.replica {
		newSession = session.NewReplicaSession
	}
	ss := newSession(r, session.Caller{
		Terminal: session.Terminal{
			In: q.In, Out: q.Out, Err: q.Err, Width: q.Width, Height: q.Height,
			Term: q.Term, Lang: q.Lang,
			Profile: colorprofile.Profile(min(max(q.Profile, 0), int(colorprofile.TrueColor))),
		},
		Dir: q.Dir, PID: c.conn.pid,
	})
	if r.PTY != nil {
		ss.Place = session.NewPlace(q.Place, c.placeTeller())
	}
	code, begun := c.serve(ss, q.Args)
	if !begun {
		_, _ = c.SendRequest(wire.Leaving, true, nil)
	} else if errors.Is(context.Cause(c.ctx), session.ErrReattach) && code == session.ExitReattach {
		_, _ = c.SendRequest(wire.Reattach, false, nil)
	}
	return code
}

// placeTeller returns a function that tells the client where its dashboard stands. It does
// not wait for the client, who may miss places that are not the newest.
func (c *channel) placeTeller() func([]byte) {
	newest := make(chan []byte, 1)
	go func() {
		for {
			select {
			case <-c.ctx.Done():
				return
			case at := <-newest:
				_, _ = c.SendRequest(wire.Place, false, at)
			}
		}
	}()
	return func(at []byte) {
		select {
		case <-newest:
		default:
		}
		newest <- at // the only sender, and there is room
	}
}

// serve calls the handler. begun is false if the server is leaving or the client did
// not acknowledge; then nothing was done.
func (c *channel) serve(ss *session.Session, args []string) (code int, begun bool) {
	defer c.cancel(nil)
	v := &runningSession{
		via:  ss.Actor.Via,
		key:  c.key,
		from: c.from,
		id:   c.id,
		who:  ss.Who,
		name: ss.Actor.Name,
		verb: c.s.verb(args),
		end:  c.cancel,
	}
	if !c.s.add(v) {
		if ss.Kind == session.Network {
			out.PrintErr(ss.Err, ss.Lang, model.Say("session.stopping"))
		}
		return session.ExitReattach, false
	}
	defer c.s.remove(v)
	if ss.Kind == session.Socket || ss.Kind == session.Replica {
		if ok, err := c.SendRequest(wire.Accepted, true, nil); err != nil || !ok {
			return 1, false
		}
	}
	begun = true
	if ss.Kind == session.Network && c.conn.firstSession() {
		c.s.login(Login{Actor: c.who, From: c.id.From, Verb: v.verb, Cert: c.certificate()})
	}
	c.s.log.Info("session", "via", v.via, "name", ss.Actor.Name, "key", ss.Actor.Key, "from", c.id.From, "verb", v.verb)
	defer func() {
		if r := recover(); r != nil {
			c.s.reportPanic(r, ss.Lang, ss.Err)
			code = 1
		}
	}()
	code = c.s.handler.Serve(context.WithValue(c.ctx, runningKey{}, v), ss, args) & 0xff
	for cause, said := range endings {
		if errors.Is(context.Cause(c.ctx), cause) {
			out.PrintErr(ss.Err, ss.Lang, said)
			return 1, begun
		}
	}
	return code, begun
}

// endings are what a user is told whose session was ended.
var endings = map[error]model.Text{
	session.ErrKeyRemoved: model.Say("session.key-removed"),
	session.ErrEnded:      model.Say("session.ended"),
}

// certificate returns the id of the certificate that has logged in; "" for a plain key.
func (c *channel) certificate() string {
	if _, ok := c.key.(*gossh.Certificate); ok {
		return c.id.Comment
	}
	return ""
}

// reportPanic logs a panic and prints one line for the user.
func (s *Server) reportPanic(r any, lang string, to io.Writer) {
	s.log.Error("panic in a session", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	out.PrintErr(to, lang, model.Say("session.fault"))
}
