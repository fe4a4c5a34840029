package app

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"certquay/cmd/metrics"
	"certquay/lifecycle"
	"certquay/model"
)

// ServeMetrics serves health and metrics as configured, until Close, and returns the
// address; "" if there is none. Whoever can connect may read: the socket is for the owner
// and the group of its directory.
func (a *App) ServeMetrics(ctx context.Context) (address string, err error) {
	s := metrics.NewServer(a.measured())
	address, err = a.answerScrapes(ctx, s)
	if address != "" {
		a.closing(s.Close)
	}
	return address, err
}

// serveStandby serves health and metrics of a process that stands by, until the returned
// function is called. If it cannot, that is logged: standing by matters more.
func (a *App) serveStandby(ctx context.Context) (end func()) {
	s := metrics.NewStandby(a.Version, a.Log)
	if _, err := a.answerScrapes(ctx, s); err != nil {
		a.Log.Error("metrics are not served", "error", err)
	}
	return func() { _ = s.Close() } // the socket is closed either way
}

// answerScrapes has a server answer at the configured address; "" if there is none.
func (a *App) answerScrapes(ctx context.Context, s *http.Server) (address string, err error) {
	network, address := a.Config.Metrics.Address(filepath.Dir(a.ConfigFile))
	if network == "" {
		return "", nil
	}
	l, err := listenAt(ctx, network, address)
	if err != nil {
		return "", err
	}
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.Log.Error("metrics are served no more", "error", err)
		}
	}()
	return l.Addr().String(), nil
}

// listenAt listens at an address. A socket that a process has left behind is replaced.
func listenAt(ctx context.Context, network, address string) (net.Listener, error) {
	if network == "unix" {
		if c, err := (&net.Dialer{}).DialContext(ctx, network, address); err == nil {
			_ = c.Close() // somebody answers: listening fails
		} else if i, err := os.Lstat(address); err == nil && i.Mode().Type() == fs.ModeSocket {
			if err := os.Remove(address); err != nil {
				return nil, err
			}
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, network, address)
	if err == nil && network == "unix" {
		err = os.Chmod(address, 0o660) //nolint:gosec // the group of the socket may scrape
	}
	return l, err
}

// measured is what the metrics measure.
func (a *App) measured() metrics.Source {
	engine := a.Engine.As(func() model.Actor {
		return model.Actor{Name: "metrics", Role: model.Viewer, Via: "metrics", ReadOnly: true}
	})
	return metrics.Source{
		Version: a.Version,
		Engine:  func() (lifecycle.Metrics, error) { return engine.Metrics() },
		Sealed: func() bool {
			_, sealed := a.Protection()
			return sealed
		},
		Writable: func() error { return cmp.Or(a.databaseAway(), a.Store.Writable()) },
		Away:     func() bool { return a.databaseAway() != nil },
		Sessions: a.Sessions.Count,
		Size:     a.size,
		Log:      a.Log,
	}
}
