// Package backup makes scheduled backups of a store. Each is read again after it was
// written, and only the newest are kept.
package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"certquay/model"
	"certquay/store"
)

// retryAfter is the delay before a failed backup is retried, unless the next one is due
// earlier. maxSleep limits a single wait, because timers do not advance while the
// machine is suspended.
const (
	retryAfter = time.Hour
	maxSleep   = time.Minute
)

// Scheduler makes the backups of one store. Its fields must not change once it runs.
type Scheduler struct {
	Store *store.Store
	ID    string // ID of the store
	Dir   string // created with mode 0700 if it does not exist
	Every time.Duration
	Keep  int // at least 1
	// Keys returns the recipients of a backup, and an identity that decrypts it, or nil
	// if there is none on this machine. It is called for each backup.
	Keys func() ([]age.Recipient, age.Identity, error)
	// OnResult is called after each backup with its file, and the error if it failed.
	OnResult func(ctx context.Context, file string, err error)
	Log      *slog.Logger
}

// timeFormat is the format of the time in a file name, in UTC.
const timeFormat = "20060102T150405Z"

func (k *Scheduler) prefix() string { return "certquay-" + k.ID[:min(8, len(k.ID))] + "-" }

const suffix = ".backup"

// Run makes a backup whenever the newest one is older than the interval. It returns
// when ctx ends, and then aborts a running backup.
func (k *Scheduler) Run(ctx context.Context) {
	var notBefore time.Time // after a failure
	for {
		now := time.Now()
		at := k.due(now)
		if at.Before(notBefore) {
			at = notBefore
		}
		if wait := at.Sub(now); wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(min(wait, maxSleep)):
			}
			continue
		}
		file, err := k.make(ctx, now.UTC())
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			k.Log.Error("a scheduled backup failed", "file", file, "error", err)
			notBefore = now.Add(min(k.Every, retryAfter))
		} else {
			k.Log.Info("a scheduled backup was made", "file", file)
			notBefore = time.Time{}
		}
		k.OnResult(ctx, file, err)
	}
}

// due returns when the next backup is due. If the directory cannot be read, that is
// now, and making the backup reports the error.
func (k *Scheduler) due(now time.Time) time.Time {
	var newest time.Time
	made, _ := k.list()
	for _, name := range made {
		stamp := strings.TrimSuffix(strings.TrimPrefix(name, k.prefix()), suffix)
		if at, err := time.Parse(timeFormat, stamp); err == nil && at.After(newest) && !at.After(now) {
			newest = at
		}
	}
	return newest.Add(k.Every)
}

// list returns the file names of the backups of this store, the oldest first.
func (k *Scheduler) list() (names []string, err error) {
	all, err := os.ReadDir(k.Dir)
	for _, e := range all {
		if strings.HasPrefix(e.Name(), k.prefix()) && strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}

// make writes one backup, verifies it, and removes those in excess of Keep. A backup
// that cannot be verified is removed.
func (k *Scheduler) make(ctx context.Context, at time.Time) (file string, err error) {
	name := k.prefix() + at.Format(timeFormat) + suffix
	file = filepath.Join(k.Dir, name)
	recipients, identity, err := k.Keys()
	if err != nil {
		return file, err
	}
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return file, err
	}
	written := sha256.New()
	var sum store.Summary
	err = store.WriteWhole(file, func(w io.Writer) error {
		sum, err = k.Store.Backup(ctx, io.MultiWriter(w, written), recipients...)
		return err
	})
	if err != nil {
		return file, err
	}
	if err := check(ctx, file, written.Sum(nil), sum, identity); err != nil {
		return file, errors.Join(model.Fail("keep.unread", "cause", err), os.Remove(file))
	}
	return file, k.removeOld(name)
}

// check compares a backup with what was written and, with an identity, verifies its
// content.
func check(ctx context.Context, file string, want []byte, sum store.Summary, identity age.Identity) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	read := sha256.New()
	if _, err := io.Copy(read, f); err != nil {
		return err
	}
	if !bytes.Equal(read.Sum(nil), want) {
		return model.Fail("keep.other-bytes")
	}
	if identity == nil {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	// Verify in memory only, so that no temporary files fill the disk.
	told, report, err := store.VerifyBackup(ctx, f, "", "", identity)
	var unchecked *store.UncheckedError
	switch {
	case err != nil && !errors.As(err, &unchecked):
		return err
	case told != sum:
		return model.Fail("keep.other-moment")
	case !report.Sound():
		return model.Fail("keep.unsound", "n", len(report.Problems)+report.More)
	}
	return nil
}

// removeOld removes all but the newest backups, never the one just made, and the files
// of interrupted backups.
func (k *Scheduler) removeOld(kept string) error {
	names, err := k.list()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names[:max(0, len(names)-k.Keep)] {
		if name != kept {
			errs = append(errs, os.Remove(filepath.Join(k.Dir, name)))
		}
	}
	parts, err := filepath.Glob(filepath.Join(k.Dir, k.prefix()+"*"+suffix+store.PartSuffix))
	errs = append(errs, err)
	for _, part := range parts {
		errs = append(errs, os.Remove(part))
	}
	if err := errors.Join(errs...); err != nil {
		return model.Fail("keep.retire", "cause", err)
	}
	return nil
}

// DescribePassphrase returns the message that a passphrase decrypts a backup.
func DescribePassphrase() model.Text { return model.Say("backup.passphrase") }

// DescribeKeys returns abbreviated public keys that decrypt a backup.
func DescribeKeys(keys []string) model.Text {
	short := make([]string, len(keys))
	for n, k := range keys {
		if short[n] = k; len(k) > 20 {
			short[n] = k[:12] + "..." + k[len(k)-4:]
		}
	}
	return model.Quoted("", strings.Join(short, ", "))
}

// Passphrase returns the first line of a file. It refuses a file that other users can
// read.
func Passphrase(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", model.Fail("keep.passphrase", "cause", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", model.Fail("keep.passphrase", "cause", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", model.Fail("keep.readable", "mode", info.Mode().Perm(), "file", file)
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", model.Fail("keep.passphrase", "cause", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", model.Fail("keep.empty", "file", file)
	}
	return line, nil
}
