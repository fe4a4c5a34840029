package badger_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"certquay/store/engine"
	"certquay/store/engine/badger"
	"certquay/store/engine/enginetest"
)

func open(t *testing.T, dir string, create bool) engine.Engine {
	t.Helper()
	e, err := badger.Open(dir, badger.Options{Create: create})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEngineContract(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Database {
		dir := t.TempDir()
		return enginetest.Database{Open: func() (engine.Engine, error) {
			e, err := badger.Open(dir, badger.Options{Create: true})
			if err != nil {
				return nil, err
			}
			return e, nil
		}}
	})
}

// made is a directory with a database in which "k" is "v".
func made(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "db")
	e := open(t, dir, true)
	var b engine.Batch
	b.Put("k", []byte("v"))
	if err := errors.Join(e.Apply(context.Background(), &b), e.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWritesSurviveReopening(t *testing.T) {
	e := open(t, made(t), false)
	defer e.Close()
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if v, err := s.Get("k"); string(v) != "v" {
		t.Errorf("got %q, %v", v, err)
	}
}

// Badger opens a directory without its manifest as an empty database and
// deletes the tables.
func TestMissingManifestIsRefusedAndTouchesNothing(t *testing.T) {
	dir := made(t)
	if err := os.Remove(filepath.Join(dir, "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	before := list(t, dir)
	for _, create := range []bool{false, true} {
		_, err := badger.Open(dir, badger.Options{Create: create})
		if !errors.Is(err, engine.ErrMissing) {
			t.Errorf("create %v: got %v", create, err)
		}
	}
	if after := list(t, dir); after != before {
		t.Errorf("files changed:\n%s\n%s", before, after)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := made(t)
	e := open(t, dir, false)
	defer e.Close()
	if _, err := badger.Open(dir, badger.Options{}); !errors.Is(err, engine.ErrInUse) {
		t.Errorf("got %v", err)
	}
}

func TestFilesAreReadableToTheOwnerOnly(t *testing.T) {
	dir := made(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
}

func list(t *testing.T, dir string) (s string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		s += info.Mode().String() + " " + info.ModTime().String() + " " + e.Name() + "\n"
	}
	return s
}

// A process killed while Badger made a log file leaves an empty one, at which
// Badger's next opening fails once.
func TestAnEmptyLogFileDoesNotPreventOpening(t *testing.T) {
	for _, name := range []string{"00009.mem", "000009.vlog"} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			e := open(t, dir, false)
			defer e.Close()
			s, err := e.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if v, err := s.Get("k"); string(v) != "v" {
				t.Errorf("got %q, %v", v, err)
			}
		})
	}
}

// Neither the log nor the tables of a database that is not to be opened again can
// be read, while it is open or after; those of others can.
func TestScratchCannotBeRead(t *testing.T) {
	for _, scratch := range []bool{false, true} {
		dir := t.TempDir()
		e, err := badger.Open(dir, badger.Options{Create: true, Scratch: scratch})
		if err != nil {
			t.Fatal(err)
		}
		var b engine.Batch
		b.Put("a key in the clear", []byte("a value in the clear"))
		if err := e.Apply(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for _, when := range []string{"open", "closed"} {
			readable := false
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range files {
				content, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				readable = readable || bytes.Contains(content, []byte("in the clear"))
			}
			if readable == scratch {
				t.Errorf("scratch %v, %s: readable %v", scratch, when, readable)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
