package kubernetes_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/kubernetes"
	"certquay/model"
)

// proxy stands between the driver and an API server, and fails on purpose.
type proxy struct {
	mu   sync.Mutex
	n    int // requests since the last reset
	hit  int // how many of them failed
	at   int // which one fails, from 1; 0 for none
	how  fault
	then func(r *http.Request) // done before each request; nil for nothing
	seen []string              // requests with their bodies
}

// fault is how a request fails.
type fault struct {
	name   string
	late   bool // the server does it all the same
	status int  // 0: the connection is cut
	half   bool // in the middle of the answer
	after  string
	always bool // and so does every later one: the process is gone
}

func (p *proxy) set(at int, how fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n, p.hit, p.at, p.how = 0, 0, at, how
}

func (p *proxy) hits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hit
}

// behind returns the cluster as it is reached through a proxy.
func behind(t *testing.T, c *cluster) (*cluster, *proxy) {
	t.Helper()
	target, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p := new(proxy)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, forward) }))
	t.Cleanup(s.Close)
	through := *c
	through.url, through.ca = s.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return &through, p
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	p.n++
	p.seen = append(p.seen, r.Method+" "+r.URL.RequestURI()+" "+string(body))
	fails := p.n == p.at || p.how.always && p.at > 0 && p.n > p.at
	how, then := p.how, p.then
	how.late = how.late && p.n == p.at
	if fails {
		p.hit++
	}
	p.mu.Unlock()
	if then != nil {
		then(r)
	}
	if !fails {
		forward.ServeHTTP(w, r)
		return
	}
	done := httptest.NewRecorder()
	if how.late {
		forward.ServeHTTP(done, r)
	}
	switch {
	case how.half:
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(done.Body.Bytes()[:done.Body.Len()/2])
		panic(http.ErrAbortHandler)
	case how.status == 0:
		panic(http.ErrAbortHandler)
	}
	if how.after != "" {
		w.Header().Set("Retry-After", how.after)
	}
	w.WriteHeader(how.status)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","reason":"Test","message":"it fails with %d"}`, how.status)
}

// faults are the ways in which a request can fail; the first ones are tried by default, all
// with CERTQUAY_FAULTS=all.
var faults = []fault{
	{name: "cut before"}, {name: "cut after", late: true}, {name: "409", status: 409},
	{name: "cut in the middle", late: true, half: true}, {name: "401", status: 401}, {name: "403", status: 403}, {name: "422", status: 422},
	{name: "429", status: 429}, {name: "429 for a second", status: 429, after: "1"}, {name: "429 for a minute", status: 429, after: "60"},
	{name: "500", status: 500}, {name: "503", status: 503}, {name: "504 after", status: 504, late: true},
}

// everyRequestFails makes each request of a deployment, a rollback and an undeployment fail
// in each way. spec: D3 D8 P3
func everyRequestFails(t *testing.T, c *cluster) {
	c.allow(t, "all", everything)
	tried := faults[:3]
	if os.Getenv("CERTQUAY_FAULTS") == "all" {
		tried = faults
	}
	for _, there := range []bool{true, false} {
		for _, f := range tried {
			for _, undeploy := range []bool{true, false} {
				if f.after == "1" && (there || undeploy) {
					continue // it is waited for
				}
				name := fmt.Sprintf("%s, created %v, undeploy %v", f.name, !there, undeploy)
				t.Run(name, func(t *testing.T) { tryFault(t, c, f, there, undeploy) })
			}
		}
	}
}

// tried is one secret with a product whose requests may fail.
type tried struct {
	*cluster
	proxy  *proxy
	p      *kubernetes.Product
	at     ports.Target
	before string
}

func (c *cluster) try(t *testing.T, store ports.Store, there bool) *tried {
	t.Helper()
	for _, name := range []string{"site", "site2"} { // that of the last one
		if status, _ := c.send("DELETE", c.secretPath(name), adminToken, "application/json", ""); status != 200 && status != 404 {
			t.Fatalf("deleting gives %d", status)
		}
	}
	if there {
		c.create(t, "site", "kubernetes.io/tls", empty())
	}
	x := &tried{cluster: c, at: c.target("site"), before: c.state(t)}
	through, p := behind(t, c)
	x.proxy, x.p = p, through.open(t, store, forced)
	return x
}

