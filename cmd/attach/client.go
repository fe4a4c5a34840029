package attach

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/owner"
	"certquay/cmd/peer"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/cmd/sshd/wire"
	"certquay/model"
)

// client is a connection to an owner for one request.
type client struct {
	o    Options
	conn net.Conn
	ssh  ssh.Conn
	ch   ssh.Channel
	reqs <-chan *ssh.Request
	term *terminal
	dir  string
	peer *peer.Peer // on another machine; nil on this one

	mu       sync.Mutex
	accepted bool
	leaving  bool
	reattach bool
	code     int
	exited   bool
}

// dial connects and performs the SSH handshake within the timeout, and checks user and
// version of the owner. The deadline of the connection stays until the request is
// accepted.
func dial(ctx context.Context, dir string, o Options) (_ *client, err error) {
	path, done, err := sshd.ShortPath(owner.Socket(dir))
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EAGAIN):
		return nil, errNoListener // EAGAIN: the listen backlog is full
	case err != nil:
		return nil, model.Fail("attach.dial", "cause", err)
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	if _, err := sshd.SameUser(conn); err != nil {
		return nil, model.Fail("attach.socket", "dir", dir, "cause", err)
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	config := &ssh.ClientConfig{
		User:          "certquay",
		ClientVersion: "SSH-2.0-certquay",
		// The kernel confirms that the owner is the same user, and no other user can
		// enter the directory. The owner's key is new in each process.
		HostKeyCallback:   ssh.InsecureIgnoreHostKey(), //nolint:gosec // see above
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
	wire.SetCiphers(&config.Config)
	sc, chans, reqs, err := ssh.NewClientConn(conn, "", config)
	if err != nil {
		return nil, connError(err, dir, o)
	}
	peer.Discard(chans, reqs)
	theirs, ok := wire.Version(string(sc.ServerVersion()))
	if !ok || !wire.Compatible(theirs, o.Version) {
		return nil, &VersionError{Owner: session.Escape(theirs, 40), Mine: o.Version, PID: owner.PID(dir)}
	}
	c := &client{o: o, conn: conn, ssh: sc, dir: dir, term: &terminal{in: o.In, out: o.Out}}
	if c.ch, c.reqs, err = sc.OpenChannel("session", nil); err != nil {
		return nil, openError(err, connError(err, dir, o))
	}
	return c, nil
}

// openError returns why no channel could be opened: the owner's words, or else another
// error.
func openError(err, otherwise error) error {
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return model.Fail("attach.refused-for", "why", session.Escape(refused.Message, 200))
	}
	return otherwise
}

// connError distinguishes an owner that does not answer from one that closed the
// connection.
func connError(err error, dir string, o Options) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return noAnswerError(dir, o.Timeout)
	}
	return &LostError{}
}

func (c *client) close() {
	_ = c.ssh.Close()
	c.term.restore()
}

// run sends the request and forwards streams and signals until the exit code arrives.
func (c *client) run(ctx context.Context) (int, error) {
	ended := make(chan struct{})
	go c.handleRequests(ended)
	sigs := make(chan os.Signal, 8)
	watch := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGWINCH, syscall.SIGCONT}
	if !signal.Ignored(syscall.SIGHUP) {
		watch = append(watch, syscall.SIGHUP)
	}
	signal.Notify(sigs, watch...)
	defer signal.Stop(sigs)

	var copies sync.WaitGroup
	broke := make(chan struct{}, 2)
	forward := func(to io.Writer, from io.Reader) {
		if _, err := io.Copy(to, from); err != nil && !errors.Is(err, io.EOF) && c.isLocalWriteError(err) {
			broke <- struct{}{}
		}
	}
	copies.Go(func() { forward(c.o.Out, c.ch) })
	copies.Go(func() { forward(c.o.Err, c.ch.Stderr()) })

	if err := c.request(); err != nil {
		_ = c.ssh.Close()
		<-ended
		return c.outcome(err)
	}
	over := make(chan struct{})
	go func() {
		<-ended
		copies.Wait()
		close(over)
	}()
	if code, left := c.wait(ctx, sigs, over, broke); left {
		return code, nil
	}
	return c.outcome(nil)
}

// isLocalWriteError reports whether an error of copying comes from this process's own
// output.
func (c *client) isLocalWriteError(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p)
}

