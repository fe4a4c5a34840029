package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"certquay/model"
)

// home is a place for a data directory and its key file.
type home struct{ dir, key string }

func newHome(t *testing.T) home {
	root := t.TempDir()
	return home{filepath.Join(root, "data"), filepath.Join(root, "config", "key")}
}

func (h home) options() Options { return Options{KeyFile: h.key, WorkFactor: 2, Reserve: 1 << 20} }

func (h home) made(t *testing.T) home {
	t.Helper()
	s, err := Open(h.dir, h.options())
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(context.Background(), func(tx model.Tx) error { return tx.Put(&model.Order{ID: "kept"}) })
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return h
}

// tree lists everything below the home with mode, size and time of change.
func (h home) tree(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Dir(h.dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, path+" "+info.Mode().String()+" "+info.ModTime().String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}

// What is not a sound store of certquay's is refused with one clear error, and
// nothing is changed.
func TestOpeningIsRefusedAndChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*testing.T, home)
		want  string
	}{
		{"a foreign directory", func(t *testing.T, h home) { write(t, h.dir+"/thesis.txt", "x") }, `open.foreign names=(thesis.txt)`},
		{"a file", func(t *testing.T, h home) { write(t, h.dir, "x") }, "open.not-directory"},
		{"a database without STORE-ID", func(t *testing.T, h home) { h.made(t); remove(t, h.dir+"/STORE-ID") },
			`open.no-id file="STORE-ID"`},
		{"a damaged STORE-ID", func(t *testing.T, h home) { h.made(t); write(t, h.dir+"/STORE-ID", "?") }, "open.no-store-id"},
		{"no database", func(t *testing.T, h home) { h.made(t); remove(t, h.dir+"/db") }, "MANIFEST\""},
		{"no manifest", func(t *testing.T, h home) { h.made(t); remove(t, h.dir+"/db/MANIFEST") }, "MANIFEST\""},
		{"an empty manifest", func(t *testing.T, h home) { h.made(t); write(t, h.dir+"/db/MANIFEST", "") }, "MANIFEST\""},
		{"no key file", func(t *testing.T, h home) { h.made(t); remove(t, h.key) }, "open.no-key-file"},
		{"a key file of a wrong size", func(t *testing.T, h home) { h.made(t); write(t, h.key, "short") }, "open.not-key "},
		{"a key file that others can read", func(t *testing.T, h home) { h.made(t); _ = os.Chmod(h.key, 0o644) }, "open.key-exposed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			c.spoil(t, h)
			before := h.tree(t)
			_, err := Open(h.dir, h.options())
			var o *OpenError
			if !errors.Is(err, ErrOpen) || !errors.As(err, &o) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			after := h.tree(t)
			// Trying whether the directory can be written to touches its time.
			same := func(s string) bool { return strings.HasPrefix(s, h.dir+" ") }
			before, after = slices.DeleteFunc(before, same), slices.DeleteFunc(after, same)
			if !slices.Equal(before, after) {
				t.Errorf("changed:\n%s\n---\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
			}
		})
	}
}

// The mark inside the database is compared with STORE-ID.
func TestTheDatabaseOfAnotherStoreIsRefused(t *testing.T) {
	a, b := newHome(t), newHome(t)
	b.key = a.key
	a.made(t)
	b.made(t)
	id, err := os.ReadFile(a.dir + "/STORE-ID")
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.dir+"/STORE-ID", string(id))
	if _, err := Open(b.dir, b.options()); !errors.Is(err, ErrOpen) || !strings.Contains(err.Error(), "open.other-store") {
		t.Errorf("got %v", err)
	}
}

func TestADirectoryThatCannotBeMadeIsRefused(t *testing.T) {
	h := newHome(t)
	if _, err := Open("/proc/certquay", h.options()); !errors.Is(err, ErrOpen) {
		t.Errorf("got %v", err)
	}
}

// Files of other packages beside the store's do not make a directory foreign.
func TestNeighboursAreLeftAlone(t *testing.T) {
	h := newHome(t)
	h.key = filepath.Join(h.dir, "key")
	for _, name := range []string{"owner.lock", "edge/binding", "key.new"} {
		write(t, filepath.Join(h.dir, name), "theirs")
	}
	h.made(t)
	if b, err := os.ReadFile(h.dir + "/owner.lock"); err != nil || string(b) != "theirs" {
		t.Errorf("%q, %v", b, err)
	}
}

