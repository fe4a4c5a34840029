package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/builtin"
)

const (
	// ownerPatience is how long a verb waits for the owner of a shared store: for longer
	// than the lease of one that has ended lasts.
	ownerPatience = 8 * time.Second
	// standbyInterval is how often a process that waits asks whether it can be the owner.
	standbyInterval = 250 * time.Millisecond
	// outageInterval is how often it asks while the database cannot be reached.
	outageInterval = time.Second
)

// openShared connects to the database of a store that several machines share, and waits
// until this process owns it (spec E2). A process that serves, or shows the dashboard,
// stands by as long as another owns it; so it does while the database is away, once it
// has been the owner.
func (a *App) openShared(ctx context.Context) error {
	s := a.Config.Store
	setup := builtin.Setup{
		URL: s.URL, PasswordFile: s.PasswordIn(filepath.Dir(a.ConfigFile)), Create: a.MayCreate, Log: a.Log,
	}
	standby, begun := a.Serve || a.Dashboard, time.Now()
	var told model.Text
	for ctx.Err() == nil {
		wait, err := standbyInterval, a.acquireShared(ctx, setup)
		held := new(engine.HeldError)
		switch {
		case err == nil:
			return nil
		case errors.As(err, &held):
			if !standby && time.Since(begun) > ownerPatience {
				return &out.StoreError{Err: err, Hint: model.Say("verb.standby.there")}
			}
		case !a.Again && a.shared == nil, !standby:
			return &out.StoreError{Err: err}
		default:
			wait = outageInterval
		}
		if now := model.TextOf(err); now != told && (standby || time.Since(begun) > time.Second) {
			told = now
			a.Console.Note("verb.standby", "why", now)
			a.Log.Info("standing by", "reason", now)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	if a.Serve {
		return &out.ExitError{Code: out.ExitOK} // stopped, as an owner is
	}
	return &out.ExitError{Code: 130}
}

// acquireShared connects to the database, unless it has already, and asks for the lease.
func (a *App) acquireShared(ctx context.Context, setup builtin.Setup) (err error) {
	if a.shared == nil {
		if a.shared, err = builtin.ForURL(setup.URL).Open(setup); err != nil {
			a.shared = nil
			return err
		}
		a.closing(a.shared.Close)
	}
	a.lease, err = a.shared.Acquire(ctx, a.Holder())
	return err
}

// Holder names this process to others that want to own a database.
func (a *App) Holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// KeyFile returns the path of the master key.
func (a *App) KeyFile() string { return config.KeyFile(a.ConfigFile) }

// Deposed is closed when this process does not own the store any more. It is nil for a
// store that is not shared.
func (a *App) Deposed() <-chan struct{} {
	if a.lease == nil {
		return nil
	}
	return a.lease.Lost()
}
