package acme_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// tamper lets a CA answer and then changes the answers of one step.
func tamper(step string, change func(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder)) pebbleOptions {
	return pebbleOptions{Always: true, Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if acmetest.StepOf(r) != step {
				h.ServeHTTP(w, r)
				return
			}
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			change(w, r, answer)
		})
	}}
}

// send passes an answer on with another body.
func send(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// forger makes chains of its own.
type forger struct {
	root, between       *x509.Certificate
	rootKey, betweenKey crypto.Signer
}

func newForger(t testing.TB) *forger {
	t.Helper()
	f := &forger{rootKey: newKey(t), betweenKey: newKey(t)}
	f.root = f.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "Forged root"}, IsCA: true}, nil, f.rootKey.Public(), f.rootKey)
	f.between = f.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "Forged"}, IsCA: true}, f.root, f.betweenKey.Public(), f.rootKey)
	return f
}

func (*forger) sign(t testing.TB, c, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.BasicConstraintsValid = true
	if c.IsCA {
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if c.NotBefore.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (f *forger) leaf(t testing.TB, pub crypto.PublicKey, names []string, from, to time.Time) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{DNSNames: names, NotBefore: from, NotAfter: to}
	return f.sign(t, c, f.between, pub, f.betweenKey)
}

func encode(chain ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return b.Bytes()
}

// What a CA returns is checked before it is accepted. spec: C9
func TestHostileCertificates(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	key, names := newKey(t), []string{"a.test", "b.test"}
	now, none := time.Now(), time.Time{}
	good := f.leaf(t, key.Public(), names, none, none)
	for _, c := range []struct {
		name, code string
		body       []byte
		roots      *x509.CertPool
	}{
		{"wrong names", "issue.other-names", encode(f.leaf(t, key.Public(), []string{"a.test", "evil.test"}, none, none), f.between), nil},
		{"more names", "issue.other-names", encode(f.leaf(t, key.Public(), append(names, "c.test"), none, none), f.between), nil},
		{"a wrong key", "issue.other-key", encode(f.leaf(t, newKey(t).Public(), names, none, none), f.between), nil},
		{"an expired one", "acme.chain-dates", encode(f.leaf(t, key.Public(), names, now.Add(-48*time.Hour), now.Add(-time.Hour)),
			f.between), nil},
		{"one of the future", "acme.chain-dates", encode(f.leaf(t, key.Public(), names, now.Add(48*time.Hour), now.Add(96*time.Hour)),
			f.between), nil},
		{"a reversed chain", "issue.other-key", encode(f.between, good), nil},
		{"a missing chain", "acme.chain-short", encode(good), nil},
		{"another chain", "acme.chain-order", encode(good, newForger(t).between), nil},
		{"another root", "acme.chain-root", encode(good, f.between), x509.NewCertPool()},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPebble(t, tamper("download", func(w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
				send(w, answer, c.body)
			}))
			w := newWorld(t, p, func(o *acme.Options) { o.ChainRoots = c.roots })
			o := w.drive(t, request(t, "k", key, names...), 0)
			if o.Status != ports.OrderInvalid || len(o.Chain) != 0 || o.Problem.Code() != "acme.wrong-certificate" {
				t.Fatalf("%s %q", o.Status, o.Problem)
			}
			if why := o.Problem.Message().Texts["cause"].Code(); why != c.code {
				t.Errorf("%s, want %s", why, c.code)
			}
		})
	}
	t.Run("a good one", func(t *testing.T) {
		p := newPebble(t, tamper("download", func(w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
			send(w, answer, encode(good, f.between, f.root))
		}))
		w := newWorld(t, p, nil)
		o := w.drive(t, request(t, "k", key, names...), 0)
		if o.Status != ports.OrderValid || len(o.Chain) != 2 || !bytes.Equal(o.Root, f.root.Raw) {
			t.Errorf("%s %q, %d certificates", o.Status, o.Problem, len(o.Chain))
		}
	})
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = ' '
	}
	return len(p), nil
}

