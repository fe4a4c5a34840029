package sshd

import (
	"context"
	"errors"
	"net"

	"charm.land/ssh"
	"charm.land/wish/v2"
	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/sshd/wire"
	"certquay/model"
)

// Network configures network SSH.
type Network struct {
	// Keys are the authorized keys. They are required.
	Keys *Keys
	// HostKey is the server's key. It should be persistent, because clients remember
	// it.
	HostKey gossh.Signer
	// Authorize returns the actor for a key, at the start of each session and whenever
	// it is looked up again. An error refuses the session. nil means [Viewer].
	Authorize func(ctx context.Context, id Identity) (model.Actor, error)
}

// Viewer is the default of [Network.Authorize]: everybody is a viewer, named by the
// comment of the key.
func Viewer(_ context.Context, id Identity) (model.Actor, error) {
	name := id.Comment
	if name == "" {
		name = id.Fingerprint
	}
	return model.Actor{Name: name, Role: model.Viewer, Via: "ssh", Key: id.Fingerprint}, nil
}

// publicKeyAlgorithms are the accepted signature algorithms, none of them with SHA-1.
var publicKeyAlgorithms = []string{
	gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256,
	gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521,
	gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
}

// ServeNetwork serves the keys of an authorized_keys file until ctx ends or Close is
// called, and then returns nil. Only public key authentication is enabled. A server
// without keys does not start (spec V9), because charm.land/ssh without authentication
// handlers accepts everybody.
func (s *Server) ServeNetwork(ctx context.Context, l net.Listener, n Network) error {
	if n.Keys == nil {
		return errors.Join(ErrNoKeysFile, l.Close())
	}
	if n.HostKey == nil {
		return errors.Join(errors.New("serve over SSH: there is no host key"), l.Close())
	}
	if n.Authorize == nil {
		n.Authorize = Viewer
	}
	srv, err := wish.NewServer(
		s.base(ctx, &endpoint{keys: n.Keys, authorize: n.Authorize}),
		hostKey(n.HostKey),
		wish.WithVersion("certquay"),
		wish.WithIdleTimeout(s.limits.Silent),
		wish.WithMaxTimeout(s.limits.Longest),
		wish.WithPublicKeyAuth(func(_ ssh.Context, key ssh.PublicKey) bool {
			_, err := n.Keys.Lookup(key)
			if err != nil && !errors.Is(err, ErrUnknownKey) {
				s.log.Error("authorized_keys", "error", err)
			}
			return err == nil
		}),
		func(srv *ssh.Server) error {
			srv.ServerConfigCallback = func(sc ssh.Context) *gossh.ServerConfig { return s.networkConfig(sc) }
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
		s.endRemovedKeys(ctx, n.Keys)
	}()
	err = s.serve(ctx, srv, l)
	cancel()
	<-watched
	return err
}

func (s *Server) networkConfig(sc ssh.Context) *gossh.ServerConfig {
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
			return p, c.authenticated(gossh.FingerprintSHA256(key))
		},
	}
	wire.SetCiphers(&c.Config)
	return c
}
