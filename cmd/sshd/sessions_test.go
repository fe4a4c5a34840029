package sshd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/model"
)

// Window sizes are clamped, first and later; nobody's changes hold up the
// connection, of a verb neither.
func TestWindows(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{})
	s := n.session(t)
	if err := s.RequestPty("xterm-256color", 65535, 65535, nil); err != nil {
		t.Fatal(err)
	}
	in, _ := s.StdinPipe()
	out := &safeBuffer{}
	s.Stdout = out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	out.await(t, "<500x200 100000>")
	for range 200 {
		_ = s.WindowChange(1<<31-1, 1<<31-1)
	}
	_ = s.WindowChange(0, 0)
	_ = s.WindowChange(33, 111)
	out.await(t, "111x33")
	_, _ = io.WriteString(in, "q")
	if err := s.Wait(); err != nil {
		t.Error(err)
	}

	verb := n.session(t)
	if err := verb.RequestPty("xterm", 24, 4000, nil); err != nil {
		t.Fatal(err)
	}
	vin, _ := verb.StdinPipe()
	vout := &safeBuffer{}
	verb.Stdout = vout
	if err := verb.Start("tty"); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		_ = verb.WindowChange(10, 10)
	}
	vout.await(t, "500 true\r\n")
	_, _ = io.WriteString(vin, "\x03") // as the key: the terminal is raw
	if err := verb.Wait(); err != nil {
		t.Error(err)
	}
}

// Questions are asked on a terminal that does nothing by itself.
func TestAsk(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{})
	s := n.session(t)
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	in, _ := s.StdinPipe()
	out := &safeBuffer{}
	s.Stdout, s.Stderr = out, out
	if err := s.Start("ask"); err != nil {
		t.Fatal(err)
	}
	out.await(t, "really? ")
	_, _ = io.WriteString(in, "yesx\x7f\rhush\r")
	out.await(t, `got "yes" "hush" <nil> <nil>`)
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	if before, _, _ := strings.Cut(out.String(), "got"); strings.Contains(before, "hush") {
		t.Errorf("the secret was shown: %q", out.String())
	}
}

