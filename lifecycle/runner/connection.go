package runner

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxSessions is how many sessions a connection has at once. OpenSSH allows 10 (MaxSessions in
// sshd_config(5)); two are left for ending what others run.
const maxSessions = 8

// connection is a connection to a host that was logged in to.
type connection struct {
	client *ssh.Client
	dead   chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	running int           // sessions
	limit   int           // of running
	ended   chan struct{} // closed and made anew when a session ends
}

// newConnection looks after a connection: one that does not answer within the interval of
// keepalives is closed.
func newConnection(client *ssh.Client, keepalive time.Duration) *connection {
	if keepalive <= 0 {
		keepalive = defaultKeepalive
	}
	c := &connection{client: client, dead: make(chan struct{}), limit: maxSessions, ended: make(chan struct{})}
	go func() {
		_ = client.Wait() // why it ended, those who use it are told
		close(c.dead)
	}()
	go func() {
		for {
			select {
			case <-c.dead:
				return
			case <-time.After(keepalive):
			}
			give := time.AfterFunc(keepalive, func() { _ = client.Close() })
			_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
			give.Stop()
			if err != nil {
				return
			}
		}
	}()
	return c
}

func (c *connection) alive() bool {
	select {
	case <-c.dead:
		return false
	default:
		return true
	}
}

func (c *connection) close() error { return ignoreClosed(c.client.Close()) }

// channel is a session.
type channel struct {
	ssh.Channel

	requests <-chan *ssh.Request
	release  func()
}

// patience is how often a host may refuse a session although no other runs, and pause how long
// it is left alone then: it may not have noticed yet that one has ended.
const (
	patience = 10
	pause    = 100 * time.Millisecond
)

// session opens a session, and waits for others to end where there are too many. How many a
// host allows is learnt when it refuses one while others run. An urgent session waits for
// none.
func (c *connection) session(ctx context.Context, urgent bool) (*channel, error) {
	if urgent {
		return c.open(ctx)
	}
	for alone := 0; ; {
		if err := c.take(ctx); err != nil {
			return nil, err
		}
		ch, err := c.open(ctx)
		if err == nil {
			ch.release = func() { c.release(false) }
			return ch, nil
		}
		var refused *ssh.OpenChannelError
		isRefused := errors.As(err, &refused)
		if others := c.release(isRefused); !isRefused || others == 0 && alone == patience {
			return nil, err
		} else if others > 0 {
			continue
		}
		alone++
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take waits until fewer sessions run than may.
func (c *connection) take(ctx context.Context) error {
	for {
		c.mu.Lock()
		ended := c.ended
		if c.running < c.limit {
			c.running++
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
		select {
		case <-ended:
		case <-c.dead:
			return net.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release is called when a session has ended or was refused. It returns how many others run.
func (c *connection) release(refused bool) (others int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if refused && c.running > 0 {
		c.limit = min(c.limit, c.running)
	}
	close(c.ended)
	c.ended = make(chan struct{})
	return c.running
}

// open opens a session, which a host that hangs may take long for.
func (c *connection) open(ctx context.Context) (*channel, error) {
	type opened struct {
		channel *channel
		err     error
	}
	done := make(chan opened, 1)
	go func() {
		ch, requests, err := c.client.OpenChannel("session", nil)
		done <- opened{&channel{Channel: ch, requests: requests, release: func() {}}, err}
	}()
	select {
	case o := <-done:
		return o.channel, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.err == nil {
				go ssh.DiscardRequests(o.channel.requests)
				_ = o.channel.Close()
			}
		}()
		return nil, ctx.Err()
	}
}
