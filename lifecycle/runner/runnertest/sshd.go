// Package runnertest is the suite that all runners pass, and a real sshd for tests of what
// uses them.
package runnertest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"certquay/lifecycle/listen"
	"certquay/lifecycle/runner"
)

// Options are how a server differs from one that allows everything. None has sftp.
type Options struct {
	NoForwarding bool
	MaxSessions  int // 0 means that of OpenSSH, 10
	Sudo         Sudo
	// Noise makes the login print lines of its own before every command.
	Noise bool
	// Hosts is as how many hosts the server answers, 127.0.0.1 and the addresses after it;
	// 0 means one.
	Hosts int
	// Path is a directory for the beginning of PATH; "" for none.
	Path string
	// Debug makes the server log all that it can.
	Debug bool
}

// Sudo is what the program sudo of the server does.
type Sudo string

// Kinds of sudo.
const (
	SudoNone    Sudo = ""        // sudo is as it is on this machine
	SudoGranted Sudo = "granted" // it runs commands as the user that tests run as
	SudoNobody  Sudo = "nobody"  // it runs commands as the user nobody; tests run as root
	SudoRefused Sudo = "refused" // it wants a password
)

// Server is OpenSSH's sshd on loopback. It runs as the user that tests run as, who logs in
// with a key of the test.
type Server struct {
	Address string // user@127.0.0.1:port
	dir     string
	config  string
	user    string
	hosts   []string
	port    string
	ssh     string // where sshd listens, behind proxy
	proxy   *proxy
	cmd     *exec.Cmd
	log     *Buffer
}

// SSHD starts a server, which ends with the test. Without OpenSSH the test is skipped, or
// fails where CI=true.
func SSHD(t testing.TB, o Options) *Server {
	t.Helper()
	Need(t, program, "openssh-server")
	dir := shortDir(t)
	s := &Server{dir: dir, log: &Buffer{}, ssh: freeAddress(t)}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.path("authorized_keys"), string(ssh.MarshalAuthorizedKey(newKey(t, s.path("id")))), 0o600)
	listen := "127.0.0.1"
	if o.Hosts > 1 {
		listen = "0.0.0.0"
	}
	for n := range max(o.Hosts, 1) {
		s.hosts = append(s.hosts, fmt.Sprintf("127.0.0.%d", n+1))
	}
	_, port, _ := net.SplitHostPort(s.ssh)
	s.proxy = startProxy(t, listen, port)
	_, s.port, _ = net.SplitHostPort(s.proxy.address())
	s.user = me.Username
	s.Address = fmt.Sprintf("%s@127.0.0.1:%s", me.Username, s.port)
	var config strings.Builder
	fmt.Fprintf(&config, "ListenAddress %s:%s\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nUsePAM no\nStrictModes no\n",
		listen, port, s.path("host_key"), s.path("authorized_keys"))
	fmt.Fprintf(&config, "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n")
	if o.NoForwarding {
		fmt.Fprintf(&config, "AllowTcpForwarding no\nAllowStreamLocalForwarding no\n")
	}
	if o.MaxSessions > 0 {
		fmt.Fprintf(&config, "MaxSessions %d\n", o.MaxSessions)
	}
	path := "/usr/local/bin:/usr/bin:/bin"
	if o.Path != "" {
		path = o.Path + ":" + path
	}
	if o.Debug {
		fmt.Fprintf(&config, "LogLevel DEBUG3\n")
	}
	if o.Sudo != SudoNone {
		path = SudoDir(t, o.Sudo) + ":" + path
	}
	if o.Noise {
		// A forced command prints whatever the shell of the user is.
		write(t, s.path("noisy"), "#!/bin/sh\necho Welcome.\necho Behave. >&2\nexec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\n", 0o755)
		fmt.Fprintf(&config, "ForceCommand %s\n", s.path("noisy"))
	}
	// What the user's shell would read on this machine is none of the test's.
	fmt.Fprintf(&config, "SetEnv PATH=%s HOME=%s\n", path, dir)
	s.config = config.String()
	if os.Getuid() == 0 { // sshd wants it, as its service would make it
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.NewHostKey(t)
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("sshd: %s", s.log.String())
		}
	})
	return s
}

