package sshd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/cmd/sshd"
)

// crowd keeps so many connections from addresses of loopback that send what is
// given and then nothing; one that is cut off is made anew. It returns once all
// have been there.
func crowd(t *testing.T, to string, many int, from []string, say string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var came atomic.Int64
	all := make(chan struct{})
	for n := range many {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from[n%len(from)])}}
		wg.Go(func() {
			for first := true; ctx.Err() == nil; first = false {
				c, err := d.DialContext(ctx, "tcp", to)
				if err != nil {
					continue
				}
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				_, _ = io.WriteString(c, say)
				if first && came.Add(1) == int64(many) {
					close(all)
				}
				_, _ = io.Copy(io.Discard, c)
				stop()
				_ = c.Close()
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	select {
	case <-all:
	case <-time.After(patience):
		t.Fatal("the crowd does not come")
	}
}

// finding: R-H5
func TestACrowdThatSaysNothingKeepsNobodyOut(t *testing.T) {
	many := []string{"127.0.0.1"}
	for n := range 20 {
		many = append(many, fmt.Sprintf("127.0.0.%d", n+2))
	}
	for _, c := range []struct {
		name string
		many int
		from []string
		say  string
	}{
		{"25 of one address", 25, many[:1], ""},
		{"1000 of one address", 1000, many[:1], ""},
		{"1000 of many addresses", 1000, many, ""},
		{"1000 that say their version", 1000, many[1:], "SSH-2.0-x\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := serve(t, verbs, sshd.Limits{})
			crowd(t, n.addr, c.many, c.from, c.say)
			for range 5 {
				begun := time.Now()
				k, err := ssh.Dial("tcp", n.addr, n.config())
				if err != nil {
					t.Fatal(err)
				}
				s, err := k.NewSession()
				if err != nil {
					t.Fatal(err)
				}
				if out, err := s.Output("args x"); err != nil || string(out) != "[\"x\"]\n" {
					t.Errorf("%q %v", out, err)
				}
				t.Logf("logged in after %s", time.Since(begun))
				_ = k.Close()
			}
		})
	}
}

// finding: R-H5
func TestConnectionsOneAfterTheOtherKeepNobodyOut(t *testing.T) {
	many := 10_000
	if testing.Short() {
		many = 1000
	}
	n := serve(t, verbs, sshd.Limits{})
	for range many {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	if out, err := n.session(t).Output("args x"); err != nil || string(out) != "[\"x\"]\n" {
		t.Errorf("%q %v", out, err)
	}
	if lines := strings.Count(n.log.String(), "\n"); lines > many/2 {
		t.Errorf("%d lines of log", lines)
	}
}

// finding: R-H5
func TestAClientMustSayItsVersionSoon(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{Greeting: 50 * time.Millisecond})
	for _, say := range []string{"", "SSH-2.0-without-an-end"} {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, say)
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second)) // the handshake has 10
		if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q: it is kept", say)
		}
		var late net.Error
		_, err = c.Read(make([]byte, 1))
		if errors.As(err, &late) && late.Timeout() {
			t.Errorf("%q: it is kept", say)
		}
		_ = c.Close()
	}
}

// finding: R-M11
func TestWhoeverFindsItFullIsToldSo(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{Connections: 1})
	first := granted(t, n.dial(t))
	defer func() { _ = first.Close() }()
	c, err := ssh.Dial("tcp", n.addr, n.config())
	if err != nil {
		t.Fatal("told as if the key were wrong:", err)
	}
	defer func() { _ = c.Close() }()
	var refused *ssh.OpenChannelError
	if _, err := c.NewSession(); !errors.As(err, &refused) || !strings.Contains(refused.Message, "full") {
		t.Errorf("%v", err)
	}
}

// frozen passes a connection on until it is told to pass nothing any more, as
// a computer that was put to sleep.
func frozen(t *testing.T, to string) (addr string, freeze func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asleep atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			_ = c.Close()
			return
		}
		pass := func(to, from net.Conn) {
			b := make([]byte, 4096)
			for {
				n, err := from.Read(b)
				if err != nil {
					_ = to.Close()
					return
				}
				if !asleep.Load() {
					_, _ = to.Write(b[:n])
				}
			}
		}
		wg.Go(func() { pass(server, c) })
		wg.Go(func() { pass(c, server) })
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String(), func() { asleep.Store(true) }
}

