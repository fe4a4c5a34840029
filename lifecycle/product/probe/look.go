package probe

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"

	"certquay/lifecycle/ports"
)

// maxAddresses is how many addresses of a host are asked.
const maxAddresses = 16

// Look implements [ports.AddressProber]: it asks each address that the host's name has, in
// IPv4 and IPv6, and once more as a client that knows only the other kind of key, so that a
// server with an RSA and an ECDSA certificate shows both. The second question is one of
// TLS 1.2, in which the cipher suite decides the kind of key; a server that speaks only
// TLS 1.3 shows the one that it prefers.
func (p Prober) Look(ctx context.Context, address, sni string) ([]ports.Seen, error) {
	addresses, err := p.resolve(ctx, address)
	if err != nil {
		return nil, err
	}
	found := make([][]ports.Seen, len(addresses))
	var all sync.WaitGroup
	for n, at := range addresses {
		all.Go(func() { found[n] = p.lookAt(ctx, at, sni) })
	}
	all.Wait()
	var seen []ports.Seen
	for _, f := range found {
		seen = append(seen, f...)
	}
	return seen, nil
}

// resolve returns the addresses of a host with the port, or the one given if it is one or
// if somebody else dials.
func (p Prober) resolve(ctx context.Context, address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || p.Dial != nil || net.ParseIP(host) != nil {
		return []string{address}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, contextError(ctx, err)
	}
	var all []string
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		all = append(all, net.JoinHostPort(ip.String(), port))
	}
	return all, nil
}

// lookAt returns what one address presents: to any client, and to one that knows only the
// other kind of key if that is another certificate.
func (p Prober) lookAt(ctx context.Context, address, sni string) []ports.Seen {
	state, _, err := p.Handshake(ctx, address, sni)
	if err != nil {
		return []ports.Seen{{Address: address, Err: err}}
	}
	first := ports.Seen{Address: address, Algorithm: algorithm(state), Chain: raw(state)}
	other := ecdsaSuites
	if first.Algorithm == ecdsaKey {
		other = rsaSuites
	}
	state, _, err = p.handshake(ctx, address, &tls.Config{ //nolint:gosec // in TLS 1.3 no suite tells the kind of key
		ServerName: sni, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: other,
	})
	if err != nil || bytes.Equal(raw(state)[0], first.Chain[0]) { // it has no other one
		return []ports.Seen{first}
	}
	return []ports.Seen{first, {Address: address, Algorithm: algorithm(state), Chain: raw(state)}}
}

// Kinds of keys, as in [ports.Seen].
const (
	ecdsaKey = "ecdsa"
	rsaKey   = "rsa"
)

func algorithm(state tls.ConnectionState) string {
	switch state.PeerCertificates[0].PublicKey.(type) {
	case *rsa.PublicKey:
		return rsaKey
	case *ecdsa.PublicKey:
		return ecdsaKey
	}
	return ""
}

func raw(state tls.ConnectionState) (chain [][]byte) {
	for _, c := range state.PeerCertificates {
		chain = append(chain, slices.Clone(c.Raw))
	}
	return chain
}

// Cipher suites of TLS 1.2 by the kind of key that they need (RFC 5246 section 7.4.2).
var ecdsaSuites, rsaSuites = func() (forECDSA, forRSA []uint16) {
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		switch {
		case !slices.Contains(s.SupportedVersions, tls.VersionTLS12):
		case strings.Contains(s.Name, "_ECDSA_"):
			forECDSA = append(forECDSA, s.ID)
		default:
			forRSA = append(forRSA, s.ID)
		}
	}
	return forECDSA, forRSA
}()
