package runnertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/runner"
)

func commands(t *testing.T, r runner.Runner) {
	for _, arg := range append(odd, "", "\x7f\x01", strings.Repeat("long ", 5000)) {
		out, err := r.Run(t.Context(), runner.Command{Argv: []string{"printf", "%s|", arg, "b"}})
		if err != nil || string(out.Stdout) != arg+"|b|" {
			t.Errorf("%.50q came as %.50q, %v", arg, out.Stdout, err)
		}
	}
	input := bytes.Repeat([]byte{0, 'x', '\n'}, 200_000)
	out, err := r.Run(t.Context(), runner.Command{Argv: []string{"cat"}, Stdin: input})
	if err != nil || !bytes.Equal(out.Stdout, input) {
		t.Errorf("%d bytes of %d, %v", len(out.Stdout), len(input), err)
	}
	if _, err = r.Run(t.Context(), runner.Command{Argv: []string{"true"}, Stdin: bytes.Repeat(input, 10)}); err != nil {
		t.Errorf("a command that does not read its input: %v", err)
	}
	if out, err = r.Run(t.Context(), runner.Command{Argv: []string{"cat"}}); err != nil || len(out.Stdout) > 0 {
		t.Errorf("no input: %q, %v", out.Stdout, err)
	}
	out, err = r.Run(t.Context(), runner.Command{Argv: []string{"sh", "-c", "echo out; echo err >&2; exit 7"}})
	var exit *runner.ExitError
	if !errors.As(err, &exit) || exit.Status != 7 || exit.Said != "err" || exit.Command != "sh" ||
		string(out.Stdout) != "out\n" || string(out.Stderr) != "err\n" {
		t.Errorf("%q, %q, %v", out.Stdout, out.Stderr, err)
	}
	if _, err = r.Run(
		t.Context(),
		runner.Command{Argv: []string{"sh", "-c", "echo out; exit 1"}},
	); !errors.As(err, &exit) ||
		exit.Said != "out" {
		t.Errorf("%v", err)
	}
	if _, err = r.Run(t.Context(), runner.Command{Argv: []string{"sh", "-c", "kill -9 $$"}}); !errors.As(err, &exit) || exit.Status != -1 {
		t.Errorf("%v", err)
	}
	out, err = r.Run(t.Context(), runner.Command{Argv: []string{"sh", "-c", "seq 100000; seq 9 >&2; exit 1"}, Limit: 10})
	if !errors.As(err, &exit) || string(out.Stdout) != "1\n2\n3\n4\n5\n" || string(out.Stderr) != "1\n2\n3\n4\n5\n" ||
		exit.Said != "1\n2\n3\n4\n5\n6\n7\n8\n9" {
		t.Errorf("%q, %q, %v", out.Stdout, out.Stderr, err)
	}
	out, err = r.Run(t.Context(), runner.Command{Argv: []string{"sh", "-c", "echo $PATH:; echo $LC_ALL"}})
	if err != nil || !strings.Contains(string(out.Stdout), "/usr/sbin:") || !strings.HasSuffix(string(out.Stdout), ":\nC\n") {
		t.Errorf("%q, %v", out.Stdout, err)
	}
}

func programs(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	plain := filepath.Join(dir, "plain")
	ok(t, os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644))
	for _, program := range []string{"no-such-program", dir + "/none", "-x"} {
		_, err := r.Run(t.Context(), runner.Command{Argv: []string{program}})
		is(t, err, fs.ErrNotExist)
	}
	for _, program := range []string{plain, dir} {
		_, err := r.Run(t.Context(), runner.Command{Argv: []string{program}})
		is(t, err, fs.ErrPermission)
	}
	_, err := r.Run(t.Context(), runner.Command{})
	is(t, err, fs.ErrInvalid)
	// A command may itself end as a shell does that finds no program.
	var exit *runner.ExitError
	if _, err = r.Run(t.Context(), runner.Command{Argv: []string{"sh", "-c", "exit 127"}}); !errors.As(err, &exit) || exit.Status != 127 {
		t.Errorf("%v", err)
	}
}

func killed(t *testing.T, r runner.Runner) {
	pids := filepath.Join(shortDir(t), "pids")
	// A shell with a child in its process group, neither of which ends by itself soon.
	script := `sleep 60 & echo $$ $! >"$1.new"; mv "$1.new" "$1"; wait`
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := r.Run(ctx, runner.Command{Argv: []string{"sh", "-c", script, "sh", pids}})
		ended <- err
	}()
	var started []byte
	eventually(t, "the command starts", func() bool { started, _ = os.ReadFile(pids); return len(started) > 0 })
	cancel()
	select {
	case err := <-ended:
		is(t, err, context.Canceled)
	case <-time.After(15 * time.Second):
		t.Fatal("the command goes on")
	}
	for pid := range strings.FieldsSeq(string(started)) {
		eventually(t, "process "+pid+" is gone", func() bool { return !running(pid) })
	}
}

// running reports whether a process runs; one that has ended and waits for its parent does
// not.
func running(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func daemons(t *testing.T, r runner.Runner) {
	begun := time.Now()
	out, err := r.Run(t.Context(), runner.Command{Argv: []string{"sh", "-c", "sleep 20 & echo $!"}})
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(out.Stdout)))
	if err != nil || convErr != nil || time.Since(begun) > 10*time.Second {
		t.Errorf("%q, %v after %v", out.Stdout, err, time.Since(begun))
		return
	}
	if !running(strconv.Itoa(pid)) {
		t.Error("the daemon was ended with the command that started it")
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
}

func many(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			content := strconv.Itoa(n)
			if err := r.WriteFile(t.Context(), filepath.Join(dir, "same"), []byte(content), runner.Attributes{Mode: 0o600}); err != nil {
				t.Errorf("%d: %v", n, err)
			}
			out, err := r.Run(t.Context(), runner.Command{Argv: []string{"echo", content}})
			if err != nil || string(out.Stdout) != content+"\n" {
				t.Errorf("%d: %q, %v", n, out.Stdout, err)
			}
		})
	}
	wg.Wait()
	alone(t, filepath.Join(dir, "same"))
}

func dialling(t *testing.T, r runner.Runner) {
	socket := filepath.Join(shortDir(t), "socket")
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": socket} {
		l, err := net.Listen(network, address)
		ok(t, err)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
			}
		}()
		conn, err := r.Dial(t.Context(), network, l.Addr().String())
		if err != nil {
			t.Errorf("%s: %v", network, err)
			continue
		}
		ok(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = conn.Write([]byte("hello"))
		ok(t, err)
		if half, is := conn.(interface{ CloseWrite() error }); !is {
			t.Errorf("%s: one side alone cannot be closed", network)
		} else {
			ok(t, half.CloseWrite())
		}
		if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
			t.Errorf("%s: %q, %v", network, got, err)
		}
		ok(t, conn.Close())
		conn, err = r.Dial(t.Context(), network, l.Addr().String())
		ok(t, err)
		ok(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err = conn.Read(make([]byte, 1))
		is(t, err, os.ErrDeadlineExceeded)
		_ = conn.Close() // the deadline may have closed it
		ok(t, l.Close())
		if _, err = r.Dial(t.Context(), network, l.Addr().String()); err == nil {
			t.Errorf("%s: something listens where nothing does", network)
		}
	}
	if _, err := r.Dial(t.Context(), "tcp", "no port"); err == nil {
		t.Error("an address without port was connected to")
	}
	if out, err := r.Run(t.Context(), runner.Command{Argv: []string{"true"}}); err != nil {
		t.Errorf("afterwards: %q, %v", out.Stderr, err)
	}
}