// finding: R-L9
func TestASleepingComputerKeepsNobodyOut(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{PerKey: 2, Probe: 200 * time.Millisecond})
	addr, freeze := frozen(t, n.addr)
	asleep, err := ssh.Dial("tcp", addr, n.config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = asleep.Close() }()
	s := granted(t, asleep)
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	awake := n.dial(t)
	there := granted(t, awake)
	freeze()
	c := n.dial(t)
	if out, err := granted(t, c).Output("args x"); err != nil || string(out) != "[\"x\"]\n" {
		t.Errorf("%q %v", out, err)
	}
	// Those that answer stay, and the next is told.
	if out, err := there.Output("args y"); err != nil || string(out) != "[\"y\"]\n" {
		t.Errorf("one that answers was dropped: %q %v", out, err)
	}
	over, err := ssh.Dial("tcp", n.addr, n.config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = over.Close() }()
	if _, err := over.NewSession(); err == nil || !strings.Contains(err.Error(), "full for this key") {
		t.Errorf("%v", err)
	}
}

// A connection whose other side says nothing any more is dropped, also while
// writing to it succeeds, as it does until its buffers are full.
//
// finding: R-L9
func TestASilentConnectionIsDropped(t *testing.T) {
	for _, writes := range []bool{false, true} {
		t.Run(fmt.Sprint("writes ", writes), func(t *testing.T) {
			left := make(chan struct{})
			n := serve(t, func(ctx context.Context, s *session.Session, _ []string) int {
				defer close(left)
				for tick := time.NewTicker(20 * time.Millisecond); ; {
					select {
					case <-ctx.Done():
						return 0
					case <-tick.C:
						if writes {
							_, _ = io.WriteString(s.Out, "x")
						}
					}
				}
			}, sshd.Limits{Silent: 300 * time.Millisecond})
			addr, freeze := frozen(t, n.addr)
			c, err := ssh.Dial("tcp", addr, n.config())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if err := granted(t, c).Start("wait"); err != nil {
				t.Fatal(err)
			}
			freeze()
			select {
			case <-left:
			case <-time.After(patience):
				t.Error("it is kept")
			}
		})
	}
}

// A person who reads and types nothing is asked whether the connection lives, and
// stays when it answers.
//
// finding: R-L9
func TestAnIdleConnectionThatAnswersIsKept(t *testing.T) {
	const silent = 1500 * time.Millisecond
	left := make(chan struct{})
	n := serve(t, func(ctx context.Context, _ *session.Session, _ []string) int {
		defer close(left)
		<-ctx.Done()
		return 0
	}, sshd.Limits{Silent: silent})
	if err := granted(t, n.dial(t)).Start("wait"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-left:
		t.Error("it is dropped")
	case <-time.After(2 * silent):
	}
}

// finding: R-M3
func TestAKeyThatIsTakenAwayEndsItsSessions(t *testing.T) {
	for _, typed := range []string{"", "j"} {
		limits := sshd.Limits{Recheck: 20 * time.Millisecond}
		if typed != "" {
			limits.Recheck = time.Hour // only what is typed finds it
		}
		n := serve(t, verbs, limits)
		_, other := newKey(t)
		s := n.session(t)
		if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
			t.Fatal(err)
		}
		out := &safeBuffer{}
		s.Stdout, s.Stderr = out, out
		in, err := s.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Shell(); err != nil {
			t.Fatal(err)
		}
		out.await(t, "<80x24")
		write(t, n.keys, other+"\n")
		_, _ = io.WriteString(in, typed)
		var exit *ssh.ExitError
		if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 1 || !strings.Contains(out.String(), "may not log in any more") {
			t.Errorf("typed %q: %v %q", typed, err, out.String())
		}
	}
}

// finding: R-L3
func TestACommentIsShownWithoutEscapes(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{})
	write(t, n.keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(n.key.PublicKey())))+" an\x1bna\u009b\u202e\n")
	out, err := n.session(t).Output("who")
	if err != nil || !strings.Contains(string(out), "Name:an\ufffdna\ufffd\ufffd Role") {
		t.Errorf("%q %v", out, err)
	}
}
