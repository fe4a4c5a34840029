package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

func restoreCmd(c *invocation) *cobra.Command {
	o := &identityFlags{}
	cmd := &cobra.Command{
		Use: "restore",
		Example: "  certquay restore certquay.backup --data /srv/certquay\n" +
			"  certquay restore certquay.backup --data /tmp/look --config /tmp/look.conf/config.yaml --identity key.txt",
		Args: exactArg("arg.file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.restore(cmd.Context(), args[0], o)
		},
	}
	o.add(cmd)
	return cmd
}

// restore creates a store from a backup, while holding the lock on the directory.
func (c *invocation) restore(ctx context.Context, file string, o *identityFlags) (err error) {
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
	if err := store.CheckRestoreTarget(w.data, w.key); err != nil {
		return &out.StoreError{Err: err}
	}
	in, ids, err := c.openBackup(ctx, file, o)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, absent := os.Lstat(w.data)
	lock, err := owner.Acquire(w.data)
	if err != nil {
		return &out.StoreError{Err: err}
	}
	defer func() {
		err = errors.Join(err, lock.Release())
		if absent != nil && !store.Exists(w.data) {
			removeEmptyStore(w.data)
		}
	}()
	sum, err := store.Restore(ctx, in, w.data, store.Options{KeyFile: w.key}, ids...)
	if err != nil {
		return backupError(file, err)
	}
	if err := c.createConfigFile(w.config); err != nil {
		return err
	}
	report, err := checkRestored(ctx, w)
	if err != nil {
		return &out.StoreError{Err: err, Hint: model.Say("verb.restore.broken", "dir", w.data)}
	}
	if c.JSON {
		more := map[string]any{"data": w.data, "key_file": w.key, "records": report.Records, "problems": out.EnglishAll(report.Problems)}
		if err := c.PrintJSON(summaryJSON(sum, more)); err != nil {
			return err
		}
	}
	for _, p := range report.Problems {
		c.Say("verb.problem", "what", p)
	}
	if !report.Sound() {
		return out.Failed("failed.restore-unsound", "dir", w.data, "n", len(report.Problems)+report.More)
	}
	c.Say("verb.restore.done", "dir", w.data, "store", sum.Store, "at", sum.Made, "records", report.Records, "events", sum.Events)
	c.Say("verb.restore.key", "file", w.key)
	c.Note("verb.restore.beware")
	return nil
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
