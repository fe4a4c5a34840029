package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"certquay/cmd/backup"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

// result is what a keeper has told.
type result struct {
	file string
	err  error
}

// newScheduler makes the keeper of a new store in the bubble it is called in, and
// gives what it tells. Its passphrase takes no time.
func newScheduler(t *testing.T) (*backup.Scheduler, <-chan result) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.With(mem.New(), store.Options{KeyFile: filepath.Join(dir, "master.key"), WorkFactor: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	m, err := s.Meta(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(2)
	i, err := age.NewScryptIdentity("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan result, 100)
	return &backup.Scheduler{
		Store: s, ID: m.ID, Dir: filepath.Join(dir, "backups"), Every: 24 * time.Hour, Keep: 3, Log: slog.New(slog.DiscardHandler),
		Keys:     func() ([]age.Recipient, age.Identity, error) { return []age.Recipient{r}, i, nil },
		OnResult: func(_ context.Context, file string, err error) { all <- result{file, err} },
	}, all
}

// run runs a scheduler for some time, then stops it.
func run(t *testing.T, k *backup.Scheduler, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	k.Run(ctx)
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// One is made at each interval, counted from the newest that is there, and the
// newest are kept. Files that are not backups of this store stay.
// spec: O1
func TestBackupsAtAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, all := newScheduler(t)
		run(t, k, 30*time.Minute)
		if first := <-all; first.err != nil || len(all) != 0 {
			t.Fatalf("the first: %v", first.err)
		}
		other := filepath.Join(k.Dir, "certquay-00000000-19990101T000000Z.backup")
		part := filepath.Join(k.Dir, "certquay-"+k.ID[:8]+"-19990101T000000Z.backup.part")
		if err := errors.Join(os.WriteFile(other, nil, 0o600), os.WriteFile(part, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		run(t, k, 23*time.Hour) // another owner, some time later
		if len(all) != 0 {
			t.Error("one is made before its time")
		}
		run(t, k, 4*24*time.Hour)
		if len(all) != 4 {
			t.Errorf("%d in four days", len(all))
		}
		var want []string
		for len(all) > 0 {
			made := <-all
			if made.err != nil {
				t.Error(made.err)
			}
			want = append(want, filepath.Base(made.file))
		}
		want = append([]string{filepath.Base(other)}, want[1:]...)
		slices.Sort(want)
		if got := names(t, k.Dir); !slices.Equal(got, want) {
			t.Errorf("there are %v, want %v", got, want)
		}
		info, err := os.Stat(filepath.Join(k.Dir, want[1]))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	})
}

// One that fails is told, leaves nothing, takes nothing away, and is tried again
// within the hour.
// spec: O1
func TestABackupThatFailsIsToldAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, all := newScheduler(t)
		k.Keep = 1
		run(t, k, time.Minute)
		good := <-all
		keys, broken := k.Keys, errors.New("the passphrase is gone")
		k.Keys = func() ([]age.Recipient, age.Identity, error) { return nil, nil, broken }
		run(t, k, 24*time.Hour+150*time.Minute)
		if len(all) != 3 {
			t.Errorf("%d attempts", len(all))
		}
		for len(all) > 0 {
			if got := <-all; !errors.Is(got.err, broken) {
				t.Errorf("told %v", got.err)
			}
		}
		wrong, err := age.NewScryptIdentity("another")
		if err != nil {
			t.Fatal(err)
		}
		k.Keys = func() ([]age.Recipient, age.Identity, error) {
			r, _, err := keys()
			return r, wrong, err
		}
		run(t, k, time.Minute)
		if got := <-all; !errors.Is(got.err, store.ErrNoIdentity) {
			t.Errorf("one that does not read back: %v", got.err)
		}
		if got := names(t, k.Dir); !slices.Equal(got, []string{filepath.Base(good.file)}) {
			t.Errorf("there are %v, and only %s is good", got, good.file)
		}
		k.Keys = keys
		run(t, k, time.Minute)
		if got := <-all; got.err != nil || !slices.Equal(names(t, k.Dir), []string{filepath.Base(got.file)}) {
			t.Errorf("when it works again: %v, %v", got.err, names(t, k.Dir))
		}
	})
}

// A file that is dated later, by a clock that was wrong, neither holds up the
// next backup nor replaces it.
// spec: O1
func TestABackupFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, all := newScheduler(t)
		k.Keep = 1
		future := filepath.Join(k.Dir, "certquay-"+k.ID[:8]+"-20990101T000000Z.backup")
		if err := errors.Join(os.MkdirAll(k.Dir, 0o700), os.WriteFile(future, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		run(t, k, time.Minute)
		if got := <-all; got.err != nil || !slices.Contains(names(t, k.Dir), filepath.Base(got.file)) {
			t.Errorf("%v, %v", got.err, names(t, k.Dir))
		}
	})
}

// The file of the passphrase is for its owner only, and holds one.
func TestPassphraseFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pass")
	for text, want := range map[string]string{"a b\nc\n": "a b", "a\r\n": "a", "a": "a", "": "", "\na": ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := backup.Passphrase(file); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Passphrase(file); model.TextOf(err).Code() != "keep.readable" {
		t.Errorf("one that others can read: %v", err)
	}
	if _, err := backup.Passphrase(file + ".none"); err == nil {
		t.Error("one that is not there")
	}
}
