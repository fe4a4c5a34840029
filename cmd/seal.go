package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/model"
	"certquay/store"
)

// openStore opens the store in a locked data directory, or makes one, and
// brings how its secrets are kept in line with the configuration. A store with
// a passphrase is unsealed where there is somebody to ask for it; without, it
// stays sealed: it lists, and gives no secrets, until [App.Unseal].
func (a *App) openStore(ctx context.Context, lock *owner.Lock, s *session.Session, g *global, keyFile string) error {
	o := store.Options{KeyFile: keyFile, Logger: a.Log, Built: tidy}
	want := a.Config.Store.Seal == config.SealPassphrase
	if want && !store.Exists(lock.Dir()) {
		passphrase, err := newPassphrase(ctx, s)
		if err != nil {
			return err
		}
		o.Passphrase = passphrase
	}
	var err error
	if a.Store, err = store.Open(lock.Dir(), o); errors.Is(err, store.ErrLess) && g.acceptLoss {
		question := err.Error() + "\nWhat is missing is given up for good; copies of the files that are cut off are kept."
		if err := (&call{Session: s, g: g}).confirm(ctx, question, "give it up"); err != nil {
			return err
		}
		a.lost, o.AcceptLoss = err.Error(), true
		a.Store, err = store.Open(lock.Dir(), o)
	}
	if err != nil {
		return &storeError{err: err}
	}
	a.closing(func() error { return a.Store.Close() })
	return a.keepSecrets(ctx, lock, s, want, o)
}

// keepSecrets unseals the store, and gives it or takes from it a passphrase as
// the configuration says.
func (a *App) keepSecrets(ctx context.Context, lock *owner.Lock, s *session.Session, want bool, o store.Options) error {
	by, sealed, err := a.Store.Protection()
	if err != nil {
		return &storeError{err: err}
	}
	var current, next model.Secret
	switch {
	case !o.Passphrase.Empty(): // it was made just now
		return a.unsealAs(o.Passphrase)
	case a.stage != nil || !s.Interactive: // nobody can be asked
		if want && by == store.ByFile {
			a.Log.Warn("the configuration wants a passphrase, and the store has none: start certquay once on a terminal")
		}
		return nil
	case want && by == store.ByFile:
		if next, err = newPassphrase(ctx, s); err != nil {
			return err
		}
	case sealed:
		if current, err = askPassphrase(ctx, s); err != nil || current.Empty() {
			return err
		}
		if err := a.unsealAs(current); err != nil {
			return err
		}
		exposed, err := a.Store.Exposed()
		if err != nil || want && !exposed {
			return err
		}
		if want {
			next = current
		}
	default:
		return nil
	}
	if err := a.Store.Close(); err != nil {
		return &storeError{err: err}
	}
	if _, err := fmt.Fprintln(s.Err, "the store is written anew, so that nothing of the former protection stays in its files"); err != nil {
		return err
	}
	if err := store.Rekey(ctx, lock.Dir(), o, current, next); err != nil {
		return &storeError{err: err, hint: "the store is as it was"}
	}
	if a.Store, err = store.Open(lock.Dir(), o); err != nil {
		return &storeError{err: err}
	}
	if next.Empty() {
		return nil
	}
	return a.unsealAs(next)
}

// unsealAs unseals the store that was just opened.
func (a *App) unsealAs(passphrase model.Secret) error {
	if err := a.Store.Unseal(passphrase); err != nil {
		return &storeError{err: err, hint: "nothing was changed; try again"}
	}
	return nil
}

// askPassphrase asks for the passphrase of the store. It is empty for who only
// wants to look.
func askPassphrase(ctx context.Context, s *session.Session) (model.Secret, error) {
	typed, err := s.AskSecret(ctx, "The passphrase of the store (enter alone leaves it sealed): ")
	if err != nil {
		return model.Secret{}, &storeError{err: err, hint: "type the passphrase"}
	}
	return model.NewSecret([]byte(typed)), nil
}

