package badger

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"certquay/model"
	"certquay/store/engine"
)

// Options of [Open].
type Options struct {
	// Create allows a directory without a database. Without it a missing manifest is an
	// error: Badger would take the database for an empty one and delete its tables.
	Create bool
	Logger *slog.Logger // nil for none
	// Scratch means that the database is never opened again: its files are encrypted
	// with a key kept only in memory, and not synced.
	Scratch bool
}

// Open opens the database in a directory. Only one process can have it open; for others
// the error wraps [engine.ErrInUse]. It makes all files private to their owner. The
// mode of files that Badger creates later depends on the umask, which should be 0077;
// the directory's mode is set to 0700.
func Open(dir string, o Options) (*Engine, error) {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := checkDir(dir, o.Create); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := removeEmptyLogs(dir); err != nil {
		return nil, err
	}
	how := badgerOptions(dir, log)
	if o.Scratch {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		how = how.WithEncryptionKey(key).WithSyncWrites(false)
	}
	db, err := badger.Open(how)
	if err != nil {
		if strings.Contains(err.Error(), "directory lock") { // Badger does not wrap the cause
			return nil, model.Fail("error.because", "what", engine.ErrInUse, "cause", err)
		}
		return nil, err
	}
	logs := &logSpace{dir: dir, log: log}
	if err := errors.Join(makePrivate(dir), logs.begin()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return newEngine(db, logs, log), nil
}

func badgerOptions(dir string, log *slog.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // there is one writer
		WithMemTableSize(memTableSize).
		WithNumMemtables(3).
		// All values are in the tables and memtable logs rather than in the value log:
		// that is one file less to sync, allocate and check, and deleted data
		// disappears when its table is compacted.
		WithValueThreshold(maxValue).
		WithValueLogFileSize(1 << 20). // the smallest: nothing is written to it
		WithNumCompactors(2).
		WithBlockCacheSize(32 << 20).
		WithIndexCacheSize(32 << 20).
		WithCompression(options.None).
		WithMetricsEnabled(false).
		WithLogger(logger{log})
}

// checkDir checks the directory without changing it.
func checkDir(dir string, create bool) error {
	manifest := filepath.Join(dir, badger.ManifestFilename)
	info, err := os.Stat(manifest)
	if err == nil && info.Size() > 0 {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !create {
		return missingError("database.no-file", "file", manifest)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return missingError("database.no-manifest", "file", manifest, "tables", len(tables))
	}
	return nil
}

// makePrivate removes the permissions of all users but the owner from the files of a
// directory.
func makePrivate(dir string) error {
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // 0700 is what a directory needs
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		err := os.Chmod(filepath.Join(dir, e.Name()), 0o600)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // compactions delete files
			return err
		}
	}
	return nil
}
