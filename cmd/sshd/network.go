package sshd

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"charm.land/ssh"
	"charm.land/wish/v2"
	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/sshd/wire"
)

// Network configures network SSH.
type Network struct {
	// Keys are the authorized keys, each with its role; nil for none.
	Keys *Keys
	// Users are those of the store; nil for none.
	Users Users
	// CAs are those whose user certificates mean a user of Users; nil for none.
	CAs *Keys
	// HostKey is the server's key. It should be persistent, because clients remember
	// it.
	HostKey gossh.Signer
	// Replica returns the key of the processes of other machines that share the store
	// (spec E2). It is nil where none do, and returns nil while the key is sealed.
	Replica func() gossh.PublicKey
}

// publicKeyAlgorithms are the accepted signature algorithms, none of them with SHA-1.
var publicKeyAlgorithms = []string{
	gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256,
	gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521,
	gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
}

// ServeNetwork serves users, authorized keys and replicas until ctx ends or Close is called, and
// then returns nil. Only public key authentication is enabled. Whoever is none of
// them is not let in, and a server that knows none does not start (spec V9), because
// charm.land/ssh without authentication handlers accepts everybody.
func (s *Server) ServeNetwork(ctx context.Context, l net.Listener, n Network) error {
	if n.Keys == nil && n.Users == nil && n.Replica == nil {
		return errors.Join(ErrNoKeysFile, l.Close())
	}
	if n.HostKey == nil {
		return errors.Join(errors.New("serve over SSH: there is no host key"), l.Close())
	}
	srv, err := wish.NewServer(
		s.base(ctx, &endpoint{network: &n}),
		hostKey(n.HostKey),
		wish.WithVersion("certquay"),
		wish.WithIdleTimeout(s.limits.Silent),
		wish.WithMaxTimeout(s.limits.Longest),
		wish.WithPublicKeyAuth(func(sc ssh.Context, key ssh.PublicKey) bool {
			id, err := n.identify(key, sc.RemoteAddr())
			if err != nil {
				if !errors.Is(err, ErrUnknownKey) {
					s.limitedLog.log(s.log, slog.LevelWarn, "ssh key refused", "from", address(sc), "error", err)
				}
				if c, ok := sc.Value(connKey{}).(*conn); ok {
					c.noteRefused(key, &id, err)
				}
			}
			return err == nil
		}),
		func(srv *ssh.Server) error {
			srv.ServerConfigCallback = func(sc ssh.Context) *gossh.ServerConfig { return s.networkConfig(sc, &n) }
			srv.ConnCallback = func(sc ssh.Context, c net.Conn) net.Conn { return s.accept(sc, c, true, 0) }
			return nil
		},
	)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.endRemovedKeys(ctx, &n)
	}()
	err = s.serve(ctx, srv, l)
	cancel()
	<-watched
	return err
}

func (s *Server) networkConfig(sc ssh.Context, n *Network) *gossh.ServerConfig {
	c := &gossh.ServerConfig{
		MaxAuthTries:            6,
		PublicKeyAuthAlgorithms: publicKeyAlgorithms,
		VerifiedPublicKeyCallback: func(
			_ gossh.ConnMetadata, key gossh.PublicKey, p *gossh.Permissions, _ string,
		) (*gossh.Permissions, error) {
			c, ok := sc.Value(connKey{}).(*conn)
			if !ok {
				return nil, errClosing
			}
			return p, c.authenticated(fingerprintOf(key), n.isReplica(key))
		},
	}
	wire.SetCiphers(&c.Config)
	return c
}

// fingerprintOf returns the fingerprint of a key, or of the key that a certificate is for.
func fingerprintOf(key gossh.PublicKey) string {
	if cert, ok := key.(*gossh.Certificate); ok {
		key = cert.Key
	}
	return gossh.FingerprintSHA256(key)
}