// A CA cannot make us read without end, follow it elsewhere, or write outside. spec: C9
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request went elsewhere")
	}))
	t.Cleanup(elsewhere.Close)
	changed := func(answer *httptest.ResponseRecorder, from, to string) []byte {
		return bytes.ReplaceAll(answer.Body.Bytes(), []byte(from), []byte(to))
	}
	type answerOf func(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder)
	for _, c := range []struct {
		name, step, code string
		change           answerOf
	}{
		{"an endless directory", "directory", "acme.too-long", func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
			_, _ = io.Copy(w, endless{})
		}},
		{"an endless order", "order", "acme.too-long", func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
			_, _ = io.Copy(w, endless{})
		}},
		{"an endless refusal", "order", "acme.too-long", func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.Copy(w, endless{})
		}},
		{"an endless certificate", "download", "acme.too-long", func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
			_, _ = io.Copy(w, endless{})
		}},
		{"a directory elsewhere", "directory", "acme.redirect", func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		}},
		{"an order elsewhere", "order", "acme.redirect", func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
			http.Redirect(w, r, elsewhere.URL, http.StatusPermanentRedirect)
		}},
		{"an order's address elsewhere", "order", "acme.other-host", func(
			w http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder,
		) {
			a.Header().Set("Location", elsewhere.URL+"/order")
			send(w, a, a.Body.Bytes())
		}},
		{"an order's address without TLS", "order", "acme.no-https", func(
			w http.ResponseWriter, r *http.Request, a *httptest.ResponseRecorder,
		) {
			a.Header().Set("Location", "http://"+r.Host+"/order")
			send(w, a, a.Body.Bytes())
		}},
		{"no order's address", "order", "acme.no-order-url", func(w http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder) {
			a.Header().Del("Location")
			send(w, a, a.Body.Bytes())
		}},
		{"other names in the order", "order", "acme.garbled", func(w http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder) {
			send(w, a, changed(a, "a.test", "evil.test"))
		}},
		{"an authorization of another name", "authorization", "acme.other-identifier", func(
			w http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder,
		) {
			send(w, a, changed(a, "a.test", "evil.test"))
		}},
		{"a token with a path", "authorization", "acme.token", func(w http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder) {
			var z map[string]any
			if err := json.Unmarshal(a.Body.Bytes(), &z); err != nil {
				t.Error(err)
			}
			for _, c := range z["challenges"].([]any) {
				c.(map[string]any)["token"] = "../../../../etc/cron.d/evil"
			}
			b, err := json.Marshal(z)
			if err != nil {
				t.Error(err)
			}
			send(w, a, b)
		}},
		{"a status that does not exist", "look", "acme.status", func(w http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder) {
			send(w, a, changed(a, `"pending"`, `"\u001b[31mred"`))
		}},
		{"no directory", "directory", "acme.no-directory", func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
			_, _ = io.WriteString(w, "<html>hello</html>")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPebble(t, tamper(c.step, c.change))
			w := newWorld(t, p, nil)
			err := w.driveToError(t, request(t, "k", newKey(t), "a.test"))
			if !hasCode(err, c.code) {
				t.Errorf("%v, want %s", err, c.code)
			}
			if w.solver.left() != 0 {
				t.Error("a challenge file is left")
			}
		})
	}
}

// driveToError drives an order until it fails.
func (w *world) driveToError(t testing.TB, r ports.CertificateRequest) error {
	t.Helper()
	ctx := context.Background()
	o, err := w.Order(ctx, r)
	if err == nil && o.Status == ports.OrderReady {
		_, err = w.Finalize(ctx, o.Ref, r)
	}
	switch {
	case err == nil && o.Status == ports.OrderInvalid:
		return &model.Error{Text: o.Problem}
	case err == nil:
		t.Fatalf("no error, but %+v", o)
	}
	return err
}

// A directory that moves its resources is followed; the account stays. spec: C9
func TestDirectoryThatChanges(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	prefix := ""
	p := newPebble(t, pebbleOptions{Always: true, Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			add := prefix
			mu.Unlock()
			if acmetest.StepOf(r) == "directory" && add != "" {
				answer := httptest.NewRecorder()
				h.ServeHTTP(answer, r)
				send(w, answer, bytes.ReplaceAll(answer.Body.Bytes(), []byte("/order-plz"), []byte(add+"/order-plz")))
				return
			}
			if strings.HasPrefix(r.URL.Path, "/v2/") {
				// The JWS names the address that was asked; pebble wants its own.
				w.WriteHeader(http.StatusTeapot)
				return
			}
			h.ServeHTTP(w, r)
		})
	}})
	w := newWorld(t, p, nil)
	w.issue(t, request(t, "one", newKey(t), "a.test"))
	mu.Lock()
	prefix = "/v2"
	mu.Unlock()
	w.clock.add(2 * time.Hour)
	second := request(t, "two", newKey(t), "a.test")
	if err := w.driveToError(t, second); !hasCode(err, "acme.answer") {
		t.Errorf("the new address was not asked: %v", err)
	}
	mu.Lock()
	prefix = ""
	mu.Unlock()
	w.clock.add(2 * time.Hour)
	w.issue(t, second)
	if got := p.Count(acmetest.PathAccount); got != 1 {
		t.Errorf("%d accounts", got)
	}
}
