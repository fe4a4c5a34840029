// Package tlsalpn01 answers the challenge tls-alpn-01 of RFC 8737 by a listener of its
// own, for DNS names and, as RFC 8738 has it, for IP addresses (spec C4).
package tlsalpn01

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// Protocol is the ALPN name of the challenge.
const Protocol = "acme-tls/1"

const seenTimeout = 10 * time.Second

// Options of a [Solver].
type Options struct {
	Listen string // host:port to listen on; empty is ":443"
	// Dial is how a name is reached to look as the CA does; nil is the network.
	Dial challenge.DialFunc
}

// Solver answers tls-alpn-01. Use one for each address: the port is its own.
type Solver struct {
	ln   *challenge.Listener
	dial challenge.DialFunc
}

var _ challenge.Solver = (*Solver)(nil)

// New returns a solver. Nothing is opened before the first proof.
func New(o Options) *Solver {
	s := &Solver{dial: o.Dial}
	if s.dial == nil {
		s.dial = (&net.Dialer{}).DialContext
	}
	s.ln = challenge.NewListener(cmp.Or(o.Listen, ":443"), s.serve)
	return s
}

// Type is tls-alpn-01.
func (s *Solver) Type() challenge.Type { return challenge.TLSALPN01 }

// Present has the port answer for a name.
func (s *Solver) Present(ctx context.Context, p challenge.Proof) error {
	return s.ln.Add(ctx, serverName(p.Name), p)
}

// CleanUp ends that.
func (s *Solver) CleanUp(_ context.Context, p challenge.Proof) error {
	err := s.ln.Remove(func(_ string, o challenge.Proof) bool { return o.Name == p.Name && o.Order == p.Order })
	if err != nil {
		return &challenge.LeftError{Proof: p, Err: err}
	}
	return nil
}

// Close forgets the names of an order.
func (s *Solver) Close(order string) {
	_ = s.ln.Remove(func(_ string, p challenge.Proof) bool { return p.Order == order }) // a closed port is what is wanted
}

// serverName is what a CA asks for by SNI: the name, or for an address its reverse
// name (RFC 8738 section 6), in small letters and without a final dot.
func serverName(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil {
		if reverse, err := dns.ReverseAddr(addr.String()); err == nil {
			return strings.TrimSuffix(reverse, ".")
		}
	}
	return strings.ToLower(name)
}

// serve answers handshakes. No byte goes over the connections afterwards.
func (s *Solver) serve(ln net.Listener) func() error {
	conf := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{Protocol},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			p, ok := s.ln.Proof(strings.ToLower(hello.ServerName))
			if !ok || len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != Protocol {
				return nil, errNoProof
			}
			return certificate(p)
		},
	}
	h := &http.Server{
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // of handshakes that others fail
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){
			Protocol: func(_ *http.Server, c *tls.Conn, _ http.Handler) { _ = c.Close() },
		},
	}
	go func() { _ = h.Serve(tls.NewListener(ln, conf)) }() // ends by Close
	return h.Close
}

// Seen makes the handshake that the CA makes at port 443 of the name.
func (s *Solver) Seen(ctx context.Context, p challenge.Proof) (seen bool, missing model.Text, err error) {
	ctx, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	address := net.JoinHostPort(p.Name, "443")
	raw, err := s.dial(ctx, "tcp", address)
	if err != nil {
		return false, model.Say("challenge.tls.unreachable", "address", address, "cause", err), nil
	}
	defer func() { _ = raw.Close() }()
	conn := tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{Protocol}, ServerName: serverName(p.Name),
		InsecureSkipVerify: true, //nolint:gosec // the certificate is self-signed by design: its extension is what is compared
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		return false, model.Say("challenge.tls.handshake", "address", address, "cause", err), nil
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != Protocol {
		return false, model.Say("challenge.tls.protocol", "address", address), nil
	}
	if !proves(state.PeerCertificates[0], p) {
		return false, model.Say("challenge.tls.other", "address", address), nil
	}
	return true, "", nil
}

// proves reports whether a certificate has the digest of the key authorization.
func proves(leaf *x509.Certificate, p challenge.Proof) bool {
	want := digest(p)
	for _, e := range leaf.Extensions {
		if e.Id.Equal(extensionID) && e.Critical && subtle.ConstantTimeCompare(e.Value, want) == 1 {
			return true
		}
	}
	return false
}

// digest is the value of the extension: an OCTET STRING of the SHA-256.
func digest(p challenge.Proof) []byte {
	sum := sha256.Sum256([]byte(p.KeyAuthorization))
	return append([]byte{0x04, sha256.Size}, sum[:]...)
}
