package app

import (
	"context"
	"path/filepath"

	"filippo.io/age"

	"certquay/cmd/backup"
	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/model"
)

// scheduleBackups makes scheduled backups as configured, until Close.
func (a *App) scheduleBackups() error {
	b := a.Config.Backup
	if b.Directory == "" || a.Demo {
		return nil
	}
	every, err := b.Interval()
	if err != nil {
		return err
	}
	m, err := a.Store.Meta(a.ctx)
	if err != nil {
		return &out.StoreError{Err: err}
	}
	dir, shown := filepath.Dir(a.ConfigFile), backup.DescribePassphrase()
	if len(b.Recipients) > 0 {
		shown = backup.DescribeKeys(b.Recipients)
	}
	k := &backup.Scheduler{
		Store: a.Store, ID: m.ID, Dir: b.DirectoryIn(dir), Every: every, Keep: b.Keep, Log: a.Log,
		Keys: func() ([]age.Recipient, age.Identity, error) { return backupKeys(b, dir) },
		OnResult: func(ctx context.Context, file string, failure error) {
			if err := a.Engine.NoteBackup(ctx, model.Scheduler, model.Say("log.backup", "file", file, "for", shown), failure); err != nil {
				a.Log.Error("a backup could not be noted", "file", file, "error", err)
			}
		},
	}
	ctx, stop := context.WithCancel(a.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Run(ctx)
	}()
	a.closing(func() error {
		stop()
		<-done
		return nil
	})
	return nil
}

// backupKeys returns the recipients of scheduled backups, and the identity if they are
// encrypted with a passphrase.
func backupKeys(b config.Backup, dir string) (all []age.Recipient, i age.Identity, err error) {
	for _, key := range b.Recipients {
		r, err := config.Recipient(key)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, r)
	}
	if len(all) > 0 {
		return all, nil, nil
	}
	passphrase, err := backup.Passphrase(b.PassphraseIn(dir))
	if err != nil {
		return nil, nil, err
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, nil, err
	}
	i, err = age.NewScryptIdentity(passphrase)
	return []age.Recipient{r}, i, err
}
