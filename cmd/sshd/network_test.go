package sshd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// newKey makes a client's key pair and its line for authorized_keys.
func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	k, err := sshd.NewHostKey()
	if err != nil {
		t.Fatal(err)
	}
	return k, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.PublicKey())))
}

// network is a server on loopback.
type network struct {
	*sshd.Server
	addr string
	keys string // the file
	key  ssh.Signer
	pub  ssh.PublicKey
	log  *safeBuffer
}

type safeBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	grown chan struct{} // closed by the next write; nil when nobody waits
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
	return b.b.Write(p)
}

// await waits until a text was written.
func (b *safeBuffer) await(t *testing.T, text string) {
	t.Helper()
	late, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for {
		b.mu.Lock()
		said := b.b.String()
		if b.grown == nil {
			b.grown = make(chan struct{})
		}
		grown := b.grown
		b.mu.Unlock()
		if strings.Contains(said, text) {
			return
		}
		select {
		case <-grown:
		case <-late.Done():
			t.Fatalf("waited in vain for %q in %q", text, said)
		}
	}
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func serve(t *testing.T, h sshd.HandlerFunc, limits sshd.Limits) *network {
	t.Helper()
	key, line := newKey(t)
	n := &network{key: key, keys: filepath.Join(t.TempDir(), "authorized_keys"), log: &safeBuffer{}}
	write(t, n.keys, line+" anna\n")
	keys, err := sshd.OpenKeys(n.keys)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := sshd.NewHostKey()
	if err != nil {
		t.Fatal(err)
	}
	n.pub = hostKey.PublicKey()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = l.Addr().String()
	n.Server = sshd.New(sshd.Options{Handler: h, Limits: limits, Log: slog.New(slog.NewTextHandler(n.log, nil))})
	served := make(chan error, 1)
	go func() { served <- n.ServeNetwork(context.Background(), l, sshd.Network{Keys: keys, HostKey: hostKey}) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = n.Close(ctx)
		if err := <-served; err != nil {
			t.Error("ServeNetwork:", err)
		}
	})
	return n
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (n *network) config(auth ...ssh.AuthMethod) *ssh.ClientConfig {
	if auth == nil {
		auth = []ssh.AuthMethod{ssh.PublicKeys(n.key)}
	}
	return &ssh.ClientConfig{User: "who\x1b[31mever", Auth: auth, HostKeyCallback: ssh.FixedHostKey(n.pub), Timeout: patience}
}

func (n *network) dial(t *testing.T) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", n.addr, n.config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (n *network) session(t *testing.T) *ssh.Session {
	t.Helper()
	s, err := n.dial(t).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// verbs is a small handler.
func verbs(ctx context.Context, s *session.Session, args []string) int {
	if len(args) == 0 {
		return program.Run(ctx, s, &sizes{})
	}
	switch args[0] {
	case "args":
		fmt.Fprintf(s.Out, "%q\n", args[1:])
	case "exit":
		fmt.Fprint(s.Err, "why")
		return 3
	case "cat":
		r, err := s.Open(args[1])
		if err != nil {
			fmt.Fprintln(s.Err, err)
			return 1
		}
		_, _ = io.Copy(s.Out, r)
	case "who":
		fmt.Fprintf(s.Out, "%+v %q\n", s.Actor, s.Env)
	case "panic":
		panic("secret detail")
	case "wait":
		fmt.Fprintln(s.Out, "waiting")
		<-ctx.Done()
		fmt.Fprintln(s.Out, context.Cause(ctx))
	case "ask":
		a, err := s.Ask(ctx, "really? ")
		b, err2 := s.AskSecret(ctx, "secret? ")
		fmt.Fprintf(s.Out, "got %q %q %v %v\n", a, b, err, err2)
	case "tty":
		fmt.Fprintf(s.Out, "%d %v\n", s.Width, s.PTY != nil)
		<-ctx.Done()
	}
	return 0
}

// sizes is a program that shows the sizes it was told.
type sizes struct{ w, h, most int }

func (m *sizes) Init() tea.Cmd { return nil }

func (m *sizes) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
		m.most = max(m.most, m.w*m.h)
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q":
			return m, tea.Quit
		case "P":
			panic("secret detail")
		case "C":
			return m, func() tea.Msg { panic("secret detail") }
		}
	}
	return m, nil
}