// request sends the command line.
func (c *client) request() error {
	ok, err := c.ch.SendRequest("exec", true, ssh.Marshal(struct{ Line string }{wire.Command}))
	if err != nil {
		return err
	}
	if !ok {
		return model.Fail("attach.refused")
	}
	d := session.Describe(c.o.In, c.o.Out, c.o.Err, c.o.Env)
	q := wire.Request{
		Args: c.o.Args, Dir: c.o.Dir, Env: forwardedEnv(c.o.Env),
		In: d.In, Out: d.Out, Err: d.Err, Width: d.Width, Height: d.Height,
		Term: d.Term, Profile: int(d.Profile), Lang: d.Lang, User: session.UserName(os.Geteuid()),
		Place: c.o.Place.Get(),
	}
	return q.Write(c.ch)
}

// handleRequests handles the owner's channel requests until the channel is closed.
func (c *client) handleRequests(ended chan<- struct{}) {
	defer close(ended)
	for r := range c.reqs {
		ok := true
		c.mu.Lock()
		switch r.Type {
		case wire.Accepted:
			c.accepted = true
			ok = c.conn.SetDeadline(time.Time{}) == nil
		case wire.Leaving:
			c.leaving = true
		case wire.Reattach:
			c.reattach = true
		case wire.Place:
			c.o.Place.Set(r.Payload)
		case wire.Feed:
			c.term.startInput(c.ch)
		case wire.Raw:
			ok = c.term.setRaw(wire.On(r.Payload)) == nil
			if ok {
				c.resize()
				c.term.startInput(c.ch)
			}
		case wire.Hide:
			ok = c.term.setHidden(wire.On(r.Payload)) == nil
		case "exit-status":
			var s wire.ExitStatus
			if ok = ssh.Unmarshal(r.Payload, &s) == nil; ok {
				c.code, c.exited = int(s.Code&0xff), true
			}
		default:
			ok = false
		}
		c.mu.Unlock()
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
	}
}

// resize sends the size of the terminal to the owner.
func (c *client) resize() {
	z := session.WindowSize(c.o.Out)
	if z.Width <= 0 || z.Height <= 0 {
		return
	}
	w := wire.Window{Width: uint32(z.Width), Height: uint32(z.Height)}
	_, _ = c.ch.SendRequest("window-change", false, ssh.Marshal(w))
}

// wait forwards signals until ended is closed: the channel is closed and all output has
// been written. At the first interrupt it asks the owner to stop waiting, and the owner
// prints a message; at the second this process exits at once. It also exits if it is
// told to end and the owner or the terminal takes too long. left is true if it exits
// early.
func (c *client) wait(ctx context.Context, sigs <-chan os.Signal, ended <-chan struct{}, broke <-chan struct{}) (code int, left bool) {
	var late <-chan time.Time
	asked := 0
	ask := func(name string, then int, patience time.Duration) {
		_, _ = c.ch.SendRequest("signal", false, ssh.Marshal(wire.Signal{Name: name}))
		code = then
		asked++
		if patience > 0 && late == nil {
			late = time.After(patience)
		}
	}
	stopped := ctx.Done()
	var silent <-chan time.Time // after the context ended
	for {
		select {
		case <-ended:
			return 0, false
		case <-broke:
			return 1, true
		case <-late:
			return code, true
		case <-stopped:
			// If a signal ended the context, it also arrives in sigs and is more
			// specific.
			stopped, silent = nil, time.After(200*time.Millisecond)
		case <-silent:
			if asked == 0 {
				ask("TERM", 130, 2*time.Second)
			}
		case g := <-sigs:
			switch g {
			case syscall.SIGWINCH:
				c.resize()
			case syscall.SIGCONT:
				c.term.resumeRaw()
				c.resize()
			case syscall.SIGINT, syscall.SIGQUIT:
				if !c.isAccepted() || asked > 0 {
					return 130, true
				}
				ask("INT", 130, 0)
			case syscall.SIGTERM:
				ask("TERM", 143, 2*time.Second)
			case syscall.SIGHUP:
				ask("HUP", 129, 2*time.Second)
			}
		}
	}
}

func (c *client) isAccepted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted
}

// outcome returns the result of the request once the channel is closed.
func (c *client) outcome(err error) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	screen := c.term.restore()
	switch {
	case c.reattach && c.accepted:
		return 0, errReattach
	case c.leaving && !c.accepted:
		return 0, errLeaving
	case c.exited && c.accepted:
		return c.code, nil
	case c.accepted:
		return 0, &LostError{Accepted: true, Screen: screen}
	case c.exited:
		return 0, model.Fail("attach.refused")
	case c.peer != nil:
		return 0, &LostError{}
	case err != nil:
		return 0, connError(err, c.dir, c.o)
	}
	// When the deadline passes, the connection is closed without an error here.
	if e := c.ssh.Wait(); errors.Is(e, os.ErrDeadlineExceeded) {
		return 0, noAnswerError(c.dir, c.o.Timeout)
	}
	return 0, &LostError{}
}