func tryFault(t *testing.T, c *cluster, f fault, there, undeploy bool) {
	ctx := t.Context()
	x := c.try(t, issuertest.NewStore(), there)
	places := 0
	for n := 1; ; n++ {
		k := pair(t, "a.example.com")
		x.proxy.set(n, f)
		_, err := x.p.Deploy(ctx, x.at, k)
		hit := x.proxy.hits()
		x.proxy.set(0, fault{})
		if err != nil {
			x.wellSaid(t, f, err)
			if err := x.p.Rollback(ctx, x.at); err != nil {
				t.Fatal(err)
			}
			if after := c.state(t); after != x.before {
				t.Fatalf("request %d: it was\n%s\nand is\n%s", n, x.before, after)
			}
			if _, err = x.p.Deploy(ctx, x.at, k); err != nil {
				t.Fatal(err)
			}
		}
		c.holds(t, x.p, "site", k)
		undo := x.p.Rollback
		if undeploy {
			if undo = x.p.Undeploy; x.p.Commit(ctx, x.at) != nil {
				t.Fatal("commit")
			}
		}
		x.proxy.set(n, f)
		err = undo(ctx, x.at)
		hit += x.proxy.hits()
		x.proxy.set(0, fault{})
		if err != nil {
			x.wellSaid(t, f, err)
			if err = undo(ctx, x.at); err != nil && !errors.Is(err, ports.ErrNoResource) {
				t.Fatal(err)
			}
		}
		if after := c.state(t); after != x.before {
			t.Fatalf("request %d, put back: it was\n%s\nand is\n%s", n, x.before, after)
		}
		if hit == 0 {
			break
		}
		places += hit
	}
	t.Logf("%-20s %2d requests failed: done, or put back and then done", f.name, places)
}

// wellSaid checks what is said of a failure.
func (x *tried) wellSaid(t *testing.T, f fault, err error) {
	t.Helper()
	want := map[int]string{0: "kubernetes.unreachable", 401: "kubernetes.unauthorized", 403: "kubernetes.forbidden"}[f.status]
	switch {
	case f.status == 429 || f.status >= 500:
		want = "kubernetes.busy"
	case want == "":
		want = "kubernetes.refused"
	}
	var later *ports.RetryAfterError
	if code(err) != want || f.after == "60" && !errors.As(err, &later) {
		t.Errorf("%s: %v", f.name, err)
	}
	if strings.Contains(err.Error(), "PRIVATE KEY") {
		t.Errorf("%s: the error shows a key", f.name)
	}
}

// killedAnywhere stops the driver for good before or after each request and each write of
// the store, and goes on with another one: with the deployment, or with the rollback.
// spec: D3 H9
func killedAnywhere(t *testing.T, c *cluster) {
	c.allow(t, "all", everything)
	for _, there := range []bool{true, false} {
		for _, on := range []bool{true, false} {
			for _, late := range []bool{true, false} {
				for _, inStore := range []bool{true, false} {
					name := fmt.Sprintf("created %v, goes on %v, after %v, store %v", !there, on, late, inStore)
					t.Run(name, func(t *testing.T) { kill(t, c, there, on, late, inStore) })
				}
			}
		}
	}
}

// errKilled is what the store says once the process is gone.
var errKilled = errors.New("killed")

