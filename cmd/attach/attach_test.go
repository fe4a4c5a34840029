package attach_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/cmd/attach"
	"certquay/cmd/owner"
	"certquay/cmd/peer"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
)

// spec: 9, design 2: the same verbs, exit codes and streams when attached.
func TestVerbs(t *testing.T) {
	dir := t.TempDir() + "/data"
	start(t, dir, &handler{})
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "in.txt"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		args     []string
		in       string
		env      []string
		out, err string
		code     int
	}{
		{name: "empty arguments survive", args: []string{"echo", "", "a b", "", "\n", "'"}, out: `["" "a b" "" "\n" "'"]`},
		{name: "exit code and standard error", args: []string{"exit", "xxx"}, err: "leaving\n", code: 3},
		{name: "standard input and its end", args: []string{"cat", "-"}, in: "typed", out: "typed", err: "5 <nil>"},
		{name: "a file relative to the caller", args: []string{"cat", "in.txt"}, out: "hello"},
		{name: "a file that is not there", args: []string{"cat", "none"}, err: "no such file", code: 1},
		{name: "language and actor", args: []string{"who"}, env: []string{"LANG=zh_CN.UTF-8", "TERM=xterm"},
			out: "socket owner 1 width 0 terminal false lang zh TERM=xterm\n"},
		{name: "no terminal, no dashboard", args: nil, err: "needs a terminal", code: 2},
		{name: "no terminal, no question", args: []string{"ask"}, out: `got "" "" session.no-terminal`},
		{name: "a panic is one line", args: []string{"panic"}, err: "certquay: this failed inside certquay; what happened is in the log.",
			code: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, dir, strings.NewReader(c.in), attach.Options{Args: c.args, Dir: work, Env: append([]string{}, c.env...)})
			if got.code != c.code || !strings.Contains(got.out, c.out) || !strings.Contains(got.err, c.err) {
				t.Errorf("got %+v", got)
			}
			if strings.Contains(got.err, "goroutine") {
				t.Errorf("a stack reached the person: %s", got.err)
			}
		})
	}
	got := run(t, dir, nil, attach.Options{Args: []string{"write", "out.txt", "text"}, Dir: work})
	st, err := os.Stat(filepath.Join(work, "out.txt"))
	if got.code != 0 || err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("write: %+v %v", got, err)
	}
}

// A verb that does not read its input leaves it to the next:
// while read id; do certquay renew $id; done.
func TestInputIsLeftAlone(t *testing.T) {
	dir := t.TempDir() + "/data"
	start(t, dir, &handler{})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	_, _ = io.WriteString(w, "one\ntwo\n")
	_ = w.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	o := attach.Options{Args: []string{"echo"}, Version: version, In: r, Out: null, Err: null}
	if code, err := attach.Attach(t.Context(), dir, o); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	if b, _ := io.ReadAll(r); string(b) != "one\ntwo\n" {
		t.Errorf("the verb took input: %q is left", b)
	}
}

// A long input and a long output at once neither stall nor lose a byte.
func TestMuchData(t *testing.T) {
	dir := t.TempDir() + "/data"
	start(t, dir, &handler{})
	data := bytes.Repeat([]byte("0123456789abcdef\x03\n"), 300_000)
	got := run(t, dir, bytes.NewReader(data), attach.Options{Args: []string{"cat", "-"}})
	if got.out != string(data) {
		t.Errorf("%d of %d bytes came back", len(got.out), len(data))
	}
}

// Socket paths longer than the kernel takes are bound and dialled.
func TestLongPath(t *testing.T) {
	dir := t.TempDir()
	for len(dir) < 220 {
		dir += "/a-rather-long-name-of-a-directory"
	}
	start(t, dir, &handler{})
	if got := run(t, dir, nil, attach.Options{Args: []string{"exit", "xx"}}); got.code != 2 {
		t.Errorf("got %+v", got)
	}
	st, err := os.Stat(owner.Socket(dir))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", st.Mode(), err)
	}
}

