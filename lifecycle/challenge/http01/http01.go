// Package http01 answers the challenge http-01 of RFC 8555 section 8.3, by a listener
// of its own or by a file below the root of a web server (spec C4).
package http01

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// wellKnown is where a CA looks for a token.
const wellKnown = "/.well-known/acme-challenge/"

const (
	seenTimeout  = 10 * time.Second // for one look, redirects included
	maxBody      = 1 << 10          // bytes; a key authorization has fewer than 200
	maxRedirects = 10               // as Boulder has it
)

// Options of a [Solver]. Exactly one of Listen and Root is used: Root if it is set.
type Options struct {
	Listen string // host:port to listen on; empty is ":80"
	Root   string // directory that a web server shows at port 80
	// Host opens the host of Root for each proof; nil is this machine.
	Host func() (runner.Runner, error)
	// Dial is how a name is reached to look as the CA does; nil is the network.
	Dial challenge.DialFunc
}

// place is where tokens are shown.
type place interface {
	put(ctx context.Context, p challenge.Proof) error
	remove(ctx context.Context, p challenge.Proof) error
	drop(order string) // of proofs that live in memory only
}

// Solver answers http-01. Use one for each address: the port is its own.
type Solver struct {
	place  place
	client *http.Client
}

var _ challenge.Solver = (*Solver)(nil)

// New returns a solver. Nothing is opened before the first proof.
func New(o Options) *Solver {
	s := &Solver{client: newClient(o.Dial)}
	switch {
	case o.Root == "":
		s.place = newServer(cmp.Or(o.Listen, ":80"))
	case o.Host != nil:
		s.place = &hostRoot{dir: o.Root, open: o.Host}
	default:
		s.place = &webRoot{dir: o.Root}
	}
	return s
}

// Type is http-01.
func (s *Solver) Type() challenge.Type { return challenge.HTTP01 }

// Lasts reports whether tokens are files, which outlive this process.
func (s *Solver) Lasts() bool {
	_, port := s.place.(*server)
	return !port
}

// Present shows a token.
func (s *Solver) Present(ctx context.Context, p challenge.Proof) error {
	if err := challenge.CheckToken(p.Token); err != nil {
		return err
	}
	return s.place.put(ctx, p)
}

// CleanUp removes a token.
func (s *Solver) CleanUp(ctx context.Context, p challenge.Proof) error {
	if err := challenge.CheckToken(p.Token); err != nil {
		return err
	}
	if err := s.place.remove(ctx, p); err != nil {
		return &challenge.LeftError{Proof: p, Err: err}
	}
	return nil
}

// Close forgets the tokens of an order that no file shows.
func (s *Solver) Close(order string) { s.place.drop(order) }

// Seen gets the token at port 80 of the name and follows redirects as CAs do: to http
// and https at their own ports, without looking at certificates.
func (s *Solver) Seen(ctx context.Context, p challenge.Proof) (seen bool, missing model.Text, err error) {
	if err := challenge.CheckToken(p.Token); err != nil {
		return false, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	u := &url.URL{Scheme: "http", Host: p.Name, Path: wellKnown + p.Token}
	if strings.Contains(p.Name, ":") { // IPv6
		u.Host = "[" + p.Name + "]"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return false, "", err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return false, model.Say("challenge.http.unreachable", "name", p.Name, "cause", err), nil
	}
	defer func() { _ = resp.Body.Close() }()
	at := resp.Request.URL.String()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return false, model.Say("challenge.http.reading", "url", at, "cause", err), nil
	case resp.StatusCode != http.StatusOK:
		return false, model.Say("challenge.http.status", "url", at, "status", resp.Status), nil
	case strings.TrimRight(string(body), " \t\r\n") != p.KeyAuthorization:
		return false, model.Say("challenge.http.other", "url", at), nil
	}
	return true, "", nil
}

func newClient(dial challenge.DialFunc) *http.Client {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{ // without a proxy: the CA has none either
			DialContext:            dial,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 16 << 10,
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as CAs do: the certificate is what is missing
		},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return model.Fail("challenge.http.redirects", "limit", maxRedirects)
			}
			port := to.URL.Port()
			if s := to.URL.Scheme; s == "http" && (port == "" || port == "80") || s == "https" && (port == "" || port == "443") {
				return nil
			}
			return model.Fail("challenge.http.redirect", "url", to.URL.Redacted())
		},
	}
}
