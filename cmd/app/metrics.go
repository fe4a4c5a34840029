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
	network, address := a.Config.Metrics.Address(filepath.Dir(a.ConfigFile))
	if network == "" {
		return "", nil
	}
	l, err := listenAt(ctx, network, address)
	if err != nil {
		return "", err
	}
	s := metrics.NewServer(a.measured())
	a.closing(s.Close)
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
		Sessions: a.Sessions.Count,
		Size:     a.size,
		Log:      a.Log,
	}
}