const program = "/usr/sbin/sshd"

// Need skips a test without a program of a Debian package, or fails it where CI=true.
func Need(t testing.TB, program, debian string) {
	t.Helper()
	if _, err := os.Stat(program); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install %s", program, debian)
	}
	t.Skipf("%s is missing: apt-get install %s", program, debian)
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// Settings reach the server, as each of its hosts, with the key of the test, and its host key
// is known.
func (s *Server) Settings() runner.Settings {
	var all []string
	for _, h := range s.hosts {
		all = append(all, fmt.Sprintf("%s@%s:%s", s.user, h, s.port))
	}
	return runner.Settings{SSH: all, KeyFile: s.path("id"), KnownHosts: s.path("known_hosts")}
}

// Open returns the runner of some settings, which is closed with the test.
func Open(t testing.TB, settings runner.Settings) runner.Runner {
	t.Helper()
	all, err := runner.Open(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, r := range all {
			if err := r.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
	return all[0]
}

// NewHostKey gives the server another host key, which is known, and starts it again. It
// returns the fingerprint.
func (s *Server) NewHostKey(t testing.TB) string {
	t.Helper()
	s.Stop(t)
	if err := os.RemoveAll(s.path("host_key")); err != nil {
		t.Fatal(err)
	}
	key := newKey(t, s.path("host_key"))
	var names []string
	for _, h := range s.hosts {
		names = append(names, net.JoinHostPort(h, s.port))
	}
	write(t, s.path("known_hosts"), knownhosts.Line(names, key)+"\n", 0o600)
	s.Start(t)
	return ssh.FingerprintSHA256(key)
}

// Start starts the server again after [Server.Stop].
func (s *Server) Start(t testing.TB) {
	t.Helper()
	write(t, s.path("sshd_config"), s.config, 0o600)
	s.cmd = exec.Command(program, "-D", "-e", "-f", s.path("sshd_config"))
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.ssh)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("sshd does not listen: %s", s.log.String())
		}
	}
}

// Stop ends the server and all its connections.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.Cut()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("end sshd: %v", err)
	}
	_ = s.cmd.Wait() // the status after a signal says nothing
	s.cmd = nil
}

// Cut cuts all connections to the server.
func (s *Server) Cut() { s.proxy.cut() }

// CutAfter cuts the connections to the server when n more bytes were sent to it.
func (s *Server) CutAfter(n int) { s.proxy.cutAfter(n) }

// Log is what the server has said.
func (s *Server) Log() string { return s.log.String() }

// Freeze lets connections stand without passing anything on, until it is called with false.
func (s *Server) Freeze(frozen bool) { s.proxy.freeze(frozen) }

// Logins is how often somebody connected.
func (s *Server) Logins() int { return s.proxy.connections() }

// SudoDir is a directory with a program sudo, for the beginning of PATH.
func SudoDir(t testing.TB, kind Sudo) string {
	t.Helper()
	dir := shortDir(t)
	script := "#!/bin/sh\n[ \"$1 $2\" = '-n --' ] || { echo \"sudo: not as it is called: $*\" >&2; exit 1; }\nshift 2\n"
	switch kind {
	case SudoRefused:
		script += "echo 'sudo: a password is required' >&2\nexit 1\n"
	case SudoNobody:
		script += "exec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"$@\"\n"
	default:
		script += "SUDO_UID=0 exec \"$@\"\n"
	}
	write(t, filepath.Join(dir, "sudo"), script, 0o755)
	return dir
}

func newKey(t testing.TB, path string) ssh.PublicKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(pem.EncodeToMemory(block)), 0o600)
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func write(t testing.TB, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// shortDir is a directory that every user may pass through, with a path that is short enough
// for sockets.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "runner")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Buffer is a buffer for what a process says, which may be read meanwhile.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (s *Buffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

// String is all that was written.
func (s *Buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
