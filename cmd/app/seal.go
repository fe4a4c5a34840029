package app

import (
	"context"
	"errors"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
)

// openStore opens or creates the store in a locked data directory, and changes the
// protection of its secrets if the configuration has changed. It asks for the
// passphrase if a user is present; otherwise the store stays sealed, so that it can be
// listed but secrets are unavailable until [App.Unseal].
func (a *App) openStore(ctx context.Context, lock *owner.Lock) error {
	c, o := a.Console, store.Options{KeyFile: config.KeyFile(a.ConfigFile), Logger: a.Log, OnTableBuilt: freeMemory}
	want, fresh := a.Config.Store.Seal == config.SealPassphrase, !store.Exists(lock.Dir())
	open := func() (*store.Store, error) { return store.Open(lock.Dir(), o) }
	if a.shared != nil {
		var err error
		if fresh, err = store.Empty(a.shared); err != nil {
			return &out.StoreError{Err: err}
		}
		if fresh && !a.MayCreate { // as after a restore that failed
			return &out.StoreError{Err: model.Fail("open.no-store-there", "name", a.Where()).Wrapping(engine.ErrMissing)}
		}
		o.Copies = lock.Dir()
		open = func() (*store.Store, error) { return store.With(a.shared, o) }
	}
	if want && fresh {
		passphrase, err := newPassphrase(ctx, c)
		if err != nil {
			return err
		}
		o.Passphrase = passphrase
	}
	var err error
	if a.Store, err = open(); errors.Is(err, store.ErrDataMissing) && a.AcceptLoss {
		a.LostData, o.AcceptLoss = model.TextOf(err), true
		question := c.Words().Text(a.LostData) + "\n" + c.Text("verb.loss")
		if err := c.Confirm(ctx, question, c.Text("verb.loss.word")); err != nil {
			return err
		}
		a.Store, err = open()
	}
	if err != nil {
		return &out.StoreError{Err: err}
	}
	a.closing(func() error { return a.Store.Close() })
	return a.openSecrets(ctx, lock, want, o)
}

// openSecrets unseals the store, and adds or removes a passphrase according to the
// configuration.
func (a *App) openSecrets(ctx context.Context, lock *owner.Lock, want bool, o store.Options) error {
	c := a.Console
	by, sealed, err := a.Store.Protection()
	if err != nil {
		return &out.StoreError{Err: err}
	}
	var current, next model.Secret
	switch {
	case !o.Passphrase.Empty(): // the store was just created
		return a.unsealAs(o.Passphrase)
	case a.splash != nil || !c.Interactive: // there is no user to ask
		if want && by == store.ByFile {
			a.Log.Warn("the configuration wants a passphrase, and the store has none: start certquay once on a terminal")
		}
		return nil
	case a.shared != nil && want == (by == store.ByFile):
		// Rewritten rows would leave the old key in the files of the database.
		return &out.StoreError{Err: model.Fail("verb.seal.shared", "by", string(by))}
	case want && by == store.ByFile:
		if next, err = newPassphrase(ctx, c); err != nil {
			return err
		}
	case sealed:
		if current, err = AskPassphrase(ctx, c); err != nil || current.Empty() {
			return err
		}
		if err := a.unsealAs(current); err != nil {
			return err
		}
		exposed, err := a.Store.Exposed()
		if err != nil || want && !exposed || a.shared != nil {
			return err
		}
		if want {
			next = current
		}
	default:
		return nil
	}
	if err := a.Store.Close(); err != nil {
		return &out.StoreError{Err: err}
	}
	c.Note("verb.seal.anew")
	if err := store.Rekey(ctx, lock.Dir(), o, current, next); err != nil {
		return &out.StoreError{Err: err, Hint: model.Say("verb.seal.as-it-was")}
	}
	if a.Store, err = store.Open(lock.Dir(), o); err != nil {
		return &out.StoreError{Err: err}
	}
	if next.Empty() {
		return nil
	}
	return a.unsealAs(next)
}

// unsealAs unseals the store that was just opened.
func (a *App) unsealAs(passphrase model.Secret) error {
	if err := a.Store.Unseal(passphrase); err != nil {
		return &out.StoreError{Err: err, Hint: model.Say("verb.seal.again")}
	}
	return nil
}

// AskPassphrase asks for the passphrase of the store. An empty one is accepted, to open
// the store sealed.
func AskPassphrase(ctx context.Context, c *out.Console) (model.Secret, error) {
	typed, err := c.AskSecret(ctx, c.Text("verb.ask.store"))
	if err != nil {
		return model.Secret{}, &out.StoreError{Err: err, Hint: model.Say("verb.seal.type")}
	}
	return model.NewSecret([]byte(typed)), nil
}

// newPassphrase asks twice for a new passphrase of the store.
func newPassphrase(ctx context.Context, c *out.Console) (none model.Secret, err error) {
	first, err := c.AskSecret(ctx, c.Text("verb.ask.seal"))
	if err != nil {
		return none, out.Usage("usage.seal", "cause", err)
	}
	again, err := c.AskSecret(ctx, c.Text("verb.ask.again"))
	if err != nil || again != first || first == "" {
		return none, out.Usage("usage.passphrases-differ")
	}
	return model.NewSecret([]byte(first)), nil
}

// Protection returns what protects the secrets, "" in a demo, and whether the store is
// sealed.
func (a *App) Protection() (by string, sealed bool) {
	if a.Demo {
		return "", false
	}
	p, sealed, err := a.Store.Protection()
	if err != nil {
		a.Log.Error("how secrets are kept cannot be read", "error", err)
	}
	return string(p), sealed
}

// Unseal unseals the store and starts what was waiting for it: scheduler, CA and
// endpoints.
func (a *App) Unseal(passphrase model.Secret) error {
	if err := a.Store.Unseal(passphrase); err != nil {
		return err
	}
	a.begin()
	a.syncUnsealTask(a.ctx, false)
	return nil
}

// syncUnsealTask raises the task to enter the passphrase while the store is sealed, and
// closes it afterwards.
func (a *App) syncUnsealTask(ctx context.Context, sealed bool) {
	asked := journal.NoTask(model.TaskUnseal)
	if sealed {
		asked = journal.UnsealTask()
	}
	if err := a.Engine.SyncTask(ctx, asked); err != nil {
		a.Log.Error("a task could not be noted", "kind", asked.Kind, "error", err)
	}
}