// newPassphrase asks twice for a passphrase to seal the store with.
func newPassphrase(ctx context.Context, s *session.Session) (none model.Secret, err error) {
	first, err := s.AskSecret(ctx, "A passphrase to seal the store with: ")
	if err != nil {
		return none, &usageError{"the configuration wants a passphrase: " + err.Error(), "start certquay once on a terminal"}
	}
	again, err := s.AskSecret(ctx, "Again: ")
	if err != nil || again != first || first == "" {
		return none, &usageError{"the passphrases differ or are empty, so nothing was changed", "try again"}
	}
	return model.NewSecret([]byte(first)), nil
}

// sealing is how secrets are kept, and whether the store is sealed.
func (a *App) sealing() (by string, sealed bool) {
	if a.demo {
		return "", false
	}
	p, sealed, err := a.Store.Protection()
	if err != nil {
		a.Log.Error("how secrets are kept cannot be read", "error", err)
	}
	return string(p), sealed
}

// Unseal opens the secrets of a store that is sealed, and lets begin what waited
// for them: the scheduler, the CA and the endpoints.
func (a *App) Unseal(passphrase model.Secret) error {
	if err := a.Store.Unseal(passphrase); err != nil {
		return err
	}
	a.begins()
	a.askUnseal(a.ctx, false)
	return nil
}

// askUnseal asks a person for the passphrase while the store is sealed, and asks
// no more once it is not.
func (a *App) askUnseal(ctx context.Context, sealed bool) {
	asked := lifecycle.Well(model.TaskUnseal)
	if sealed {
		asked = lifecycle.AskUnseal()
	}
	if err := a.Engine.Ask(ctx, asked); err != nil {
		a.Log.Error("a task could not be noted", "kind", asked.Kind, "error", err)
	}
}

func unsealCmd(c *call) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "unseal", Short: "Give the passphrase of a store that is sealed", Args: cobra.NoArgs,
		Long: `Give the passphrase of a store that is sealed, which then serves everything until
its process ends. It is asked for on a terminal, or read from a file.`,
		Example: "  certquay unseal\n  certquay unseal --passphrase-file /run/credentials/passphrase\n  ssh -t host unseal",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.unseal(cmd.Context(), file) },
	}
	cmd.Flags().StringVar(&file, "passphrase-file", "", "file whose first line is the passphrase; - is standard input")
	return cmd
}

// unsealing names what is done in a refusal.
const unsealing lifecycle.Action = "unseal"

func (c *call) unseal(ctx context.Context, file string) error {
	who := c.Actor
	who.ReadOnly = false // it changes nothing, and a server that refuses changes needs its keys
	if f := lifecycle.Needs(who, unsealing, model.Owner); f != nil {
		return f
	}
	by, sealed := c.app.sealing()
	switch {
	case by != string(store.ByPassphrase):
		c.say("the store has no passphrase, so it is not sealed")
		return nil
	case !sealed:
		c.say("the store is unsealed")
		return nil
	}
	var passphrase model.Secret
	var err error
	if file != "" {
		passphrase, err = c.password(ctx, file)
	} else {
		passphrase, err = askPassphrase(ctx, c.Session)
		if errors.Is(err, session.ErrNoTerminal) {
			err = &usageError{"there is no terminal to ask for the passphrase on", "add --passphrase-file FILE"}
		}
	}
	if err != nil {
		return err
	}
	if passphrase.Empty() {
		return &usageError{"no passphrase was given, so the store stays sealed", "try again"}
	}
	err = c.app.Unseal(passphrase)
	if nerr := c.app.Engine.Note(context.WithoutCancel(ctx), c.Actor, string(unsealing), "the store", model.Text{}, err); nerr != nil {
		err = errors.Join(err, nerr)
	}
	if errors.Is(err, store.ErrPassphrase) {
		return &failedError{what: err.Error(), hint: "the store stays sealed; try again"}
	}
	if err != nil {
		return err
	}
	c.say("the store is unsealed")
	return nil
}