func kill(t *testing.T, c *cluster, there, on, late, inStore bool) {
	ctx := t.Context()
	for n := 1; ; n++ {
		store := issuertest.NewStore()
		x := c.try(t, store, there)
		k, count := pair(t, "a.example.com"), 0
		if inStore {
			store.Refuse = func() (before, after error) {
				if count++; count < n {
					return nil, nil
				}
				x.proxy.set(1, fault{always: true})
				if late && count == n {
					return nil, errKilled
				}
				return errKilled, nil
			}
		} else {
			x.proxy.set(n, fault{late: late, always: true})
		}
		steps := []func(context.Context, ports.Target) error{
			func(ctx context.Context, at ports.Target) error { return err2(x.p.Deploy(ctx, at, k)) }, x.p.Commit, x.p.Undeploy,
		}
		died := slices.IndexFunc(steps, func(step func(context.Context, ports.Target) error) bool { return step(ctx, x.at) != nil })
		x.proxy.set(0, fault{})
		store.Refuse = nil
		if died < 0 {
			if n < 3 {
				t.Errorf("it died nowhere after %d", n)
			}
			return
		}
		p := c.open(t, store, forced) // another process
		if died == 0 && on {
			if _, err := p.Deploy(ctx, x.at, k); err != nil {
				t.Fatal(err)
			}
			c.holds(t, p, "site", k)
		} else if died == 0 {
			if err := p.Rollback(ctx, x.at); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Commit(ctx, x.at); err != nil {
			t.Fatal(err)
		}
		if err := p.Undeploy(ctx, x.at); err != nil && !errors.Is(err, ports.ErrNoResource) {
			t.Fatal(err)
		}
		if after := c.state(t); after != x.before {
			t.Fatalf("killed at %d of step %d: it was\n%s\nand is\n%s", n, died, x.before, after)
		}
		if left := store.Cells("kubernetes/"); len(left) > 0 {
			t.Errorf("killed at %d of step %d: %d records are left", n, died, len(left))
		}
	}
}

// changedMeanwhile lets somebody else write between the reading and the writing: what they
// wrote is not lost, and a deployment over it is done anew. spec: P3
func changedMeanwhile(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "all", everything)
	x := c.try(t, issuertest.NewStore(), true)
	writes := 0
	version := func(n int) string { return base64.StdEncoding.EncodeToString(fmt.Append(nil, "version ", n)) }
	x.proxy.then = func(r *http.Request) {
		if r.Method == http.MethodPatch && !strings.Contains(r.URL.RawQuery, "dryRun") && writes < 2 {
			writes++
			c.change(t, "site", fmt.Sprintf(`{"data":{"ca.crt":"QQ==","tls.crt":%q}}`, version(writes)))
		}
	}
	k := pair(t, "a.example.com")
	if _, err := x.p.Deploy(ctx, x.at, k); err != nil || writes != 2 {
		t.Fatalf("%v after %d writes of somebody else", err, writes)
	}
	c.holds(t, x.p, "site", k)
	if err := x.p.Undeploy(ctx, x.at); err != nil {
		t.Fatal(err)
	}
	if d := c.admin(t, "GET", c.secretPath("site"), "")["data"].(object); d["tls.crt"] != version(2) || d["ca.crt"] != "QQ==" {
		t.Errorf("what was there last is not back: %v", d)
	}
	// Somebody who never stops.
	writes = -1000
	if _, err := x.p.Deploy(ctx, x.at, k); code(err) != "kubernetes.races" {
		t.Errorf("%v", err)
	}
	// One who creates the secret meanwhile.
	x.proxy.then = func(r *http.Request) {
		if r.Method == http.MethodPatch && writes < 0 {
			writes = 0
			c.create(t, "site2", "kubernetes.io/tls", empty())
		}
	}
	if _, err := x.p.Deploy(ctx, c.target("site2"), k); err != nil {
		t.Fatal(err)
	}
	if err := x.p.Undeploy(ctx, c.target("site2")); err != nil {
		t.Fatal(err)
	}
	if d := c.admin(t, "GET", c.secretPath("site2"), "")["data"].(object); d["tls.crt"] != "" {
		t.Errorf("what somebody created is gone: %v", d)
	}
}

// keysOnlyInBodies looks at every request, at what is kept outside of sealed parts, and at
// errors. spec: P3
func keysOnlyInBodies(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "all", everything)
	store := issuertest.NewStore()
	x := c.try(t, store, true)
	if _, err := x.p.Deploy(ctx, x.at, pair(t, "a.example.com")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.p.Deploy(ctx, x.at, pair(t, "a.example.com")); err != nil {
		t.Fatal(err)
	}
	for key, cell := range store.Cells("kubernetes/") {
		if bytes.Contains(cell.Data, []byte("PRIVATE")) || strings.Contains(fmt.Sprint(cell), "PRIVATE") {
			t.Errorf("%s holds a key in the open", key)
		}
	}
	if _, err := x.p.Discover(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	dry := 0
	for _, r := range x.proxy.seen {
		line, _, _ := strings.Cut(r, " {")
		if strings.Contains(line, "PRIVATE") || strings.Contains(line, "LS0t") { // in base64
			t.Errorf("a key in %s", line)
		}
		if strings.Contains(line, "dryRun=All") {
			dry++
		}
		if strings.HasPrefix(r, "PATCH") && strings.Contains(r, `"tls.crt"`) != strings.Contains(r, `"tls.key"`) {
			t.Errorf("half a pair is written: %s", line)
		}
	}
	if dry != 2 {
		t.Errorf("%d dry runs of 2 deployments", dry)
	}
	if text := model.Text(fmt.Sprintf("%v %+v", x.p, x.p)); strings.Contains(string(text), "PRIVATE") {
		t.Error("printing a product shows a key")
	}
}
