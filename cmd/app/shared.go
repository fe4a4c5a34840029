package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/peer"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/builtin"
)

const (
	// ownerPatience is how long a verb waits for the owner of a shared store: for longer
	// than the lease of one that has ended lasts.
	ownerPatience = 8 * time.Second
	// standbyInterval is how often a process that waits asks whether it can be the owner.
	standbyInterval = 250 * time.Millisecond
	// dashboardInterval is how often a dashboard asks: more slowly, so that a process that
	// serves is the owner rather than one that ends with a person's work.
	dashboardInterval = time.Second
	// outageInterval is how often it asks while the database cannot be reached.
	outageInterval = time.Second
)

// openShared connects to the database of a store that several machines share, and waits
// until this process owns it (spec E2). A process that serves stands by as long as another
// owns it, or the database does not answer; so does a dashboard once it has been the owner.
// Any other is told with an [peer.ElsewhereError] where to attach, if the owner can be
// reached; otherwise a dashboard stands by, too.
func (a *App) openShared(ctx context.Context) error {
	standby, begun := a.Serve || a.Dashboard, time.Now()
	find := &Finder{KeyFile: a.KeyFile(), Open: func() (engine.Engine, error) { return a.shared, nil }}
	if !a.Serve && a.Console.Interactive {
		find.Ask = func() (model.Secret, error) { return AskPassphrase(ctx, a.Console) }
	}
	announcing, leave := context.WithCancel(ctx)
	defer leave()
	announce := sync.OnceFunc(func() { go a.announce(announcing, find) })
	end := func() {}
	defer func() { end() }()
	answer := sync.OnceFunc(func() { end = a.serveStandby(ctx) })
	var told model.Text
	for ctx.Err() == nil {
		wait, err := standbyInterval, a.acquireShared(ctx)
		held := new(engine.HeldError)
		switch {
		case err == nil:
			return nil
		case errors.As(err, &held):
			if err := a.elsewhere(ctx, find, held); err != nil {
				return err
			}
			if a.Serve {
				announce()
			} else if a.Dashboard {
				wait = dashboardInterval
			}
			if !standby && time.Since(begun) > ownerPatience {
				return &out.StoreError{Err: err, Hint: model.Say("verb.standby.there")}
			}
		case a.shared == nil && !a.Again && (!a.Serve || !errors.Is(err, engine.ErrUnreachable)), !standby:
			return &out.StoreError{Err: err}
		default:
			wait = outageInterval
		}
		if a.Serve {
			answer()
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
func (a *App) acquireShared(ctx context.Context) (err error) {
	if a.shared == nil {
		if a.shared, err = OpenShared(a.Config, a.ConfigFile, a.MayCreate, a.Log); err != nil {
			a.shared = nil
			return err
		}
		a.closing(a.shared.Close)
	}
	if a.lease, err = a.shared.Acquire(ctx, Holder()); err == nil {
		a.Log.Info("this process owns the store", "epoch", a.lease.Epoch())
	}
	a.since = time.Now()
	return err
}

// OpenShared connects to the database of a store that several machines share, which a
// configuration file names. log may be nil.
func OpenShared(c *config.Config, file string, create bool, log *slog.Logger) (engine.Engine, error) {
	return builtin.ForURL(c.Store.URL).Open(builtin.Setup{
		URL: c.Store.URL, PasswordFile: c.Store.PasswordIn(filepath.Dir(file)), Create: create, Log: log,
	})
}

// elsewhere returns an [peer.ElsewhereError] if the process that holds the lease can be
// attached to, and this one is not to stand by. It fails if this machine could not own the
// store, because it does not have its key, or a newer certquay writes it.
func (a *App) elsewhere(ctx context.Context, find *Finder, held *engine.HeldError) error {
	p, err := find.Find(ctx)
	unusable := new(store.OpenError)
	switch {
	case errors.As(err, &unusable), errors.Is(err, store.ErrNewerSchema):
		return &out.StoreError{Err: err}
	case a.Serve:
		return nil
	case errors.Is(err, store.ErrSealed):
		return &out.StoreError{Err: err, Hint: model.Say("verb.seal.type")}
	case err != nil:
		a.Log.Warn("the owner cannot be found", "error", err)
		return nil
	case p.Address != "" && p.Holder == held.Holder:
		return &peer.ElsewhereError{Peer: p}
	}
	return nil
}

// Holder names this process to others that want to own a database.
func Holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// Where returns the place of the store: its database, or its directory.
func (a *App) Where() string {
	if n, ok := a.shared.(interface{ Name() string }); ok {
		return n.Name()
	}
	return a.Dir
}

// KeyFile returns the path of the master key.
func (a *App) KeyFile() string { return config.KeyFile(a.ConfigFile) }

// AwaitDatabase is called when the lease is lost, and returns when the database answers: at
// once if another process owns the store. While it does not, people can go on to read what
// is held here (spec E3); no work is done, since another process may be doing it.
func (a *App) AwaitDatabase(ctx context.Context) {
	for ctx.Err() == nil {
		snap, err := a.shared.Snapshot()
		if err == nil {
			snap.Close()
			return
		}
		if a.away.Load() == nil {
			since := time.Now()
			if away := new(engine.AwayError); errors.As(err, &away) {
				since, err = away.Since, away.Cause
			}
			a.away.Store(&since)
			a.Console.Note("verb.away", "cause", err)
			a.Engine.Halt()
		}
		select {
		case <-ctx.Done():
		case <-time.After(outageInterval):
		}
	}
}

// hold begins to read what lists show, so that it is held here when the database is away.
func (a *App) hold() {
	ctx, stop := context.WithCancel(a.ctx)
	done := make(chan struct{})
	a.closing(func() error { stop(); <-done; return nil })
	go func() {
		defer close(done)
		err := a.Store.WaitForTable(ctx)
		changes := a.Store.Watch(ctx)
		for open := true; open && ctx.Err() == nil; {
			if err == nil {
				err = a.Store.HoldContacts()
			}
			if err != nil && ctx.Err() == nil {
				a.Log.Warn("what lists show could not be read", "error", err)
			}
			for again := false; open && !again; {
				var set model.ChangeSet
				set, open = <-changes
				again = set.Resync || slices.ContainsFunc(set.Changes, func(c model.Change) bool { return c.Kind == model.KindContact })
			}
			err = nil
		}
	}()
}

// Deposed is closed when this process does not own the store any more. It is nil for a
// store that is not shared.
func (a *App) Deposed() <-chan struct{} {
	if a.lease == nil {
		return nil
	}
	return a.lease.Lost()
}

// deposed reports whether this process was the owner of a shared store and is not any more.
func (a *App) deposed() bool {
	select {
	case <-a.Deposed():
		return true
	default:
		return false
	}
}