// design: same major.minor attaches, else restart it.
func TestVersion(t *testing.T) {
	dir := t.TempDir() + "/data"
	start(t, dir, &handler{})
	if got := run(t, dir, nil, attach.Options{Args: []string{"exit", ""}, Version: "1.2.99-rc1"}); got.code != 0 {
		t.Errorf("same minor: %+v", got)
	}
	got := run(t, dir, nil, attach.Options{Args: []string{"exit", ""}, Version: "1.3.0"})
	if got.code != 5 || !strings.Contains(got.err, "is certquay 1.2.3, you are 1.3.0; restart it") {
		t.Errorf("other minor: %+v", got)
	}
}

// silent owns a store and lets connections in, but says nothing, like a
// process that was stopped.
func silent(t *testing.T, dir string) {
	t.Helper()
	l, err := owner.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := sshd.ListenSocket(l.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = ln.Close(), l.Release() })
}

// An owner that is stopped is told from one that is not there.
func TestNoAnswer(t *testing.T) {
	dir := t.TempDir() + "/data"
	silent(t, dir)
	null, _ := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	defer func() { _ = null.Close() }()
	begun := time.Now()
	_, err := attach.Attach(t.Context(), dir, attach.Options{Version: version, In: null, Out: null, Err: null, Timeout: time.Second})
	if !errors.Is(err, attach.ErrNoAnswer) || time.Since(begun) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
	got := run(t, dir, nil, attach.Options{Args: []string{"echo"}, Timeout: 500 * time.Millisecond})
	if got.code != 5 || !strings.Contains(got.err, fmt.Sprintf("process %d, which owns the store, did not say anything", os.Getpid())) ||
		strings.Count(got.err, "\n") != 1 {
		t.Errorf("got %+v", got)
	}
}

// An owner that holds the lock but has no socket is waited for, then named.
func TestOwnerWithoutSocket(t *testing.T) {
	dir := t.TempDir() + "/data"
	l, err := owner.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, dir, nil, attach.Options{Args: []string{"echo"}, Timeout: 300 * time.Millisecond})
	if got.code != 5 || !strings.Contains(got.err, fmt.Sprintf("process %d owns the store", os.Getpid())) {
		t.Errorf("got %+v", got)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = l.Release() })
	became := false
	got = run(t, dir, nil, attach.Options{BecomeOwner: func(*owner.Lock) (int, *peer.Peer) { became = true; return 7, nil }})
	if got.code != 7 || !became {
		t.Errorf("after the owner left: %+v", got)
	}
}

// Whoever connects a wrong protocol or request gets nothing done.
func TestStrangers(t *testing.T) {
	dir := t.TempDir() + "/data"
	start(t, dir, sshd.HandlerFunc(func(context.Context, *session.Session, []string) int {
		t.Error("a stranger's request was served")
		return 0
	}))
	c, err := net.Dial("unix", owner.Socket(dir))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection was kept")
	}
	_ = c.Close()
}

// A verb that runs while the owner leaves is waited for; one that comes then
// is not begun.
func TestLeaving(t *testing.T) {
	dir := t.TempDir() + "/data"
	running, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	srv := start(t, dir, sshd.HandlerFunc(func(_ context.Context, s *session.Session, _ []string) int {
		once.Do(func() { close(running) })
		<-release
		_, _ = io.WriteString(s.Out, "done")
		return 4
	}))
	first := make(chan call, 1)
	go func() { first <- run(t, dir, nil, attach.Options{Args: []string{"a"}}) }()
	<-running
	if n := srv.Count(); n != 1 {
		t.Errorf("%d here", n)
	}
	closed := make(chan error, 1)
	go func() { closed <- srv.Close(t.Context()) }()
	for i := 0; ; i++ {
		got := run(t, dir, nil, attach.Options{Args: []string{"b"}, Timeout: 300 * time.Millisecond})
		if got.code == 5 && strings.Contains(got.err, "stopping") {
			break
		}
		if i == 20 {
			t.Fatalf("a verb was taken while leaving: %+v", got)
		}
	}
	close(release)
	if got := <-first; got.code != 4 || got.out != "done" {
		t.Errorf("the running verb: %+v", got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
