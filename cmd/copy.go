package cmd

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/builtin"
)

func copyCmd(c *invocation) *cobra.Command {
	var to, passwordFile string
	cmd := &cobra.Command{
		Use: "copy",
		Example: "  certquay copy --to postgres://certquay@db.example.com/certquay --password-file pg.password\n" +
			"  certquay copy --to etcd://etcd1:2379,etcd2:2379/certquay\n" +
			"  certquay copy --to /srv/certquay",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.copy(cmd.Context(), to, passwordFile)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "")
	return cmd
}

// copy copies the store to another engine: a database, or a directory (spec E1).
func (c *invocation) copy(ctx context.Context, to, passwordFile string) error {
	if f := rules.RequireRole(c.currentActor(), backUp, model.Owner); f != nil {
		return f
	}
	switch {
	case c.Kind.Elsewhere():
		return out.Usage("usage.copy-ssh")
	case to == "":
		return out.Usage("usage.copy-to")
	case c.app.Demo:
		return out.Usage("usage.backup-demo")
	}
	copyTo, name := c.copyToDir, c.Abs(to)
	if strings.Contains(to, "://") {
		copyTo, name = c.copyToDatabase(passwordFile), to
	}
	sum, report, err := copyTo(ctx, name)
	switch {
	case ctx.Err() != nil:
		return out.Failed("failed.copy-stopped", "to", name)
	case err != nil:
		return &out.StoreError{Err: err}
	}
	if err := c.app.Engine.Note(ctx, c.currentActor(), journal.Backup, model.Say("log.copy", "to", name), nil); err != nil {
		c.Note("verb.copy.unnoted", "cause", err)
	}
	if c.JSON {
		return c.PrintJSON(summaryJSON(sum, map[string]any{"to": name, "records": report.Records}))
	}
	c.Say("verb.copy.done", "to", name, "records", report.Records, "events", report.Events)
	c.Note("verb.copy.next", "events", sum.Events)
	return nil
}

// copyToDatabase returns a function that copies the store to an empty database, which this
// process owns meanwhile.
func (c *invocation) copyToDatabase(passwordFile string) func(context.Context, string) (store.Summary, store.Report, error) {
	return func(ctx context.Context, url string) (sum store.Summary, report store.Report, err error) {
		e, err := c.openEmpty(ctx, url, passwordFile, app.Holder(), c.app.Log)
		if err != nil {
			return sum, report, err
		}
		defer func() { err = errors.Join(err, e.Close()) }()
		return c.app.Store.CopyInto(ctx, e)
	}
}

// openEmpty connects to a database that is to get a store, and owns it. log may be nil.
func (c *invocation) openEmpty(ctx context.Context, url, passwordFile, holder string, log *slog.Logger) (engine.Engine, error) {
	if passwordFile != "" {
		passwordFile = c.Abs(passwordFile)
	}
	e, err := builtin.ForURL(url).Open(builtin.Setup{URL: url, PasswordFile: passwordFile, Create: true, Log: log})
	if err != nil {
		return nil, err
	}
	if _, err := e.Acquire(ctx, holder); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// copyToDir copies the store to a directory that is empty or does not exist.
func (c *invocation) copyToDir(ctx context.Context, dir string) (sum store.Summary, report store.Report, err error) {
	if err := store.CheckRestoreTarget(dir, c.app.KeyFile()); err != nil {
		return sum, report, err
	}
	_, absent := os.Lstat(dir)
	lock, err := owner.Acquire(dir)
	if err != nil {
		return sum, report, err
	}
	defer func() {
		err = errors.Join(err, lock.Release())
		if absent != nil && !store.Exists(dir) {
			removeEmptyStore(dir)
		}
	}()
	return c.app.Store.CopyToDir(ctx, dir)
}
