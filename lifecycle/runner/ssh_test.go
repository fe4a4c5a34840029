package runner_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
	"certquay/model"
)

var yes = runner.Command{Argv: []string{"true"}}

// cause is the code of why a host cannot be reached.
func cause(t *testing.T, err error) string {
	t.Helper()
	if !errors.Is(err, runner.ErrUnreachable) {
		t.Errorf("%v is not that the host cannot be reached", err)
	}
	return model.TextOf(err).Message().Texts["cause"].Code()
}

// A host key that is not known is refused with its fingerprint; the fingerprint accepts it,
// and what is returned then is known the next time. Another key is refused otherwise.
// spec: P1
func TestHostKeys(t *testing.T) {
	t.Parallel()
	server := runnertest.SSHD(t, runnertest.Options{})
	settings := server.Settings()
	known := settings.KnownHosts
	settings.KnownHosts = filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(settings.KnownHosts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := runnertest.Open(t, settings).Run(t.Context(), yes)
	var refused *runner.HostKeyError
	if cause(t, err) != "runner.host-key-unknown" || !errors.As(err, &refused) || !strings.HasPrefix(refused.Fingerprint, "SHA256:") ||
		len(refused.Known) != 0 {
		t.Fatalf("%v", err)
	}

	settings.AcceptHostKey = []string{"SHA256:other", refused.Fingerprint}
	r := runnertest.Open(t, settings)
	if _, err = r.Run(t.Context(), yes); err != nil {
		t.Fatal(err)
	}
	lines := runner.AcceptedHostKeys(r, runner.Local{})
	settings.AcceptHostKey, settings.HostKeys = nil, lines
	r = runnertest.Open(t, settings)
	if _, err = r.Run(t.Context(), yes); err != nil || len(lines) != 1 {
		t.Fatalf("%v, %v", lines, err)
	}
	if again := runner.AcceptedHostKeys(r); len(again) != 0 {
		t.Errorf("a known key was accepted: %v", again)
	}
	if written, err := os.ReadFile(settings.KnownHosts); err != nil || len(written) > 0 {
		t.Errorf("%q, %v", written, err)
	}

	// The connection in hand breaks as the key changes, and the new one is refused.
	fingerprint := server.NewHostKey(t)
	for _, s := range []runner.Runner{r, runnertest.Open(t, settings)} {
		_, err = s.Run(t.Context(), yes)
		if cause(t, err) != "runner.host-key-changed" || !errors.As(err, &refused) || refused.Fingerprint != fingerprint ||
			len(refused.Known) != 1 || refused.Known[0] == fingerprint {
			t.Errorf("%v", err)
		}
	}
	settings.AcceptHostKey = []string{fingerprint}
	r = runnertest.Open(t, settings)
	if _, err = r.Run(t.Context(), yes); err != nil || len(runner.AcceptedHostKeys(r)) != 1 {
		t.Errorf("the new key, accepted: %v", err)
	}
	line, err := os.ReadFile(known)
	if err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(known, append([]byte("@revoked "), line...), 0o600); err != nil {
		t.Fatal(err)
	}
	settings.KnownHosts = known
	if _, err = runnertest.Open(t, settings).Run(t.Context(), yes); cause(t, err) != "runner.host-key-revoked" {
		t.Errorf("%v", err)
	}
}

// spec: P1
func TestLoginKeys(t *testing.T) {
	server := runnertest.SSHD(t, runnertest.Options{})
	settings := server.Settings()
	t.Setenv("SSH_AUTH_SOCK", "")
	right, err := os.ReadFile(settings.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	try := func(change func(s *runner.Settings)) error {
		s := settings
		change(&s)
		_, err := runnertest.Open(t, s).Run(t.Context(), yes)
		return err
	}
	dir := t.TempDir()
	file := func(name string, mode os.FileMode, content string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// A server whose key logs in nowhere else.
	wrong := runnertest.SSHD(t, runnertest.Options{}).Settings().KeyFile
	for code, change := range map[string]func(*runner.Settings){
		"runner.ssh-login":     func(s *runner.Settings) { s.KeyFile = wrong },
		"runner.ssh-no-key":    func(s *runner.Settings) { s.KeyFile = "" },
		"runner.ssh-key-mode":  func(s *runner.Settings) { s.KeyFile = file("open", 0o640, string(right)) },
		"runner.ssh-key":       func(s *runner.Settings) { s.KeyFile = file("bad", 0o600, "no key") },
		"error.path":           func(s *runner.Settings) { s.KeyFile = filepath.Join(dir, "none") },
		"runner.known-hosts":   func(s *runner.Settings) { s.KnownHosts = filepath.Join(dir, "none") },
		"runner.host-key-line": func(s *runner.Settings) { s.HostKeys = []string{"x"} },
	} {
		if err := try(change); cause(t, err) != code {
			t.Errorf("%v, not %s", err, code)
		}
	}
	if err := try(func(s *runner.Settings) { s.Key, s.KeyFile = model.NewSecret(right), "" }); err != nil {
		t.Errorf("the key as a secret: %v", err)
	}

	key, err := ssh.ParseRawPrivateKey(right)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err = ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", l.Addr().String())
	if err := try(func(s *runner.Settings) { s.KeyFile = "" }); err != nil {
		t.Errorf("the key of an agent: %v", err)
	}
}

// One connection is used by all, and a new one is made after it broke.
// spec: P1
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	server := runnertest.SSHD(t, runnertest.Options{})
	r := runnertest.Open(t, server.Settings())
	for range 3 {
		for range 5 {
			if _, err := r.Run(t.Context(), yes); err != nil {
				t.Fatal(err)
			}
		}
		server.Cut()
	}
	if n := server.Logins(); n != 3 {
		t.Errorf("%d connections", n)
	}
	server.Stop(t)
	_, err := r.Stat(t.Context(), "/")
	if cause(t, err) == "" || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	server.Start(t)
	if _, err := r.Stat(t.Context(), "/"); err != nil {
		t.Errorf("after the server came back: %v", err)
	}
}

// A host that hangs is given up: by the context, by the keepalive, and while connecting.
// spec: P1
func TestHostsThatHang(t *testing.T) {
	t.Parallel()
	server := runnertest.SSHD(t, runnertest.Options{})
	settings := server.Settings()
	settings.Keepalive, settings.ConnectTimeout = 300*time.Millisecond, 300*time.Millisecond
	r := runnertest.Open(t, settings)
	if _, err := r.Run(t.Context(), yes); err != nil {
		t.Fatal(err)
	}
	server.Freeze(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.Run(ctx, yes); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	begun := time.Now()
	if _, err := r.Run(t.Context(), yes); !errors.Is(err, runner.ErrUnreachable) || time.Since(begun) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if _, err := runnertest.Open(t, settings).Run(t.Context(), yes); !errors.Is(err, runner.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	server.Freeze(false)
	if _, err := r.Run(t.Context(), yes); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// spec: P1
func TestWhatTheServerForbids(t *testing.T) {
	t.Parallel()
	r := runnertest.Open(t, runnertest.SSHD(t, runnertest.Options{NoForwarding: true}).Settings())
	_, err := r.Dial(t.Context(), "tcp", "127.0.0.1:9")
	if model.TextOf(err).Code() != "runner.forwarding" {
		t.Errorf("%v", err)
	}
	if _, err = r.Dial(t.Context(), "unix", "/run/x"); model.TextOf(err).Code() != "runner.dial-socket" {
		t.Errorf("%v", err)
	}
	settings := runnertest.SSHD(t, runnertest.Options{Sudo: runnertest.SudoRefused}).Settings()
	settings.Sudo = true
	_, err = runnertest.Open(t, settings).Stat(t.Context(), "/")
	if m := model.TextOf(err).Message(); m.Code != "runner.sudo" || m.Texts["said"].Message().Quote.Words == "" {
		t.Errorf("%v", err)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{{"a:b:c"}, {"u@a", "v@a:23"}, {"local"}, {""}} {
		if _, err := runner.Open(runner.Settings{SSH: hosts}); err == nil {
			t.Errorf("%v was opened", hosts)
		}
	}
	all, err := runner.Open(runner.Settings{SSH: []string{"u@b:23", "a"}})
	if err != nil || len(all) != 2 || all[0].Name() != "b" || all[1].Name() != "a" {
		t.Errorf("%v, %v", all, err)
	}
	if all, err = runner.Open(runner.Settings{}); err != nil || len(all) != 1 || all[0].Name() != "local" {
		t.Errorf("%v, %v", all, err)
	}
}
