package acme

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-acme/lego/v5/acme"

	"certquay/lifecycle/ports"
	"certquay/model"
)

const (
	// maxBody bounds what is read of one answer, in bytes.
	maxBody = 1 << 20
	// DefaultRequestTimeout bounds one request with its answer unless the options do.
	DefaultRequestTimeout = 30 * time.Second
	// userAgent is what RFC 8555 section 6.1 asks for; the library adds its own.
	userAgent = "certquay"
)

// Request is one request to a CA, as [Options.Observe] is told of it.
type Request struct {
	At     time.Time
	Issuer string
	// What it was for: "directory", "nonce", "account", "order", "look" (at an order or
	// authorization), "challenge", "finalize", "download", "revoke", "rollover",
	// "renewal", "deactivate".
	What       string
	Method     string
	URL        string
	Status     int           // 0 if there was no answer
	Problem    string        // type of the problem document, without its prefix
	RetryAfter time.Duration // 0 if the answer asked for no pause
	Took       time.Duration
	Err        error
}

// What requests are for.
const (
	whatDirectory  = "directory"
	whatNonce      = "nonce"
	whatAccount    = "account"
	whatOrder      = "order"
	whatLook       = "look"
	whatChallenge  = "challenge"
	whatFinalize   = "finalize"
	whatDownload   = "download"
	whatRevoke     = "revoke"
	whatRollover   = "rollover"
	whatRenewal    = "renewal"
	whatDeactivate = "deactivate"
)

// exchange is what the transport learns of the requests of one call of the library
// that the library does not hand out.
type exchange struct {
	what  string
	after time.Duration // Retry-After of the last answer
	date  time.Time     // Date of the last answer
	// answered says that the last request was answered and not refused.
	answered bool
	err      error // of the last request
}

type exchangeKey struct{}

// call returns a context for one call of the library, and what is learned by it.
func call(ctx context.Context, what string) (context.Context, *exchange) {
	x := &exchange{what: what}
	return context.WithValue(ctx, exchangeKey{}, x), x
}

// answerError is an answer of the CA that refuses a request.
type answerError struct {
	Status  int
	Problem *acme.ProblemDetails // nil if the body is no problem document
	After   time.Duration
	URL     string
}

func (e *answerError) Error() string {
	if e.Problem != nil {
		return e.Problem.Error()
	}
	return http.StatusText(e.Status)
}

// kind returns the type of the problem document without its prefix, or "".
func (e *answerError) kind() string {
	if e.Problem == nil {
		return ""
	}
	return strings.TrimPrefix(e.Problem.Type, problemSpace)
}

// refused reports whether the CA has certainly not done what was asked.
func (e *answerError) refused() bool { return e.Status >= 400 && e.Status < 500 }

// transport is what every request to a CA goes through. It sends over https only and
// only to the hosts of the directory, bounds answers, keeps Retry-After in every form
// and obeys it after 503, and turns refusals into errors before the library sees them:
// it then neither loses a Retry-After, nor pauses by itself after badNonce, nor orders
// again by itself after alreadyReplaced.
type transport struct {
	base    http.RoundTripper
	now     func() time.Time
	issuer  string
	observe func(Request)

	mu        sync.Mutex
	hosts     map[string]bool // the CA's; nil allows any, before the directory is known
	directory string
	cached    []byte    // the directory, for the library
	closed    time.Time // the CA takes no request before, after a 503
}

// blocked is why the transport sent nothing or read no further: the code of the
// message, which takes the host.
type blocked string

func (b blocked) Error() string { return string(b) }

const (
	errNoHTTPS  blocked = "acme.no-https"
	errHost     blocked = "acme.other-host"
	errRedirect blocked = "acme.redirect"
	errTooLong  blocked = "acme.too-long"
)

func (t *transport) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		x = &exchange{what: whatDirectory}
	}
	defer func() { x.err = err }()
	if data := t.stored(req); data != nil {
		return &http.Response{
			Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
			Body: io.NopCloser(bytes.NewReader(data)), ContentLength: int64(len(data)), Request: req,
		}, nil
	}
	if err := t.allowed(req.URL); err != nil {
		return nil, err
	}
	began := t.now()
	what := x.what
	if req.Method == http.MethodHead {
		what = whatNonce
	}
	x.answered = false
	resp, err = t.base.RoundTrip(req)
	told := Request{At: began, Issuer: t.issuer, What: what, Method: req.Method, URL: req.URL.String(), Took: t.now().Sub(began), Err: err}
	if err == nil {
		told.Status = resp.StatusCode
		told.RetryAfter = retryAfter(resp.Header, t.now())
		x.after = told.RetryAfter
		x.date, _ = http.ParseTime(resp.Header.Get("Date")) // zero if it tells none
		// The library would log one that it cannot read.
		resp.Header.Del("Retry-After")
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
		x.answered = resp.StatusCode < http.StatusBadRequest
		if !x.answered {
			resp, err = nil, t.refusal(req, resp, told.RetryAfter)
		}
		var answer *answerError
		if errors.As(err, &answer) {
			told.Problem = answer.kind()
		}
	}
	if t.observe != nil {
		t.observe(told)
	}
	return resp, err
}

// stored returns the directory if that is what is asked for and it is known.
func (t *transport) stored(req *http.Request) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if req.Method == http.MethodGet && req.URL.String() == t.directory {
		return t.cached
	}
	return nil
}

// known reports whether an address is the CA's.
func (t *transport) known(u *url.URL) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case u.Scheme != "https":
		return errNoHTTPS
	case t.hosts != nil && !t.hosts[u.Host]:
		return errHost
	}
	return nil
}

// allowed reports whether a request may be sent there, and now.
func (t *transport) allowed(u *url.URL) error {
	if err := t.known(u); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait := t.closed.Sub(t.now()); wait > 0 {
		return &ports.RetryAfterError{Err: &ports.DownError{Err: model.Fail("acme.busy", "host", u.Host)}, After: wait}
	}
	return nil
}

// refusal turns a refusing answer into an [answerError].
func (t *transport) refusal(req *http.Request, resp *http.Response, after time.Duration) error {
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	e := &answerError{Status: resp.StatusCode, After: after, URL: req.URL.String()}
	var p acme.ProblemDetails
	if json.Unmarshal(body, &p) == nil && (p.Type != "" || p.Detail != "") {
		e.Problem = &p
	}
	if e.Status == http.StatusServiceUnavailable && after > 0 {
		t.mu.Lock()
		t.closed = t.now().Add(after)
		t.mu.Unlock()
	}
	return e
}

// boundedBody fails once more is read than is allowed.
type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, errTooLong
	}
	b.left -= n
	return n, err
}

// newHTTPClient returns a client of the transport that follows redirects of GET
// within one host only.
func (i *Issuer) newHTTPClient(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: t, Timeout: i.opt.RequestTimeout,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0]
			if len(via) > 3 || first.Method != http.MethodGet || req.URL.Host != first.URL.Host || req.URL.Scheme != "https" {
				return errRedirect
			}
			return nil
		},
	}
}
