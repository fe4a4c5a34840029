package acme

import (
	"context"
	"crypto"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/acme/api"

	"certquay/model"
)

// directoryAge is how long a directory is used before it is fetched again.
const directoryAge = time.Hour

// directory is the directory of the CA as it was at a time.
type directory struct {
	acme.Directory
	at   time.Time // when it was fetched
	date time.Time // what the CA's clock said then; zero if it told nothing
	t    *transport
}

// base returns the transport below ours: one pool of connections for all accounts.
func (i *Issuer) base() http.RoundTripper {
	if i.opt.Transport != nil {
		return i.opt.Transport
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: i.opt.Roots, MinVersion: tls.VersionTLS12}
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// fetchDirectory returns the directory, at most an hour old unless fresh is wanted.
func (i *Issuer) fetchDirectory(ctx context.Context, fresh bool) (*directory, error) {
	i.mu.Lock()
	d := i.dir
	i.mu.Unlock()
	if d != nil && !fresh && i.now().Sub(d.at) < directoryAge {
		return d, nil
	}
	var closed time.Time
	if d != nil { // a pause that the CA asked for outlasts its directory
		d.t.mu.Lock()
		closed = d.t.closed
		d.t.mu.Unlock()
	}
	d = &directory{at: i.now(), t: &transport{
		base: i.roundTripper, now: i.now, issuer: i.opt.Name, observe: i.opt.Observe, closed: closed,
	}}
	ctx, x := call(ctx, whatDirectory)
	data, err := getBody(ctx, i.newHTTPClient(d.t), i.directory)
	var answer *answerError
	if errors.As(err, &answer) && answer.Problem == nil && (answer.Status == http.StatusNotFound || answer.Status == http.StatusGone) {
		return nil, model.Fail("acme.no-directory", "url", i.directory)
	}
	if err != nil {
		return nil, i.failed(err)
	}
	if json.Unmarshal(data, &d.Directory) != nil || d.NewAccountURL == "" || d.NewOrderURL == "" || d.NewNonceURL == "" {
		return nil, model.Fail("acme.no-directory", "url", i.directory)
	}
	d.date = x.date
	d.t.hosts = map[string]bool{}
	for _, s := range []string{
		i.directory, d.NewAccountURL, d.NewOrderURL, d.NewNonceURL, d.NewAuthzURL, d.RevokeCertURL, d.KeyChangeURL, d.RenewalInfo,
	} {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			d.t.hosts[u.Host] = true
		}
	}
	d.t.directory, d.t.cached = i.directory, data
	i.mu.Lock()
	i.dir = d
	i.core = nil
	i.mu.Unlock()
	return d, nil
}

// getBody reads what a GET without an account answers.
func getBody(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return io.ReadAll(resp.Body)
}

// newCore returns a client of its own for a key: one without an account signs by the
// key itself.
func (i *Issuer) newCore(ctx context.Context, account string, key crypto.Signer) (*api.Core, error) {
	d, err := i.fetchDirectory(ctx, false)
	if err != nil {
		return nil, err
	}
	core, err := api.New(i.newHTTPClient(d.t), userAgent, i.directory, account, key)
	if err != nil {
		return nil, i.failed(err)
	}
	return core, nil
}

// How often a call is made again after the CA has refused its nonce, and the longest
// pause before; the first few times it is made at once.
const (
	nonceTries = 30
	noncePause = 2 * time.Second
)

// try makes one call of the library, again while the CA refuses the nonce: it has done
// nothing then.
func try[T any](ctx context.Context, i *Issuer, what string, f func(context.Context) (T, error)) (v T, x *exchange, err error) {
	for n := range nonceTries {
		if n > 3 {
			if err := i.opt.Sleep(ctx, min(10*time.Millisecond<<n, noncePause)); err != nil {
				return v, x, err
			}
		}
		var once context.Context
		once, x = call(ctx, what)
		v, err = f(once)
		var request *url.Error
		if err != nil && x.err != nil && !errors.As(err, &request) { // the library lost it on the way to a nonce
			err = &url.Error{Op: what, URL: i.directory, Err: x.err}
		}
		if !hasKind(err, badNonce) {
			break
		}
	}
	return v, x, i.failed(err)
}
