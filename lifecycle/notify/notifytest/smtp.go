// Package notifytest is a mail server for tests: it speaks enough SMTP to be
// sent to with STARTTLS and a password, and can be out of order.
package notifytest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mail is one that the server took.
type Mail struct {
	From, To       string
	Data           string
	User, Password string // as logged in with
	TLS            bool
}

// Server is a mail server on loopback.
type Server struct {
	Host string
	Port int
	// Roots are what trusts its certificate, for which the host is 127.0.0.1.
	Roots func() *x509.CertPool

	l    net.Listener
	conf *tls.Config
	mu   sync.Mutex
	down bool
	deaf bool
	took []Mail
	met  int
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s, stop, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// Listen runs a server until it is stopped.
func Listen() (s *Server, stop func(), err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	s = &Server{Host: "127.0.0.1", Roots: func() *x509.CertPool { return pool }}
	s.conf = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, nil, err
	}
	s.Port = s.l.Addr().(*net.TCPAddr).Port
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.serve(c) })
		}
	})
	return s, func() { _ = s.l.Close(); open.Wait() }, nil
}

// Down makes the server turn everybody away, or work again.
func (s *Server) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Deaf makes the server break off after it took a mail, before it says so.
func (s *Server) Deaf(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
}

// Mails are those it took, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.took...)
}

// Met counts who came, turned away or not.
func (s *Server) Met() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met
}

func (s *Server) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	s.mu.Lock()
	s.met++
	down := s.down
	s.mu.Unlock()
	if down {
		_, _ = io.WriteString(c, "421 out of order\r\n")
		return
	}
	var m Mail
	in := bufio.NewReader(c)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(c, format+"\r\n", args...) }
	say("220 test")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO", "HELO":
			if m.TLS {
				say("250-test\r\n250 AUTH PLAIN")
			} else {
				say("250-test\r\n250 STARTTLS")
			}
		case "STARTTLS":
			say("220 go on")
			sec := tls.Server(c, s.conf)
			if sec.Handshake() != nil {
				return
			}
			c, in, m.TLS = sec, bufio.NewReader(sec), true
		case "AUTH":
			_, b64, _ := strings.Cut(rest, " ")
			b, _ := base64.StdEncoding.DecodeString(b64)
			if parts := strings.Split(string(b), "\x00"); len(parts) == 3 {
				m.User, m.Password = parts[1], parts[2]
			}
			if m.Password == "wrong" {
				say("535 no")
				continue
			}
			say("235 ok")
		case "MAIL":
			m.From = rest
			say("250 ok")
		case "RCPT":
			m.To = rest
			say("250 ok")
		case "DATA":
			say("354 go on")
			if !s.data(in, &m) {
				return
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// data takes the mail itself; false when the server breaks off then.
func (s *Server) data(in *bufio.Reader, m *Mail) bool {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	m.Data = b.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, *m)
	return !s.deaf
}
