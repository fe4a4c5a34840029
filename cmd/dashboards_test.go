package cmd_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/waittest"
)

// remote is a dashboard over SSH in a terminal that nobody looks at.
type remote struct {
	*ssh.Session
	in  io.Writer
	out *safeBuffer
}

// dial connects with the key "mine".
func (d *sshd) dial(t testing.TB) *ssh.Client {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(d.dir, "mine"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	return d.dialWith(t, key)
}

func (d *sshd) dialWith(t testing.TB, key ssh.Signer) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", net.JoinHostPort(d.host, d.port), &ssh.ClientConfig{
		User: "me", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// dashboard opens a dashboard of 120 x 40 in a connection and waits until it
// is drawn.
func dashboardOver(t testing.TB, c *ssh.Client) *remote {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	r := &remote{Session: s, out: &safeBuffer{}}
	if err := s.RequestPty("xterm-256color", 40, 120, nil); err != nil {
		t.Fatal(err)
	}
	s.Stdout, s.Stderr = r.out, r.out
	if r.in, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	r.waitFor(t, "Overview")
	return r
}

// waitFor waits until something was written to the terminal.
func (r *remote) waitFor(t testing.TB, what string) {
	t.Helper()
	waitFor(t, what, func() bool { return strings.Contains(r.out.String(), what) })
}

// waitFor waits until what must happen has happened.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !waittest.Eventually(patience, ok) {
		t.Fatalf("waited in vain for %s", what)
	}
}

// finding: R-H7
func TestAPasteDoesNotTakeTheOwnersMemory(t *testing.T) {
	d := listen(t)
	r := dashboardOver(t, d.dial(t))
	pid := d.served.cmd.Process.Pid
	// What any use takes, most of it garbage that may gather, is no matter of the paste.
	if _, err := io.WriteString(r.in, strings.Repeat("2jk1jk", 200)+"4"); err != nil {
		t.Fatal(err)
	}
	r.waitFor(t, "filter by what, who or which certificate")
	before, _ := resident(t, pid)
	if _, err := io.WriteString(r.in, "/\x1b[200~"); err != nil {
		t.Fatal(err)
	}
	part := bytes.Repeat([]byte("x"), 1<<20)
	for range 64 {
		if _, err := r.in.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(r.in, "\x1b[201~"); err != nil {
		t.Fatal(err)
	}
	r.waitFor(t, "longer than 1 MB")
	after, _ := resident(t, pid)
	t.Logf("%.0f MB before, %.0f MB after", before, after)
	if after-before > 20 { // without a bound it is 200
		t.Errorf("%.0f MB before, %.0f MB after", before, after)
	}
}

// dashboardCount is how many dashboards are opened at the same time.
func dashboardCount(t testing.TB) int {
	t.Helper()
	n := 8
	if v := os.Getenv("CERTQUAY_DASHBOARDS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// Many dashboards of 120 x 40 over SSH take 2.5 MB of memory each, and give it
// back within a minute after the last was left. With 200 it takes a minute or
// two:
//
//	CERTQUAY_DASHBOARDS=200 go test ./cmd -run TestManyDashboards -v
//
// finding: R-M11
func TestManyDashboardsGiveTheirMemoryBack(t *testing.T) {
	n := dashboardCount(t)
	p := newPerson(t)
	p.filled(60)
	d := p.listen()
	file, err := os.OpenFile(filepath.Join(p.home, "keys"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var keys []ssh.Signer
	for range (n + 7) / 8 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(ssh.MarshalAuthorizedKey(key.PublicKey())); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	pid := d.served.cmd.Process.Pid
	before, _ := resident(t, pid)
	most := before
	var clients []*ssh.Client
	var all []*remote
	for k := range n {
		c := d.dialWith(t, keys[k/8])
		clients = append(clients, c)
		all = append(all, dashboardOver(t, c))
	}
	for range 10 { // everybody moves about
		for _, r := range all {
			if _, err := io.WriteString(r.in, "jj\t"); err != nil {
				t.Fatal(err)
			}
		}
		now, _ := resident(t, pid)
		most = max(most, now)
	}
	for _, c := range clients {
		_ = c.Close()
	}
	var after float64
	waittest.Eventually(time.Minute, func() bool {
		after, _ = resident(t, pid)
		return after < before+100 && n > 8 || after < before+40
	}) // or it is too much, as said below
	t.Logf("%d dashboards: %.0f MB before, %.0f MB at most, %.0f MB after", n, before, most, after)
	if most-before > 100+2*float64(n) {
		t.Errorf("%d dashboards take %.0f MB", n, most-before)
	}
	if after-before > 100 {
		t.Errorf("%.0f MB are kept", after-before)
	}
}
