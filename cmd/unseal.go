package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/store"
)

func unsealCmd(c *invocation) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "unseal", Args: noArgs,
		Example: "  certquay unseal\n  certquay unseal --passphrase-file /run/credentials/passphrase\n  ssh -t host unseal",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.unseal(cmd.Context(), file) },
	}
	cmd.Flags().StringVar(&file, "passphrase-file", "", "")
	return cmd
}

func (c *invocation) unseal(ctx context.Context, file string) error {
	if err := c.engine().Allow(ctx, journal.Unseal, ""); err != nil { // also read-only: the server needs its keys
		return err
	}
	by, sealed := c.app.Protection()
	switch {
	case by != string(store.ByPassphrase):
		c.Say("verb.seal.none")
		return nil
	case !sealed:
		c.Say("verb.seal.open")
		return nil
	}
	var passphrase model.Secret
	var err error
	if file != "" {
		passphrase, err = c.password(ctx, file)
	} else {
		passphrase, err = app.AskPassphrase(ctx, c.Console)
		if errors.Is(err, session.ErrNoTerminal) {
			err = out.Usage("usage.no-terminal-store")
		}
	}
	if err != nil {
		return err
	}
	if passphrase.Empty() {
		return out.Usage("usage.no-passphrase")
	}
	err = c.app.Unseal(passphrase)
	if nerr := c.app.Engine.Note(context.WithoutCancel(ctx), c.currentActor(), journal.Unseal, "", err); nerr != nil {
		err = errors.Join(err, nerr)
	}
	if errors.Is(err, store.ErrPassphrase) {
		return &out.FailedError{What: model.TextOf(err), Hint: model.Say("verb.seal.stays")}
	}
	if err != nil {
		return err
	}
	c.Say("verb.seal.open")
	return nil
}