// granted opens a session as soon as the server lets it: one that was closed
// counts until the server has heard of that.
func granted(t *testing.T, c *ssh.Client) *ssh.Session {
	t.Helper()
	for until := time.Now().Add(patience); ; { // each time the server is asked, and answers
		s, err := c.NewSession()
		if err == nil {
			return s
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// A panic in a dashboard, or in one of its commands, ends that dashboard with one line and
// is in the log; other sessions, of the same connection too, go on. spec: V9
func TestAPanicLeavesOtherSessionsAlone(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, key := range []string{"P", "C"} {
		n := serve(t, verbs, sshd.Limits{})
		slog.SetDefault(slog.New(slog.NewTextHandler(n.log, nil)))
		c := n.dial(t)
		show := func(k *ssh.Client) (*ssh.Session, io.Writer, *safeBuffer) {
			s := granted(t, k)
			if err := s.RequestPty("xterm-256color", 24, 80, nil); err != nil {
				t.Fatal(err)
			}
			in, err := s.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out := &safeBuffer{}
			s.Stdout, s.Stderr = out, out
			if err := s.Shell(); err != nil {
				t.Fatal(err)
			}
			out.await(t, "80x24")
			return s, in, out
		}
		bad, badIn, badOut := show(c)
		same, sameIn, sameOut := show(c)
		other, otherIn, otherOut := show(n.dial(t))
		_, _ = io.WriteString(badIn, key)
		var exit *ssh.ExitError
		if err := bad.Wait(); !errors.As(err, &exit) || exit.ExitStatus() == 0 {
			t.Errorf("%s: it ended with %v", key, err)
		}
		if said := badOut.String(); !strings.Contains(said, "the dashboard failed; what happened is in the log") ||
			strings.Contains(said, "secret detail") ||
			strings.Contains(said, "goroutine") {
			t.Errorf("%s: it says %q", key, said)
		}
		if log := n.log.String(); !strings.Contains(log, "secret detail") {
			t.Errorf("%s: the log does not tell: %s", key, log)
		}
		for _, s := range []struct {
			*ssh.Session
			in  io.Writer
			out *safeBuffer
		}{{same, sameIn, sameOut}, {other, otherIn, otherOut}} {
			if err := s.WindowChange(33, 111); err != nil {
				t.Fatal(err)
			}
			s.out.await(t, "111x33")
			_, _ = io.WriteString(s.in, "q")
			if err := s.Wait(); err != nil {
				t.Errorf("%s: another session ended with %v", key, err)
			}
		}
	}
}

// What a client can take is bounded.
func TestLimits(t *testing.T) {
	n := serve(
		t,
		verbs,
		sshd.Limits{
			PerKey:     2,
			Channels:   2,
			Variables:  3,
			EnvBytes:   100,
			Command:    1000,
			Handshake:  300 * time.Millisecond,
			Handshakes: 2,
			NoSession:  300 * time.Millisecond,
		},
	)
	c := n.dial(t)
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if s.Setenv("BIG", strings.Repeat("x", 200)) == nil {
		t.Error("a large variable was taken")
	}
	for i := range 4 {
		if err := s.Setenv(fmt.Sprint("LC_", i), "a\x1b[0m"); (err == nil) != (i < 3) {
			t.Errorf("variable %d: %v", i, err)
		}
	}
	if s.Start("args "+strings.Repeat("x", 2000)) == nil {
		t.Error("a long command was taken")
	}
	if out, err := s.Output("who"); err != nil || !strings.Contains(string(out), `"LC_0=a\\x1b[0m"`) {
		t.Errorf("%s %v", out, err)
	}
	_ = s.Close()
	a, b := granted(t, c), granted(t, c)
	if _, err := c.NewSession(); err == nil {
		t.Error("a third session in one connection")
	}
	second := n.dial(t)
	if x, err := ssh.Dial("tcp", n.addr, n.config()); err == nil {
		if _, err := x.NewSession(); err == nil {
			t.Error("a third connection with one key")
		}
		_ = x.Close()
	}
	// A connection without a session is closed, and gives its place back.
	gone := make(chan struct{})
	go func() { _ = second.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("an unused connection is kept")
	}
	for until, free := time.Now().Add(patience), false; !free; { // each time the server is asked
		x, err := ssh.Dial("tcp", n.addr, n.config())
		if err == nil {
			_, err = x.NewSession()
			_ = x.Close()
		}
		if free = err == nil; !free && time.Now().After(until) {
			t.Fatalf("no place becomes free: %v", err)
		}
	}
	_, _ = a.Close(), b.Close()
	// A client that says nothing is thrown out.
	raw, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	_ = raw.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, raw); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a silent client is kept")
	}
}

// Those who are here are counted; the owner's leaving reaches dashboards.
func TestHereAndLeaving(t *testing.T) {
	var srv *sshd.Server
	ready := make(chan struct{})
	n := serve(t, func(ctx context.Context, s *session.Session, args []string) int {
		<-ready
		if len(args) == 0 {
			defer srv.Dashboard(ctx)()
		}
		return verbs(ctx, s, args)
	}, sshd.Limits{})
	srv = n.Server
	close(ready)
	s := n.session(t)
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	out := &safeBuffer{}
	s.Stdout, s.Stderr = out, out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	out.await(t, "<80x24")
	ctx, leave := srv.Register(t.Context(), &session.Session{Actor: model.Actor{Name: "root", Via: "terminal"}}, nil)
	if n := srv.Count(); n != 2 {
		t.Errorf("%d sessions are going on", n)
	}
	leave()
	if ctx.Err() == nil || srv.Count() != 1 {
		t.Error("leaving does nothing")
	}
	closing, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := srv.Close(closing); err != nil {
		t.Error(err)
	}
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != session.ExitReattach {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "connect again in a moment") {
		t.Errorf("%q", out.String())
	}
}

// A client that is lost ends the waiting of its verb.
func TestDisconnected(t *testing.T) {
	cause := make(chan error, 1)
	n := serve(t, func(ctx context.Context, _ *session.Session, _ []string) int {
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return 0
	}, sshd.Limits{})
	c := n.dial(t)
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case err := <-cause:
		if !errors.Is(err, session.ErrDisconnected) {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the verb waits for nobody")
	}
}

// Whoever does not end in time is cut off, and nothing runs afterwards.
func TestCutOff(t *testing.T) {
	ended := make(chan struct{})
	n := serve(t, func(ctx context.Context, s *session.Session, _ []string) int {
		_, _ = io.WriteString(s.Out, "begun")
		<-ctx.Done()
		close(ended)
		return 0
	}, sshd.Limits{})
	s := n.session(t)
	out := &safeBuffer{}
	s.Stdout = out
	if err := s.Start("long"); err != nil {
		t.Fatal(err)
	}
	out.await(t, "begun")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := n.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	select {
	case <-ended:
	default:
		t.Error("the handler still runs")
	}
}
