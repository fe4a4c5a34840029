// Package probe reads the certificate of a server as any client would.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// DefaultTimeout bounds a probe unless configured.
const DefaultTimeout = 5 * time.Second

// Prober does TLS handshakes. The zero value is ready; it is safe for
// concurrent use.
type Prober struct {
	Timeout time.Duration    // of a whole probe; 0 means DefaultTimeout
	Now     func() time.Time // the clock of the handshake; nil means time.Now
	// Dial connects; nil means from this machine. With it names are resolved by whoever
	// dials, for instance by the host of a [runner.Runner].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ ports.AddressProber = Prober{}

// Probe does a TLS handshake with the address, with the server name as SNI, and
// returns the chain as presented, DER, leaf first. It verifies nothing: it
// accepts any chain, any version of TLS from 1.0 and any cipher. With an empty
// sni, or an IP address, it sends no server name. A server that presents its
// chain and then aborts, for instance for want of a client certificate, has
// answered; one that cannot prove possession of the leaf's key has not. Errors
// contain the address and the step that failed.
func (p Prober) Probe(ctx context.Context, address, sni string) (chain [][]byte, remote net.Addr, err error) {
	state, remote, err := p.Handshake(ctx, address, sni)
	return raw(state), remote, err
}

// Handshake is [Prober.Probe] that returns the whole state of the handshake: protocol,
// cipher and stapled OCSP response too. The state is empty if there is an error.
func (p Prober) Handshake(ctx context.Context, address, sni string) (state tls.ConnectionState, remote net.Addr, err error) {
	// It judges nothing, so it takes what any client would.
	return p.handshake(ctx, address, &tls.Config{ServerName: sni, CipherSuites: allSuites})
}

// handshake does a handshake that accepts any chain.
func (p Prober) handshake(ctx context.Context, address string, config *tls.Config) (
	state tls.ConnectionState, remote net.Addr, err error,
) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	dial := p.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", address)
	if err != nil {
		return state, nil, contextError(ctx, err)
	}
	defer func() { _ = raw.Close() }()
	config.Time = p.Now
	if config.MinVersion == 0 {
		config.MinVersion = tls.VersionTLS10
	}
	// The caller verifies the chain; a probe that refused an expired certificate could not
	// report it.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(s tls.ConnectionState) error {
		state = s
		return nil
	}
	conn := tls.Client(raw, config)
	err = conn.HandshakeContext(ctx)
	// A server that breaks off by itself, for want of a client's certificate,
	// had proved by then that it has the key; one whose proof fails is refused
	// by our side, and has presented nothing that a client would take.
	var broke *net.OpError
	if len(state.PeerCertificates) > 0 && (err == nil || errors.As(err, &broke) && broke.Op == "remote error") {
		return state, raw.RemoteAddr(), nil
	}
	if err == nil {
		err = model.Fail("watch-problem.none")
	}
	err = model.Fail("probe.handshake", "address", address, "name", config.ServerName, "cause", contextError(ctx, err))
	return tls.ConnectionState{}, raw.RemoteAddr(), err
}

func (p Prober) timeout() time.Duration {
	if p.Timeout > 0 {
		return p.Timeout
	}
	return DefaultTimeout
}

// contextError returns the context's error instead of the network error that its
// end causes.
func contextError(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return &model.Error{Text: model.TextOf(ctx.Err()), Err: errors.Join(ctx.Err(), err)}
	}
	return err
}

var allSuites = func() (ids []uint16) {
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		ids = append(ids, s.ID)
	}
	return ids
}()
