package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/etcd/wire"
)

// connectTimeout is how long a node may take to answer the first question.
const connectTimeout = 5 * time.Second

// Open connects to a cluster and checks that what is below the prefix is certquay's, or
// makes a database if there is nothing. What it cannot use it does not change. The errors
// say what is wrong and what to do.
func Open(ctx context.Context, o Options) (*Engine, error) {
	t, err := targetOf(o)
	if err != nil {
		return nil, err
	}
	e := &Engine{target: t, log: o.Logger, outage: engine.NewOutage()}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.cluster = wire.New(wire.Config{Hosts: t.hosts, TLS: t.tls, User: t.user, Password: t.password})
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err = e.checkClocks(ctx)
	if err == nil {
		err = e.prepare(ctx, o.Create)
	}
	if err != nil {
		return nil, errors.Join(e.explain(err), e.Close())
	}
	return e, nil
}

// checkClocks asks each node for its version over HTTP, since that answer, unlike those of
// gRPC, tells the time. A node that does not answer so is not checked.
func (e *Engine) checkClocks(ctx context.Context) error {
	client := &http.Client{
		Timeout:       connectTimeout,
		Transport:     &http.Transport{TLSClientConfig: e.tls, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answers := make(chan error, len(e.hosts))
	for _, host := range e.hosts {
		go func() {
			by := e.skewOf(ctx, client, host)
			if by == 0 {
				answers <- nil
				return
			}
			answers <- model.Fail("etcd.clock", "url", e.name, "host", host, "by", by.Round(time.Second))
		}()
	}
	var err error
	for range e.hosts {
		if answer := <-answers; answer != nil {
			err = answer
		}
	}
	return err
}

// skewOf returns by how much the clock of a node differs, or 0 if that is not too much or
// the node does not tell.
func (e *Engine) skewOf(ctx context.Context, client *http.Client, host string) time.Duration {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, e.endpoint(host, "/version"), nil)
	if err != nil {
		return 0
	}
	asked := time.Now()
	r, err := client.Do(q)
	if err != nil {
		return 0
	}
	_ = r.Body.Close()
	now, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return skew(now, asked, time.Now())
}

// maxSkew is by how much the clocks of this machine and of a node may differ. The lease
// does not depend on it; the times in certificates and events do.
const maxSkew = time.Minute

// skew returns by how much the clock of a node differs from that of this machine, which
// asked and got the answer at these times, or 0 if that is not too much.
func skew(now, asked, answered time.Time) time.Duration {
	behind, ahead := asked.Round(0).Sub(now), now.Sub(answered.Round(0))
	if by := max(behind, ahead); by > maxSkew {
		return by
	}
	return 0
}

// messages are those for errors that a server does not tell by a code of gRPC.
var messages = map[*wire.Error]string{
	wire.ErrAuthFailed:        "etcd.credential",
	wire.ErrNoUser:            "etcd.credential",
	wire.ErrNoAuth:            "etcd.no-users",
	wire.ErrNoSpace:           "etcd.full",
	wire.ErrTooManyOperations: "etcd.too-large",
	wire.ErrRequestTooLarge:   "etcd.too-large",
}

// tooLarge reports whether an error says that a request is larger than the server's limit.
func tooLarge(err error) bool {
	e := new(wire.Error)
	return errors.As(err, &e) && e.Code == wire.ResourceExhausted && !e.Is(wire.ErrNoSpace) || errors.Is(err, wire.ErrRequestTooLarge)
}

// explain says what an error of the cluster means, and what to do. Messages, and errors of
// package engine, are returned as they are.
func (e *Engine) explain(err error) error {
	said, server, away := new(model.Error), new(wire.Error), new(engine.AwayError)
	switch {
	case errors.As(err, &away), errors.As(err, &said), errors.Is(err, engine.ErrConflict):
		return err
	case !errors.As(err, &server):
		return e.explainConnection(err)
	}
	code, wrapping := "etcd.server", []error{err}
	for known, message := range messages {
		if known.Is(server) {
			code = message
		}
	}
	switch {
	case code == "etcd.full":
		wrapping = append(wrapping, engine.ErrNoSpace)
	case code == "etcd.too-large", tooLarge(err):
		code, wrapping = "etcd.too-large", append(wrapping, engine.ErrTooLarge)
	case server.Code == wire.Unauthenticated:
		code = "etcd.credential"
	case server.Code == wire.PermissionDenied:
		code = "etcd.rights"
	case wire.Temporary(err): // there is no leader
		wrapping = append(wrapping, engine.ErrUnreachable)
	}
	return model.Fail(code, "url", e.name, "cause", model.Quoted("", server.Text), "prefix", e.prefix).Wrapping(wrapping...)
}

// alertOf returns the alert with which a node ends a connection on which nothing is sent,
// or nil. One who sends may find the connection broken before the alert is read.
func (e *Engine) alertOf(host string) *net.OpError {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	c, err := (&tls.Dialer{Config: e.tls}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil
	}
	defer func() { _ = c.Close() }()
	if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return nil
	}
	_, err = c.Read(make([]byte, 1))
	if network := new(net.OpError); errors.As(err, &network) && network.Op == "remote error" {
		return network
	}
	return nil
}

func (e *Engine) explainConnection(err error) error {
	var (
		chain   = new(tls.CertificateVerificationError)
		record  = new(tls.RecordHeaderError)
		network = new(net.OpError)
		unknown = new(net.DNSError)
		at      = new(url.Error)
	)
	code, cause, host := "etcd.connection", any(err), ""
	if errors.As(err, &at) {
		cause = at.Err
		if u, err := url.Parse(at.URL); err == nil {
			host = u.Host
		}
	}
	switch {
	case errors.As(err, &chain):
		code, cause = "etcd.certificate", chain.Err
	case errors.As(err, record):
		code = "etcd.no-tls"
	case errors.Is(err, wire.ErrNotGRPC):
		code = "etcd.other"
	case errors.As(err, &unknown):
		code, cause = "etcd.unreachable", unknown
	case errors.As(err, &network) && network.Op == "dial":
		code, cause = "etcd.unreachable", network
	case errors.As(err, &network) && network.Op == "remote error":
		code, cause = "etcd.client-certificate", network
	case errors.Is(err, context.DeadlineExceeded):
		code, cause = "etcd.unreachable", context.DeadlineExceeded
	}
	if code == "etcd.connection" && e.tls != nil {
		code = "etcd.connection-tls"
		if alert := e.alertOf(host); alert != nil {
			code, cause = "etcd.client-certificate", alert
		}
	}
	wrapping := []error{err}
	if code == "etcd.unreachable" {
		wrapping = append(wrapping, engine.ErrUnreachable)
	}
	return model.Fail(code, "url", e.name, "host", host, "cause", cause).Wrapping(wrapping...)
}
