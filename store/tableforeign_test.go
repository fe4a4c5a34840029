package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"certquay/model"
)

// A file that is not of the store as it is now is not used, is no error and does not stay.
func TestAForeignTableIsNotUsed(t *testing.T) {
	another := func(t *testing.T, h *tableHome) { // with the same key
		other := &tableHome{home: home{h.dir + "-other", h.key}}
		s := other.open(t)
		changeAtRandom(t, s, rand.New(rand.NewPCG(1, 3)), 40, 60)
		other.close(t, s)
		if err := os.Rename(other.path(), h.path()); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(*testing.T, *tableHome){
		"of another store": another,
		"of another key": func(t *testing.T, h *tableHome) {
			other, _ := withTable(t)
			if err := os.Rename(other.path(), h.path()); err != nil {
				t.Fatal(err)
			}
		},
		"newer than the store": func(t *testing.T, h *tableHome) {
			before := h.dir + "-before"
			copySparse(t, h.dir, before)
			s := h.open(t)
			changeAtRandom(t, s, rand.New(rand.NewPCG(1, 4)), 20, 60)
			h.close(t, s)
			if err := errors.Join(os.Rename(h.path(), filepath.Join(before, tableFileName)), os.RemoveAll(h.dir),
				os.Rename(before, h.dir)); err != nil {
				t.Fatal(err)
			}
		},
		"of a state that was given up": func(t *testing.T, h *tableHome) {
			before := h.dir + "-before"
			copySparse(t, h.dir, before)
			s := h.open(t)
			changeAtRandom(t, s, rand.New(rand.NewPCG(1, 4)), 20, 60)
			h.close(t, s)
			given, err := os.ReadFile(h.path())
			if err = errors.Join(err, os.RemoveAll(h.dir), os.Rename(before, h.dir)); err != nil {
				t.Fatal(err)
			}
			s = h.open(t)
			changeAtRandom(t, s, rand.New(rand.NewPCG(1, 5)), 30, 60) // as far again, but other changes
			h.close(t, s)
			if err := os.WriteFile(h.path(), given, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"that holds what is given up": func(t *testing.T, h *tableHome) {
			before := filepath.Join(h.dir+"-before", databaseName)
			copySparse(t, filepath.Join(h.dir, databaseName), before)
			s := h.open(t)
			changeAtRandom(t, s, rand.New(rand.NewPCG(1, 4)), 20, 60)
			h.close(t, s)
			db := filepath.Join(h.dir, databaseName)
			noError(t, os.RemoveAll(db), os.Rename(before, db))
			h.acceptLoss = true
		},
		"of another database with the same content": func(t *testing.T, h *tableHome) {
			o := h.options()
			kept, err := os.ReadFile(h.path())
			if err = errors.Join(err, Rekey(t.Context(), h.dir, o, model.Secret{}, model.NewSecret([]byte("a passphrase")))); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(h.path()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a changed master key leaves the file: %v", err)
			}
			if err := os.WriteFile(h.path(), kept, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"of another layout": func(t *testing.T, h *tableHome) {
			rewriteFirst(t, h, func(b []byte) { b[0]++ })
		},
		"empty":        func(t *testing.T, h *tableHome) { noError(t, os.WriteFile(h.path(), nil, 0o600)) },
		"a directory":  func(t *testing.T, h *tableHome) { noError(t, os.Remove(h.path()), os.Mkdir(h.path(), 0o700)) },
		"a named pipe": func(t *testing.T, h *tableHome) { noError(t, os.Remove(h.path()), syscall.Mkfifo(h.path(), 0o600)) },
		"a broken link": func(t *testing.T, h *tableHome) {
			noError(t, os.Remove(h.path()), os.Symlink("nowhere", h.path()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := withTable(t)
			damage(t, h)
			s := h.open(t)
			if usedFile(s) {
				t.Error("the file is used")
			}
			equalsRecords(t, s)
			if _, err := os.Stat(h.path()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the file is still there: %v", err)
			}
			h.close(t, s)
			s = h.open(t)
			defer h.close(t, s)
			if !usedFile(s) {
				t.Error("the next file is not used")
			}
			equalsRecords(t, s)
		})
	}
}

func noError(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// rewriteFirst changes the content of the first section, as an authentic one.
func rewriteFirst(t *testing.T, h *tableHome, change func([]byte)) {
	t.Helper()
	file, err := os.ReadFile(h.path())
	if err != nil {
		t.Fatal(err)
	}
	key, err := readKey(h.key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := newKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	r := &tableReader{r: bytes.NewReader(file), left: int64(len(file)), keys: keys}
	first, err := r.next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	change(first)
	var b bytes.Buffer
	if err := (&tableWriter{w: &b, keys: keys}).write(first); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path(), append(b.Bytes(), file[len(file)-int(r.left):]...), 0o600); err != nil {
		t.Fatal(err)
	}
}