// A process killed while it made a store leaves one that holds nothing.
func TestAnInterruptedMakingIsFinished(t *testing.T) {
	for name, at := range map[string]func(*testing.T, home){
		"before the database": func(t *testing.T, h home) { write(t, h.dir+"/STORE-ID.new", "") },
		"before the end": func(t *testing.T, h home) {
			h.made(t)
			if err := os.Rename(h.dir+"/STORE-ID", h.dir+"/STORE-ID.new"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			at(t, h)
			h.made(t)
			h.made(t)
		})
	}
}

func TestNothingIsReadableByOthers(t *testing.T) {
	h := newHome(t).made(t)
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if info, err2 := os.Stat(h.key); err2 != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("the key file: %v, %v", info, err2)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestTwoOwnersAreRefused(t *testing.T) {
	h := newHome(t)
	s, err := Open(h.dir, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Open(h.dir, h.options()); !errors.Is(err, ErrOpen) || !strings.Contains(err.Error(), "open.in-use") {
		t.Errorf("got %v", err)
	}
}

// finding: R-H8
func TestAFullVolumeIsReadRefusesWritesGivesTheReserveBackAndRecovers(t *testing.T) {
	h := newHome(t)
	var free atomic.Int64
	free.Store(1 << 40)
	o := h.options()
	o.Free = func() (int64, error) { return free.Load(), nil }
	s, err := Open(h.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	reserve := filepath.Join(h.dir, "reserve")
	if info, err := os.Stat(reserve); err != nil || info.Size() != o.Reserve {
		t.Errorf("the reserve: %v, %v", info, err)
	}
	put := func() error {
		return s.Update(context.Background(), func(tx model.Tx) error { return tx.Put(&model.Order{ID: "x"}) })
	}
	free.Store(100 << 20)
	if err := put(); !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), `free="100"`) {
		t.Errorf("while full: %v", err)
	}
	free.Store(1 << 40)
	if err := put(); err != nil {
		t.Errorf("with space again: %v", err)
	}
	free.Store(100 << 20)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(reserve); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the reserve was kept: %v", err)
	}
	if s, err = Open(h.dir, o); err != nil {
		t.Fatalf("opening while full: %v", err)
	}
	read := func() error { return s.View(func(r model.Reader) error { return r.Get(&model.Order{ID: "x"}) }) }
	if err := read(); err != nil {
		t.Errorf("reading while full: %v", err)
	}
	if err := put(); !errors.Is(err, ErrDiskFull) {
		t.Errorf("writing while full: %v", err)
	}
	free.Store(1 << 40)
	if err := errors.Join(put(), read(), s.Close()); err != nil {
		t.Errorf("with space again: %v", err)
	}
	free.Store(100 << 20)
	if _, err := Open(h.dir+"2", o); !errors.Is(err, ErrDiskFull) {
		t.Errorf("making one while full: %v", err)
	}
	if _, err := os.Stat(h.dir + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory was made: %v", err)
	}
}

// What a caller was told is durable is there after the process is killed: a
// copy of the files, taken while the store is open, stands for what is left.
func TestCommitsSurviveBeingKilled(t *testing.T) {
	h := newHome(t)
	s, err := Open(h.dir, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(context.Background(), func(tx model.Tx) error {
		return errors.Join(tx.Put(&model.Key{ID: "k", PKCS8: model.NewSecret([]byte("material"))}), tx.Append(model.Event{Action: "x"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	left := home{h.dir + "-left", h.key}
	if err := os.CopyFS(left.dir, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	again, err := Open(left.dir, left.options())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	err = again.View(func(r model.Reader) error {
		k, err := model.Get[model.Key](r, "k")
		if string(k.PKCS8.Reveal()) != "material" {
			t.Error("the secret is not the one that was put")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if report, err := again.Fsck(context.Background()); err != nil || !report.Sound() {
		t.Errorf("%v, %q", err, report.Problems)
	}
}
