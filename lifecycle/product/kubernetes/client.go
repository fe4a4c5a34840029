package kubernetes

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"sync"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

const (
	// requestTimeout bounds one request with its answer.
	requestTimeout = 30 * time.Second
	// maxAnswer bounds one answer in bytes: a page of secrets of 1 MiB each, in base64.
	maxAnswer = 64 << 20
	// maxTries is how often a request is sent that the server asks to send later, and
	// maxPause the longest pause that is waited for within a call.
	maxTries = 3
	maxPause = 5 * time.Second
	// pageSize is how many objects are listed at a time.
	pageSize = 50
)

// client speaks with the API server of one context.
type client struct {
	context string
	from    source
	now     func() time.Time
	timeout time.Duration // of a credential plugin

	mu   sync.Mutex
	in   *access // that http was made for
	http *http.Client
	made *credential // by the plugin in by
	by   *exec
}

// connect returns the connection as the kubeconfig describes it now. renew asks for a
// credential other than the one that was refused; there is none if that is not possible.
func (c *client) connect(ctx context.Context, renew bool) (*http.Client, *access, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, err := c.from.access(c.context)
	if err != nil {
		return nil, nil, err
	}
	if a.exec != nil {
		if c.made == nil || renew || !c.made.valid(c.now()) || !reflect.DeepEqual(a.exec, c.by) {
			c.made = nil
			if c.made, err = a.exec.run(ctx, a, c.timeout); err != nil {
				return nil, nil, err
			}
			c.by = a.exec
		}
		a.token, a.cert, a.key = c.made.token, c.made.cert, c.made.key
	}
	if c.in != nil && reflect.DeepEqual(a, c.in) {
		return c.http, a, nil
	}
	config, err := a.tls()
	if err != nil {
		return nil, nil, c.from.fail("kubernetes.unusable", "context", c.context, "cause", err)
	}
	c.close()
	c.in, c.http = a, &http.Client{
		Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute},
		Timeout:   requestTimeout,
		// An answer that leads elsewhere would take the key there.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c.http, a, nil
}

// close ends idle connections. The caller holds the lock.
func (c *client) close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// tls is the configuration of the connection.
func (a *access) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: a.serverName}
	if a.ca != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(a.ca) {
			return nil, model.Fail("kubernetes.no-ca")
		}
	}
	if a.cert != nil || a.key != nil {
		pair, err := tls.X509KeyPair(a.cert, a.key)
		if err != nil {
			return nil, model.Fail("kubernetes.no-pair")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// request is one call of the API.
type request struct {
	method, path string
	query        url.Values
	kind         string // Content-Type; "" for none
	accept       string // "" for JSON
	body         any    // encoded as JSON; nil for none
}

// do sends a request and decodes the answer into out, unless that is nil. A refusal is an
// [*apiError]. What the server asks to send again later it sends again, if that is soon.
func (c *client) do(ctx context.Context, r request, out any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return err
		}
	}
	renewed := false
	for try := 1; ; try++ {
		err := c.once(ctx, r, body, renewed, out)
		var refused *apiError
		if !errors.As(err, &refused) {
			return err
		}
		switch {
		case refused.status == http.StatusUnauthorized && !renewed:
			renewed = true // the credential may have been replaced meanwhile
		case refused.busy() && refused.after > 0 && refused.after <= maxPause && try < maxTries:
			select {
			case <-ctx.Done():
				return refused.error()
			case <-time.After(refused.after):
			}
		default:
			return refused.error()
		}
	}
}

func (c *client) once(ctx context.Context, r request, body []byte, renew bool, out any) error {
	h, a, err := c.connect(ctx, renew)
	if err != nil {
		return err
	}
	address := a.server + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return c.from.fail("kubernetes.no-https", "context", c.context)
	}
	req.Header.Set("User-Agent", "certquay")
	req.Header.Set("Accept", "application/json")
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := h.Do(req)
	if err != nil {
		return c.unreachable(a, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return c.unreachable(a, err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return c.refusal(resp, data)
	case len(data) > maxAnswer || out != nil && json.Unmarshal(data, out) != nil:
		return model.Fail("kubernetes.no-api", "context", c.context, "server", a.server)
	}
	return nil
}

// unreachable says that no answer came, without the address, which net/http repeats.
func (c *client) unreachable(a *access, err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	return model.Fail("kubernetes.unreachable", "context", c.context, "server", a.server, "cause", err).Wrapping(err)
}

// apiError is an answer that refuses a request (metav1.Status).
type apiError struct {
	context string
	file    string // the kubeconfig
	status  int
	reason  string // such as AlreadyExists; "" if the answer has none
	message string
	causes  []string // reasons of the details
	after   time.Duration
}

// Reasons of metav1.Status that are told apart.
const causeManager = "FieldManagerConflict"

func (c *client) refusal(resp *http.Response, data []byte) *apiError {
	e := &apiError{context: c.context, file: c.from.String(), status: resp.StatusCode, message: http.StatusText(resp.StatusCode)}
	var s struct {
		Reason, Message string
		Details         struct {
			Causes []struct{ Reason string }
		}
	}
	if json.Unmarshal(data, &s) == nil && s.Message != "" {
		e.reason, e.message = s.Reason, s.Message
		for _, x := range s.Details.Causes {
			e.causes = append(e.causes, x.Reason)
		}
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		e.after = time.Duration(n) * time.Second
	}
	return e
}

func (e *apiError) Error() string { return e.AsText().String() }

// AsText says who refused and what to do about it.
func (e *apiError) AsText() model.Text {
	args := []any{"context", e.context, "status", e.status, "said", model.Quoted("server", e.message), "file", e.file}
	switch {
	case e.status == http.StatusUnauthorized:
		return model.Say("kubernetes.unauthorized", args...)
	case e.status == http.StatusForbidden:
		return model.Say("kubernetes.forbidden", args...)
	case e.busy():
		return model.Say("kubernetes.busy", args...)
	}
	return model.Say("kubernetes.refused", args...)
}

// busy reports whether the server did nothing because it cannot at the moment.
func (e *apiError) busy() bool {
	return e.status == http.StatusTooManyRequests || e.status >= http.StatusInternalServerError
}

// error is the refusal with what the engine needs to know: when to ask again.
func (e *apiError) error() error {
	if e.after > 0 {
		return &ports.RetryAfterError{Err: e, After: e.after}
	}
	return e
}

// refusedWith reports whether an error is a refusal with a status.
func refusedWith(err error, status int) bool {
	var e *apiError
	return errors.As(err, &e) && e.status == status
}

// list asks for all objects of a kind, page by page.
func list[T any](ctx context.Context, c *client, path string, query url.Values, accept string) (all []T, err error) {
	next := ""
	for {
		q := url.Values{"limit": {strconv.Itoa(pageSize)}}
		for k, v := range query {
			q[k] = v
		}
		if next != "" {
			q.Set("continue", next)
		}
		var page struct {
			Metadata struct{ Continue string }
			Items    []T
		}
		if err := c.do(ctx, request{method: http.MethodGet, path: path, query: q, accept: accept}, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if next = page.Metadata.Continue; next == "" {
			return all, nil
		}
	}
}