func (m *sizes) View() tea.View { return tea.NewView(fmt.Sprintf("<%dx%d %d>", m.w, m.h, m.most)) }

// spec: V9, 9: verbs over SSH with their arguments, streams and exit codes.
func TestVerbs(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{})
	for _, c := range []struct{ command, in, out, err string }{
		{command: `args '' "a b" c\ d "it's" 'say "hi"' ""x $HOME *`, out: `["" "a b" "c d" "it's" "say \"hi\"" "x" "$HOME" "*"]` + "\n"},
		{command: "cat -", in: "sent", out: "sent"},
		{command: "exit", err: "why", out: ""},
		{command: "cat /etc/passwd", err: "path.remote"},
		{command: "args 'open", err: "opening quote"},
		{command: "panic", err: "this failed inside certquay"},
		{command: "ask", out: `session.no-terminal`},
	} {
		s := n.session(t)
		var out, errs bytes.Buffer
		s.Stdin, s.Stdout, s.Stderr = strings.NewReader(c.in), &out, &errs
		err := s.Run(c.command)
		var exit *ssh.ExitError
		if errors.As(err, &exit) && c.command == "exit" && exit.ExitStatus() != 3 {
			t.Errorf("exit: %v", err)
		}
		if !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.err) || strings.Contains(errs.String(), "secret") {
			t.Errorf("%s: %q %q %v", c.command, out.String(), errs.String(), err)
		}
	}
	if !strings.Contains(n.log.String(), "secret detail") || !strings.Contains(n.log.String(), "goroutine") {
		t.Error("the panic is not in the log")
	}
	if strings.Contains(n.log.String(), "\x1b") {
		t.Error("the log holds what a client sent, unescaped")
	}
}

