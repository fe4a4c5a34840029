package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

// where are the places that a command line of this process is about.
type where struct{ data, config, key string }

// placesOf are the places that flags name, or else the usual ones.
func placesOf(g *global) (w where, err error) {
	paths := config.DefaultPaths()
	w.data, w.config = paths.Data, paths.ConfigFile()
	for _, p := range []struct{ from, to *string }{{&g.data, &w.data}, {&g.config, &w.config}} {
		if *p.from == "" {
			continue
		}
		if *p.to, err = filepath.Abs(*p.from); err != nil {
			return w, out.Usage("usage.path", "cause", err)
		}
	}
	w.key = config.KeyFile(w.config)
	return w, nil
}

// files are the places that this call is about: those of the owner, if it has one.
func (c *call) files() (where, error) {
	if c.app != nil {
		return where{c.app.Dir, c.app.ConfigFile, config.KeyFile(c.app.ConfigFile)}, nil
	}
	return placesOf(c.g)
}

// restore makes a store of a backup. The directory is this process's alone
// meanwhile.
func (c *call) restore(ctx context.Context, file string, o *opening) (err error) {
	if f := rules.Needs(c.who(), restore, model.Owner); f != nil {
		return f
	}
	if c.Kind != session.Local || c.app != nil {
		return out.Usage("usage.restore-ssh")
	}
	w, err := placesOf(c.g)
	if err != nil {
		return err
	}
	if err := store.Unused(w.data, w.key); err != nil {
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
			// It was not there before; when something else is in it now, it stays.
			_ = os.Remove(filepath.Join(w.data, owner.LockName))
			_ = os.Remove(w.data)
		}
	}()
	sum, err := store.Restore(ctx, in, w.data, store.Options{KeyFile: w.key}, ids...)
	if err != nil {
		return unopened(file, err)
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

// checkRestored opens the restored store as any process does, and checks it.
func checkRestored(ctx context.Context, w where) (store.Report, error) {
	s, err := store.Open(w.data, store.Options{KeyFile: w.key})
	if err != nil {
		return store.Report{}, err
	}
	report, err := s.Fsck(ctx)
	return report, errors.Join(err, s.Close())
}
