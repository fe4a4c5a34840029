package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

func restoreCmd(c *invocation) *cobra.Command {
	o := &identityFlags{}
	var to, passwordFile string
	cmd := &cobra.Command{
		Use: "restore",
		Example: "  certquay restore certquay.backup --data /srv/certquay\n" +
			"  certquay restore certquay.backup --to postgres://certquay@db.example.com/certquay\n" +
			"  certquay restore certquay.backup --data /tmp/look --config /tmp/look.conf/config.yaml --identity key.txt",
		Args: exactArg("arg.file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.restore(cmd.Context(), args[0], o, to, passwordFile)
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "")
	return cmd
}

// restore creates a store from a backup, in a directory or the database at a URL.
func (c *invocation) restore(ctx context.Context, file string, o *identityFlags, to, passwordFile string) error {
	if f := rules.RequireRole(c.currentActor(), restore, model.Owner); f != nil {
		return f
	}
	if c.Kind != session.Local || c.app != nil {
		return out.Usage("usage.restore-ssh")
	}
	w, err := placesOf(c.g)
	if err != nil {
		return err
	}
	restored, name, field := c.restoreToDir, w.data, "data"
	switch {
	case to == "" && passwordFile != "", to != "" && c.g.data != "", to != "" && !strings.Contains(to, "://"):
		return out.Usage("usage.restore-to")
	case to != "":
		restored, name, field = c.restoreToDatabase(to, passwordFile), to, "to"
	}
	sum, report, err := restored(ctx, file, o, w)
	if err != nil {
		return err
	}
	if err := c.createConfigFile(w.config); err != nil {
		return err
	}
	if c.JSON {
		more := map[string]any{field: name, "key_file": w.key, "records": report.Records, "problems": out.EnglishAll(report.Problems)}
		if err := c.PrintJSON(summaryJSON(sum, more)); err != nil {
			return err
		}
	}
	for _, p := range report.Problems {
		c.Say("verb.problem", "what", p)
	}
	if !report.Sound() {
		return out.Failed("failed.restore-unsound", "dir", name, "n", len(report.Problems)+report.More)
	}
	c.Say("verb.restore.done", "dir", name, "store", sum.Store, "at", sum.Made, "records", report.Records, "events", sum.Events)
	c.Say("verb.restore.key", "file", w.key)
	if to != "" {
		c.Note("verb.restore.use", "file", w.config)
	}
	c.Note("verb.restore.beware")
	return nil
}

// restoreToDir restores a backup into the data directory, while holding the lock on it.
func (c *invocation) restoreToDir(
	ctx context.Context, file string, o *identityFlags, w places,
) (sum store.Summary, report store.Report, err error) {
	if err := store.CheckRestoreTarget(w.data, w.key); err != nil {
		return sum, report, &out.StoreError{Err: err}
	}
	in, ids, err := c.openBackup(ctx, file, o)
	if err != nil {
		return sum, report, err
	}
	defer func() { _ = in.Close() }()
	_, absent := os.Lstat(w.data)
	lock, err := owner.Acquire(w.data)
	if err != nil {
		return sum, report, &out.StoreError{Err: err}
	}
	defer func() {
		err = errors.Join(err, lock.Release())
		if absent != nil && !store.Exists(w.data) {
			removeEmptyStore(w.data)
		}
	}()
	if sum, err = store.Restore(ctx, in, w.data, store.Options{KeyFile: w.key}, ids...); err != nil {
		return sum, report, backupError(file, err)
	}
	if report, err = checkRestored(ctx, w); err != nil {
		return sum, report, &out.StoreError{Err: err, Hint: model.Say("verb.restore.broken", "dir", w.data)}
	}
	return sum, report, nil
}

// restoreToDatabase returns a function that restores a backup into an empty database, which
// this process owns meanwhile.
func (c *invocation) restoreToDatabase(
	to, passwordFile string,
) func(context.Context, string, *identityFlags, places) (store.Summary, store.Report, error) {
	return func(ctx context.Context, file string, o *identityFlags, w places) (sum store.Summary, report store.Report, err error) {
		in, ids, err := c.openBackup(ctx, file, o)
		if err != nil {
			return sum, report, err
		}
		defer func() { _ = in.Close() }()
		e, err := c.openEmpty(ctx, to, passwordFile, app.Holder(), nil)
		if err != nil {
			return sum, report, &out.StoreError{Err: err}
		}
		sum, report, err = store.RestoreInto(ctx, in, e, store.Options{KeyFile: w.key}, ids...)
		if errors.Is(err, store.ErrNotEmpty) {
			return sum, report, &out.StoreError{Err: err}
		}
		if err != nil {
			return sum, report, backupError(file, err)
		}
		return sum, report, nil
	}
}

// removeEmptyStore removes a directory that was made for a store, and its lock file. It is
// kept if it has other content.
func removeEmptyStore(dir string) {
	_ = os.Remove(filepath.Join(dir, owner.LockName))
	_ = os.Remove(dir)
}

// createConfigFile creates the configuration that was named, beside which the master key
// is now, if there is none: without it the name would be refused.
func (c *invocation) createConfigFile(file string) error {
	if c.g.config == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		_, err = f.WriteString("# " + c.Text("verb.config.defaults") + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return out.Failed("failed.write-config", "file", file, "cause", err)
	}
	return nil
}

// checkRestored opens the restored store like any process would, and runs fsck.
func checkRestored(ctx context.Context, w places) (store.Report, error) {
	s, err := store.Open(w.data, store.Options{KeyFile: w.key})
	if err != nil {
		return store.Report{}, err
	}
	report, err := s.Fsck(ctx)
	return report, errors.Join(err, s.Close())
}