// spec: V9. Public keys only, and only those of the file.
func TestAuthentication(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{})
	other, line := newKey(t)
	for name, auth := range map[string][]ssh.AuthMethod{
		"none":     {},
		"password": {ssh.Password("secret")},
		"keyboard": {ssh.KeyboardInteractive(func(_, _ string, q []string, _ []bool) ([]string, error) {
			return make([]string, len(q)), nil
		})},
		"unknown key": {ssh.PublicKeys(other)},
	} {
		c, err := ssh.Dial("tcp", n.addr, n.config(auth...))
		if name == "none" {
			cfg := n.config()
			cfg.Auth = nil
			c, err = ssh.Dial("tcp", n.addr, cfg)
		}
		if err == nil {
			_ = c.Close()
			t.Errorf("%s got in", name)
		}
		if name == "password" && !strings.Contains(err.Error(), "attempted methods [none]") {
			t.Errorf("a password was taken: %v", err)
		}
	}
	// A key that is offered but not used does not lend its name.
	c, err := ssh.Dial("tcp", n.addr, n.config(ssh.PublicKeys(other, n.key)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s, _ := c.NewSession()
	out, _ := s.Output("who")
	if !strings.Contains(string(out), "Name:anna Role:viewer Via:ssh Key:"+ssh.FingerprintSHA256(n.key.PublicKey())) {
		t.Errorf("%s", out)
	}
	// Taking the key away stops the next session of the open connection.
	write(t, n.keys, line+"\n")
	if _, err := c.NewSession(); err == nil {
		t.Error("a key that was taken away still begins sessions")
	}
	if c, err := ssh.Dial("tcp", n.addr, n.config(ssh.PublicKeys(other))); err != nil {
		t.Error("a key that was added is not let in:", err)
	} else {
		_ = c.Close()
	}
	_ = os.Remove(n.keys)
	if _, err := ssh.Dial("tcp", n.addr, n.config(ssh.PublicKeys(other))); err == nil {
		t.Error("without the file somebody got in")
	}
}

// TestWhoIsAskedAnew takes a key away while its session is under way. spec: V7
func TestWhoIsAskedAnew(t *testing.T) {
	here, gone := make(chan model.Actor), make(chan struct{})
	n := serve(t, func(_ context.Context, s *session.Session, _ []string) int {
		here <- s.Who()
		<-gone
		here <- s.Who()
		return 0
	}, sshd.Limits{})
	if err := n.session(t).Start("stay"); err != nil {
		t.Fatal(err)
	}
	was := <-here
	if err := os.Remove(n.keys); err != nil {
		t.Fatal(err)
	}
	close(gone)
	now := <-here
	if was.Role != model.Viewer || now.Role != model.NoRole || now.Name != "anna" || now.Key != was.Key || now.Via != "ssh" {
		t.Errorf("it was %+v and is %+v", was, now)
	}
}

// spec: V9. It never starts open to all.
func TestFailsClosed(t *testing.T) {
	dir := t.TempDir()
	_, line := newKey(t)
	path := filepath.Join(dir, "keys")
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       error
	}{
		{"empty", "", 0o600, sshd.ErrNoKeys},
		{"comments", "# nothing\n\n", 0o600, sshd.ErrNoKeys},
		{"garbage", "ssh-ed25519 AAAA\n\x00\xff\n", 0o600, sshd.ErrNoKeys},
		{"only a restricted key", `command="ls" ` + line, 0o600, sshd.ErrNoKeys},
		{"only from elsewhere", `from="10.0.0.1" ` + line, 0o600, sshd.ErrNoKeys},
		{"a certificate authority", `cert-authority ` + line, 0o600, sshd.ErrNoKeys},
		{"writable by others", line, 0o666, sshd.ErrKeysFile},
		{"too large", strings.Repeat("#", 1<<20+1), 0o600, sshd.ErrKeysFile},
		{"fine", "restrict,no-pty-is-no-option " + line + "\nrestrict,pty " + line, 0o600, nil},
	} {
		write(t, path, c.text)
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		k, err := sshd.OpenKeys(path)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "fine" && len(k.Ignored()) != 1 {
			t.Errorf("ignored: %q", k.Ignored())
		}
		_ = os.Remove(path)
	}
	for _, p := range []string{"", filepath.Join(dir, "none")} {
		if _, err := sshd.OpenKeys(p); !errors.Is(err, sshd.ErrNoKeysFile) {
			t.Errorf("%q: %v", p, err)
		}
	}
	if _, err := sshd.OpenKeys(dir); !errors.Is(err, sshd.ErrKeysFile) {
		t.Errorf("a directory: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := sshd.New(sshd.Options{}).ServeNetwork(t.Context(), l, sshd.Network{}); !errors.Is(err, sshd.ErrNoKeysFile) {
		t.Errorf("served without keys: %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

// spec: V9. Only modern algorithms are agreed on.
func TestAlgorithms(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{})
	supported := ssh.SupportedAlgorithms()
	try := func(change func(*ssh.Config)) bool {
		c := n.config()
		change(&c.Config)
		k, err := ssh.Dial("tcp", n.addr, c)
		if err == nil {
			_ = k.Close()
		}
		return err == nil
	}
	good := []string{"mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org"}
	for _, a := range append(slices.Clone(supported.KeyExchanges), good[2]) {
		if got := try(func(c *ssh.Config) { c.KeyExchanges = []string{a} }); got != slices.Contains(good, a) {
			t.Errorf("key exchange %s: %v", a, got)
		}
	}
	good = []string{"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"}
	for _, a := range supported.Ciphers {
		if got := try(func(c *ssh.Config) { c.Ciphers = []string{a} }); got != slices.Contains(good, a) {
			t.Errorf("cipher %s: %v", a, got)
		}
	}
}

// spec: V9. Nothing is forwarded, there are no subsystems.
func TestForwardingIsRefused(t *testing.T) {
	n := serve(t, verbs, sshd.Limits{})
	c := n.dial(t)
	if _, err := c.Dial("tcp", n.addr); err == nil {
		t.Error("a port was forwarded")
	}
	if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port was forwarded back")
	}
	if _, err := c.ListenUnix(filepath.Join(t.TempDir(), "s")); err == nil {
		t.Error("a socket was forwarded back")
	}
	for _, kind := range []string{"direct-streamlocal@openssh.com", "x11", "auth-agent@openssh.com", "tun@openssh.com"} {
		if _, _, err := c.OpenChannel(kind, nil); err == nil {
			t.Errorf("channel %s", kind)
		}
	}
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{"auth-agent-req@openssh.com", "x11-req", "subsystem", "break", "eow@openssh.com"} {
		payload := ssh.Marshal(struct{ Name string }{"sftp"})
		if ok, err := s.SendRequest(r, true, payload); ok || err != nil {
			t.Errorf("request %s: %v %v", r, ok, err)
		}
	}
	if out, err := s.Output("args x"); err != nil || string(out) != "[\"x\"]\n" {
		t.Errorf("afterwards: %q %v", out, err)
	}
}
