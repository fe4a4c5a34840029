package producttest

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/listen"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
)

// Program finds a program of a Debian package, in /usr/sbin too. Without it the test is
// skipped, or fails where CI=true.
func Program(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if p, err := exec.LookPath(path); err == nil {
			return p
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install -y --no-install-recommends %s", name, pkg)
	}
	t.Skipf("%s is missing: apt-get install %s", name, pkg)
	return ""
}

// Estate is what an operator left on a host: a directory with a pair for each of some host
// names, and room for the configuration of a server that runs on a port of loopback.
type Estate struct {
	Dir   string
	Port  int
	Hosts []string
	CA    *CA
	log   runnertest.Buffer
}

// Hosts are six host names for the contract suite.
var Hosts = []string{"a.example.com", "b.example.com", "c.example.com", "xn--bcher-kva.example", "e.example.com", "f.example.com"}

// NewEstate makes a directory with HOST.pem and HOST.key for each host, and a free port.
func NewEstate(t testing.TB, hosts ...string) *Estate {
	t.Helper()
	dir, err := os.MkdirTemp("", "cq") // short: sockets have paths of at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	e := &Estate{Dir: dir, Port: FreePort(t), Hosts: hosts, CA: NewCA(t, time.Now())}
	e.Mkdir(t, "tls")
	for _, h := range hosts {
		pair := e.CA.Pair(t, h)
		e.Write(t, e.Cert(h), string(bundle.CertificatePEM(pair.Chain...)), 0o644)
		e.Write(t, e.Key(h), string(bundle.KeyPEM(pair.Key)), 0o640)
	}
	return e
}

// Cert is the path of a host's certificate with its chain.
func (e *Estate) Cert(host string) string { return e.Path("tls/" + host + ".pem") }

// Key is the path of a host's key.
func (e *Estate) Key(host string) string { return e.Path("tls/" + host + ".key") }

// Path is a path in the directory.
func (e *Estate) Path(name string) string { return filepath.Join(e.Dir, name) }

// Mkdir makes directories below it.
func (e *Estate) Mkdir(t testing.TB, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := os.MkdirAll(e.Path(n), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Written is when files that somebody left on a host were last changed.
var Written = time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)

// Write writes a file, which was last changed when it was [Written].
func (*Estate) Write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(path, mode), os.Chtimes(path, Written, Written)); err != nil {
		t.Fatal(err)
	}
}

// State describes the certificates with all that is beside them.
func (e *Estate) State(t testing.TB) func() string {
	return func() string { return Tree(t, e.Path("tls")) }
}

// Address is where the server listens.
func (e *Estate) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(e.Port)) }

// Start runs a server in the foreground until the test ends, and waits until it listens.
func (e *Estate) Start(t testing.TB, argv ...string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &e.log, &e.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		force := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		force.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // workers that linger
		if t.Failed() {
			t.Logf("the server said:\n%s", e.log.String())
		}
	})
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		c, err := new(net.Dialer).DialContext(context.Background(), "tcp", e.Address())
		if err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("the server does not listen at %s", e.Address())
}

// Target is the target of a host.
func (e *Estate) Target(region string, n int) ports.Target {
	return ports.Target{Region: region, Name: e.Hosts[n]}
}

// Log is what the server has said.
func (e *Estate) Log() string { return e.log.String() }

// FreePort returns a port that nothing listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := listen.TCP(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// OnEach runs a test on this machine and on one that is reached by SSH: the same, through
// a real sshd.
func OnEach(t *testing.T, test func(t *testing.T, host runner.Runner)) {
	t.Run("local", func(t *testing.T) { test(t, runner.Local{}) })
	t.Run("SSH", func(t *testing.T) {
		test(t, runnertest.Open(t, runnertest.SSHD(t, runnertest.Options{}).Settings()))
	})
}
