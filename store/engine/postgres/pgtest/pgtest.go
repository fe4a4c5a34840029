// Package pgtest starts PostgreSQL servers for tests.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser is the user of the URLs, who needs no password over the socket.
const Superuser = "certquay"

// Server is a running server. Its data are not synced to the disk.
type Server struct {
	Dir     string // of the socket
	Port    int    // of the socket, and on 127.0.0.1, where passwords are wanted
	data    string
	args    []string
	process *exec.Cmd
	log     bytes.Buffer
	named   atomic.Int32 // number of databases
}

// Start starts a server, which ends with the test, with further arguments. Without
// PostgreSQL the test is skipped, or fails where CI=true.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(all) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("PostgreSQL is missing: apt-get install postgresql")
		}
		t.Skip("PostgreSQL is missing: apt-get install postgresql")
	}
	initdb := slices.Max(all)
	dir, err := os.MkdirTemp("", "certquay-pg-") // short, since it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{Dir: dir, Port: freePort(t), data: filepath.Join(dir, "data")}
	if id := unprivileged(t); id != nil {
		if err := os.Chown(dir, int(id.Uid), int(id.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	made := s.command(t, initdb, "-D", s.data, "-U", Superuser, "--auth-local=trust", "--auth-host=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.args = append([]string{filepath.Join(filepath.Dir(initdb), "postgres"), "-D", s.data, "-k", dir, "-p", strconv.Itoa(s.Port),
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=300", "-c", "unix_socket_permissions=0777"}, args...)
	s.Run(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// command returns a command that does not run as root, which PostgreSQL refuses.
func (s *Server) command(t testing.TB, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Env = s.Dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t)}
	return c
}

// unprivileged returns the user postgres for a test that runs as root, or else nil.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// Run starts the server again after it was stopped, and waits until it answers.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	s.process = s.command(t, s.args[0], s.args[1:]...)
	s.process.Stdout, s.process.Stderr = &s.log, &s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := pgx.Connect(t.Context(), s.url("postgres"))
		if err == nil {
			_ = c.Close(t.Context())
			return
		}
		if time.Now().After(until) {
			s.Stop(t)
			t.Fatalf("the server does not answer: %v\n%s", err, s.log.String())
		}
	}
}

// Stop ends the server and its connections, as an operator would.
func (s *Server) Stop(t testing.TB) { s.end(t, syscall.SIGINT) }

// Kill ends the server as a crash would.
func (s *Server) Kill(t testing.TB) { s.end(t, syscall.SIGQUIT) }

func (s *Server) end(t testing.TB, how os.Signal) {
	t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Process.Signal(how); err != nil {
		t.Error(err)
	}
	_ = s.process.Wait() // the exit code tells the signal
	s.process = nil
}

// WithTLS restarts the server with a certificate and its key, in PEM.
func (s *Server) WithTLS(t testing.TB, certificate, key string) {
	t.Helper()
	s.Stop(t)
	for name, content := range map[string]string{"server.crt": certificate, "server.key": key} {
		path := filepath.Join(s.data, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if id := unprivileged(t); id != nil {
			if err := os.Chown(path, int(id.Uid), int(id.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.args = append(s.args, "-c", "ssl=on")
	s.Run(t)
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://%s@/%s?%s", Superuser, database,
		url.Values{"host": {s.Dir}, "port": {strconv.Itoa(s.Port)}}.Encode())
}

// Database makes an empty database, and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("db%d", s.named.Add(1))
	s.Exec(t, s.url("postgres"), "create database "+name+" template template0 strategy file_copy")
	return s.url(name)
}

// Exec executes statements in a database.
func (s *Server) Exec(t testing.TB, at, statements string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.PgConn().Exec(ctx, statements).ReadAll(); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// Texts returns the first column of what a query in a database finds.
func (s *Server) Texts(t testing.TB, at, query string) []string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	rows, err := c.Query(ctx, query)
	if err == nil {
		var found []string
		if found, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return found
		}
	}
	t.Fatalf("%s: %v", query, err)
	return nil
}
