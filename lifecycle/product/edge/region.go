package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"certquay/lifecycle/listen"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// region is one listener with its bindings.
type region struct {
	e    *Edge
	name string

	mu     sync.Mutex // guards the listener
	ln     net.Listener
	srv    *http.Server
	failed error // why the last start failed
	closed bool

	// loaded holds the certificates that were asked for, by host, as parsed
	// from the store. load keeps a read of the store from filling in what a
	// later change has just removed.
	loaded sync.Map // string -> *tls.Certificate
	load   sync.Mutex
}

func newRegion(e *Edge, name string) *region { return &region{e: e, name: name} }

// fail is an error that a code says of the region.
func (r *region) fail(code string, args ...any) *model.Error {
	return model.Fail(code, append(args, "product", r.e.opt.Product, "region", r.name)...)
}

// address returns the address the region listens on, "" if it does not.
func (r *region) address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ln == nil {
		return ""
	}
	return r.ln.Addr().String()
}

func (r *region) problem() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// listen starts the listener unless it runs, on the saved address if there is
// one, and saves the address.
func (r *region) listen(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ln != nil {
		return nil
	}
	if r.closed {
		return r.fail("edge.closed")
	}
	ln, err := r.bind(ctx)
	if r.failed = err; err != nil {
		return err
	}
	srv := r.server()
	r.ln, r.srv = ln, srv
	go func() {
		// The certificates come from the configuration, not from files.
		if err := srv.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
			r.e.opt.Logger.Error("edge listener ended", "product", r.e.opt.Product, "region", r.name, "error", err)
		}
	}()
	return nil
}

func (r *region) bind(ctx context.Context) (net.Listener, error) {
	kept, err := r.savedAddress()
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:0"
	if kept != "" {
		address = kept
	}
	ln, err := listen.TCP(ctx, address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			_, port, _ := net.SplitHostPort(address)
			if who := r.e.opt.PortOwner(port); who != "" {
				return nil, r.fail("edge.taken-by", "address", address, "holder", who).Wrapping(err)
			}
			return nil, r.fail("edge.taken", "address", address, "port", port).Wrapping(err)
		}
		return nil, r.fail("edge.listen", "cause", err)
	}
	if kept != "" {
		return ln, nil
	}
	err = r.e.store.Update(ctx, func(tx model.Tx) error {
		return tx.Put(&model.KV{Namespace: space, Name: portCell(r.e.opt.Product, r.name), Data: []byte(ln.Addr().String())})
	})
	if err != nil {
		return nil, errors.Join(r.fail("edge.address-not-kept", "cause", err), ln.Close())
	}
	return ln, nil
}

// savedAddress returns the address of earlier runs.
func (r *region) savedAddress() (string, error) {
	c := &model.KV{Namespace: space, Name: portCell(r.e.opt.Product, r.name)}
	err := r.e.store.View(func(rd model.Reader) error { return rd.Get(c) })
	if errors.Is(err, model.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	// Never anything but loopback, whatever the record says.
	if a, err := netip.ParseAddrPort(string(c.Data)); err != nil || !a.Addr().IsLoopback() {
		return "", r.fail("edge.address-damaged")
	}
	return string(c.Data), nil
}

func (r *region) server() *http.Server {
	return &http.Server{
		Handler:           http.HandlerFunc(r.page),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		// Refused handshakes are everyday here; they belong to the log of
		// those who look for them.
		ErrorLog: log.New(debugWriter{r.e.opt.Logger}, "", 0),
		TLSConfig: &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: r.certificate,
			Time:           r.e.opt.Now,
			// A resumed session would show the certificate of the first one.
			SessionTicketsDisabled: true,
		},
	}
}

type debugWriter struct{ l *slog.Logger }

func (w debugWriter) Write(p []byte) (int, error) {
	w.l.Debug("edge", "message", strings.TrimSpace(string(p)))
	return len(p), nil
}

// certificate chooses the certificate by SNI. For an unknown name it returns
// nothing, which crypto/tls turns into the alert unrecognized_name (RFC 6066
// section 3). Clients send no name for an IP address (same section), so a
// handshake without one gets the resource named by an address.
func (r *region) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if c, ok := r.loaded.Load(host); ok {
		return c.(*tls.Certificate), nil
	}
	r.load.Lock()
	defer r.load.Unlock()
	var b binding
	err := r.e.store.View(func(rd model.Reader) error {
		name := host
		if name == "" {
			var err error
			if name, err = r.addressName(rd); err != nil || name == "" {
				return errors.Join(err, model.ErrNotFound)
			}
		}
		return b.get(rd, bindCell(r.e.opt.Product, r.name, name))
	})
	if errors.Is(err, model.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := b.tlsCertificate()
	if err != nil {
		return nil, err
	}
	r.loaded.Store(host, c)
	return c, nil
}

// invalidate makes the next handshake for a host read the store again.
func (r *region) invalidate(host string) {
	r.load.Lock()
	defer r.load.Unlock()
	r.loaded.Delete(host)
	if _, err := netip.ParseAddr(host); err == nil {
		r.loaded.Delete("")
	}
}

// addressName finds the resource that is named by an IP address, "" if none.
func (r *region) addressName(rd model.Reader) (string, error) {
	prefix := space + "/" + bindCell(r.e.opt.Product, r.name, "")
	for key, err := range rd.Keys(model.Scan{Kind: model.KindKV, Prefix: prefix}) {
		if err != nil {
			return "", err
		}
		name, err := url.PathUnescape(strings.TrimPrefix(key, prefix))
		if _, bad := netip.ParseAddr(name); err == nil && bad == nil {
			return name, nil
		}
	}
	return "", nil
}

// checkAddressName refuses a second resource named by an address: a client
// that asks without SNI could not say which it means.
func (r *region) checkAddressName(rd model.Reader, host string) error {
	if _, err := netip.ParseAddr(host); err != nil {
		return nil //nolint:nilerr // a name
	}
	other, err := r.addressName(rd)
	if err != nil || other == "" || other == host {
		return err
	}
	return &ports.PermanentError{Err: r.fail("edge.second-address", "name", other)}
}

// page is the page for browsers and curl.
func (r *region) page(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	page := model.Say("edge.page", "product", r.e.opt.Product, "region", r.name, "name", req.TLS.ServerName)
	said := page.String()
	if r.e.opt.Words != nil {
		said = r.e.opt.Words(req.Header.Get("Accept-Language"), page)
	}
	_, _ = io.WriteString(w, said) //nolint:gosec // plain text
}

func (r *region) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.ln == nil {
		return nil
	}
	srv, ln := r.srv, r.ln
	r.ln, r.srv = nil, nil
	// Answers under way are short; whoever is slower than this is cut off.
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close()
	}
	// Serve may not have taken the listener over yet.
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
