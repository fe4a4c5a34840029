package runner

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"certquay/model"
)

const (
	defaultConnectTimeout = 15 * time.Second
	defaultKeepalive      = 15 * time.Second
	maxKeyFile            = 1 << 20
)

// signers returns the keys to log in with. What is returned second is closed after it.
func (s Settings) signers(ctx context.Context) ([]ssh.Signer, io.Closer, error) {
	pem := s.Key.Reveal()
	if s.Key.Empty() && s.KeyFile == "" {
		return agentSigners(ctx)
	}
	if s.Key.Empty() {
		var err error
		if pem, err = readKeyFile(s.KeyFile); err != nil {
			return nil, nil, err
		}
	}
	signer, err := ssh.ParsePrivateKey(pem)
	var passphrase *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &passphrase):
		return nil, nil, model.Fail("runner.ssh-passphrase", "path", s.KeyFile)
	case err != nil: // the words of the parser may quote the key
		return nil, nil, model.Fail("runner.ssh-key", "path", s.KeyFile)
	}
	return []ssh.Signer{signer}, io.NopCloser(nil), nil
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, model.Fail("runner.no-file", "path", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, model.Fail("runner.ssh-key-mode", "path", path)
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

func agentSigners(ctx context.Context) ([]ssh.Signer, io.Closer, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, model.Fail("runner.ssh-no-key")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, model.Fail("runner.ssh-agent", "cause", err)
	}
	if deadline, has := ctx.Deadline(); has {
		_ = conn.SetDeadline(deadline) // sockets have deadlines
	}
	all, err := agent.NewClient(conn).Signers()
	if err == nil && len(all) == 0 {
		err = model.Fail("runner.ssh-no-key")
	}
	if err != nil {
		return nil, nil, errors.Join(model.Fail("runner.ssh-agent", "cause", err), conn.Close())
	}
	return all, conn, nil
}

// login connects to a host and logs in. Its errors wrap [ErrUnreachable].
func login(ctx context.Context, a Address, s Settings, t *trust) (*ssh.Client, error) {
	timeout := s.ConnectTimeout
	if timeout <= 0 {
		timeout = defaultConnectTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := logIn(bounded, a, s, t)
	if err == nil {
		return client, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, model.Fail("runner.unreachable-host", "host", a.hostPort(), "cause", err).Wrapping(ErrUnreachable)
}

func logIn(ctx context.Context, a Address, s Settings, t *trust) (*ssh.Client, error) {
	hosts, err := t.read()
	if err != nil {
		return nil, err
	}
	signers, closer, err := s.signers(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closer.Close() }()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", a.hostPort())
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var keyErr error
	checked := false
	config := &ssh.ClientConfig{
		User: a.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signers...)}, HostKeyAlgorithms: hosts.algorithms(),
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			keyErr = hosts.check(host, remote, key)
			checked = true
			return keyErr
		},
	}
	transport, channels, requests, err := ssh.NewClientConn(conn, a.hostPort(), config)
	var broken net.Error
	switch {
	case err == nil:
		return ssh.NewClient(transport, channels, requests), nil
	case keyErr != nil:
		err = keyErr
	case ctx.Err() != nil: // it closed the connection
		err = os.ErrDeadlineExceeded
	case checked && !errors.As(err, &broken) && !errors.Is(err, io.EOF):
		err = model.Fail("runner.ssh-login", "user", a.User, "cause", err)
	}
	return nil, errors.Join(err, ignoreClosed(conn.Close()))
}

// ignoreClosed leaves out that a connection was closed before.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
