package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"certquay/cmd/out"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/listen"
	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/store"
)

// listenRetry is the interval at which a CRL and OCSP port that is in use is tried
// again. Tests shorten it.
var listenRetry = time.Minute

const (
	// prepareInterval is the interval at which the CA's own certificates are checked for
	// renewal; prepareRetry is the interval after a failure.
	prepareInterval = 24 * time.Hour
	prepareRetry    = 10 * time.Minute
	// rootTaskYears is how long the task to install a new root stays open: until the
	// previous root has expired.
	rootTaskYears = 5
)

// openCA opens the embedded CA and serves CRL and OCSP on loopback. Certificates
// contain the address, so the port is kept once it is chosen. If the port is in use,
// everything else still works (spec O4).
func (a *App) openCA(ctx context.Context, clock ports.Clock) (*embeddedCA, error) {
	c := a.Config.Embedded
	address, err := a.storedAddress(ctx, "crl", c.Listen)
	if err != nil {
		return nil, err
	}
	au := &embeddedCA{app: a, clock: clock, address: address, unsealed: make(chan struct{})}
	kind, _ := issuer.Find(embedded.Brand)
	opened, err := kind.Open(issuer.Setup{Settings: c, Store: a.Store, Now: clock.Now, BaseURL: au.baseURL})
	if err != nil {
		return nil, &out.UsageError{What: model.TextOf(err), Hint: model.Say("usage.issuer")}
	}
	au.ca = opened.(*embedded.Issuer) // the concrete type, for CRLs, OCSP and roots
	au.server = &http.Server{
		Handler: au.ca.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug),
	}
	a.closing(au.server.Close)
	au.listen(ctx)
	return au, nil
}

// embeddedCA is the embedded CA and its background work.
type embeddedCA struct {
	app      *App
	clock    ports.Clock
	ca       *embedded.Issuer
	server   *http.Server
	address  string // address of CRL and OCSP; port 0 until one is chosen
	bound    atomic.Pointer[string]
	unsealed chan struct{} // closed once the store is unsealed
	problem  error         // why the address is not served; nil once it is
	down     atomic.Bool
}

// baseURL returns the URL contained in certificates, or "" if no port was ever chosen.
func (au *embeddedCA) baseURL() string {
	if at := au.bound.Load(); at != nil {
		return "http://" + *at
	}
	if strings.HasSuffix(au.address, ":0") {
		return ""
	}
	return "http://" + au.address
}

// listen serves CRL and OCSP, or records the error.
func (au *embeddedCA) listen(ctx context.Context) {
	l, err := listen.TCP(ctx, au.address)
	if err == nil {
		err = au.app.storePort(ctx, "crl", au.address, l)
	}
	au.problem = err
	au.down.Store(err != nil)
	if err != nil {
		au.app.Log.Warn("CRL and OCSP cannot be served", "address", au.address, "error", err)
		return
	}
	at := l.Addr().String()
	au.bound.Store(&at)
	go func() {
		if err := au.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			au.app.Log.Error("CRL and OCSP are served no more", "error", err)
		}
	}()
}

// maintain raises tasks for the CA and renews its certificates, now and until the owner
// closes.
func (au *embeddedCA) maintain(ctx context.Context) {
	a := au.app
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	a.closing(func() error { stop(); work.Wait(); return nil })
	pause := au.prepare(ctx)
	work.Go(func() {
		unsealed := au.unsealed
		for {
			select {
			case <-ctx.Done():
				return
			case <-au.clock.After(pause):
			case <-unsealed:
				unsealed = nil // once
			}
			pause = au.prepare(ctx)
		}
	})
	au.syncAddressTask(ctx)
	if au.problem == nil {
		return
	}
	work.Go(func() {
		for au.problem != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(listenRetry): // in real time, since other programs use the port
			}
			au.listen(ctx)
		}
		au.syncAddressTask(ctx)
	})
}

// syncAddressTask raises or closes the task about the address of CRL and OCSP.
func (au *embeddedCA) syncAddressTask(ctx context.Context) {
	asked := journal.NoTask(model.TaskServe)
	if au.problem != nil {
		_, port, _ := net.SplitHostPort(au.address) // it was split before
		asked = journal.ServeTask(au.address, model.Texts(portTaken(port), model.TextOf(au.problem)))
	}
	au.ask(ctx, asked)
}

// prepare renews the CA's own certificates if necessary, and returns when to check
// again. Errors affect nothing else.
func (au *embeddedCA) prepare(ctx context.Context) time.Duration {
	err := au.ca.Prepare(ctx)
	switch {
	case errors.Is(err, store.ErrSealed), ctx.Err() != nil: // repeated once the store is unsealed
		return prepareRetry
	case err != nil:
		au.app.Log.Error("the embedded CA cannot renew its own certificates", "error", err)
		au.ask(ctx, journal.CATask(err))
		return prepareRetry
	}
	au.ask(ctx, journal.NoTask(model.TaskCA))
	root, number, err := au.ca.Root()
	if err != nil {
		au.app.Log.Error("the root of the embedded CA cannot be read", "error", err)
		return prepareRetry
	}
	asked := journal.NoTask(model.TaskRoot)
	if number > 1 && au.clock.Now().Before(model.AddYears(root.NotBefore, rootTaskYears)) {
		asked = journal.RootTask(root.Subject.CommonName, bundle.Fingerprint(root.Raw))
	}
	au.ask(ctx, asked)
	return prepareInterval
}

func (au *embeddedCA) ask(ctx context.Context, asked journal.TaskRequest) {
	if err := au.app.Engine.SyncTask(ctx, asked); err != nil && ctx.Err() == nil {
		au.app.Log.Error("a task could not be noted", "kind", asked.Kind, "error", err)
	}
}

// systemRoots returns a function that returns the system's roots. Reading them takes as
// long as opening the store, so the first call does it.
func (a *App) systemRoots() func() *x509.CertPool {
	return sync.OnceValue(func() *x509.CertPool {
		roots, err := x509.SystemCertPool()
		if err != nil {
			a.Log.Warn("the system's roots cannot be read", "error", err)
			roots = x509.NewCertPool()
		}
		return roots
	})
}

// roots returns a function that returns the system's roots and those of the CA at the
// time.
func (au *embeddedCA) roots(system func() *x509.CertPool) func() *x509.CertPool {
	return func() *x509.CertPool {
		roots := system().Clone()
		if err := au.ca.AddRoots(roots); err != nil {
			au.app.Log.Error("the roots of the embedded CA cannot be read", "error", err)
		}
		return roots
	}
}

// storedAddress returns an address, with port 0 replaced by the port that was chosen
// before.
func (a *App) storedAddress(ctx context.Context, what, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", out.Usage("usage.embedded-listen", "cause", err)
	}
	m, err := a.Store.Meta(ctx)
	if err != nil {
		return "", &out.StoreError{Err: err}
	}
	if kept := m.Ports[what]; port == "0" && kept != 0 {
		port = fmt.Sprint(kept)
	}
	return net.JoinHostPort(host, port), nil
}

// storePort stores the port that was chosen for port 0. On an error it closes the
// listener.
func (a *App) storePort(ctx context.Context, what, address string, l net.Listener) error {
	if !strings.HasSuffix(address, ":0") {
		return nil
	}
	err := a.Store.SetMeta(ctx, func(m *store.Meta) error {
		if m.Ports == nil {
			m.Ports = map[string]int{}
		}
		m.Ports[what] = l.Addr().(*net.TCPAddr).Port
		return nil
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return nil
}
