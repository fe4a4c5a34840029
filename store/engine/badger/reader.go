package badger

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/tree"
)

// Reader reads the files of a database without opening it in Badger, and changes
// nothing. When Badger opens a damaged database it truncates unreadable logs, ignores
// tables with a damaged index, and panics at other damage. The Reader detects such
// damage first. A store also uses it to read from a volume that is not writable; Apply
// always fails with [engine.ErrReadOnly]. It is safe for concurrent use.
type Reader struct {
	dir    string
	levels [][]*table.Table // level 0 in any order, the others by key
	recent tree.Map[value]  // content of the memtable logs
	tails  []string
	strays int // number of tables that the manifest does not list

	mu     sync.Mutex // guards closed
	closed bool
}

// value is a value in a log, under a key.
type value struct {
	version uint64
	meta    byte
	bytes   []byte
}

var _ engine.Engine = (*Reader)(nil)

// OpenReader opens the database in a directory for reading. Nobody may write to it at
// the same time. Damage is an [*engine.DamagedError], and a missing file an error that
// wraps [engine.ErrMissing]. Tables are verified completely up to a total number of
// bytes, the remaining ones only by their index.
func OpenReader(dir string, verify int64) (r *Reader, err error) {
	r = &Reader{dir: dir}
	defer func() {
		if p := recover(); p != nil { // Badger panics at some damage
			err = damagedError(dir, model.Fail("database.panicked", "what", p), nil)
		}
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	manifest, cut, err := readManifest(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return r, err
	}
	if cut {
		r.tails = append(r.tails, badger.ManifestFilename)
	}
	if err := checkRegistry(filepath.Join(dir, badger.KeyRegistryFileName)); err != nil {
		return r, err
	}
	if err := r.openTables(manifest, verify); err != nil {
		return r, err
	}
	return r, r.openLogs()
}

// openLogs reads the memtable logs in order: the writes that are not in tables yet.
func (r *Reader) openLogs() error {
	names, err := filepath.Glob(filepath.Join(r.dir, "*.mem"))
	if err != nil {
		return err
	}
	for _, name := range names { // sorted, and the numbers have leading zeros
		l, err := openLog(name)
		if err != nil {
			return err
		}
		end := l.replay(func(e entry) {
			v := value{version: y.ParseTs(e.key), meta: e.meta, bytes: e.value}
			key := string(y.ParseKey(e.key))
			if old, ok := r.recent.Get(key); !ok || old.version <= v.version {
				r.recent = r.recent.Put(key, v)
			}
		})
		if l.cutOff(end) {
			r.tails = append(r.tails, filepath.Base(name))
		}
	}
	return r.checkValueLog()
}

// checkValueLog checks the files of the value log. Badger truncates the newest one after
// its last complete entry.
func (r *Reader) checkValueLog() error {
	names, err := filepath.Glob(filepath.Join(r.dir, "*.vlog"))
	if err != nil || len(names) == 0 {
		return err
	}
	for n, name := range names {
		l, err := openLog(name)
		if err != nil {
			return err
		}
		if n == len(names)-1 && l.cutOff(l.replay(func(entry) {})) {
			r.tails = append(r.tails, filepath.Base(name))
		}
	}
	return nil
}

// TruncatedFiles returns the names of the files in which Badger would truncate anything but
// zeros: incomplete writes at a loss of power, or what follows damage.
func (r *Reader) TruncatedFiles() []string { return r.tails }

// ManifestIncomplete reports whether the manifest may have lost entries: it does not list all
// tables, which Badger would then delete, or it ends within an entry. A process that
// was killed while creating or compacting tables also leaves this; only reading
// everything tells whether data is missing.
func (r *Reader) ManifestIncomplete() bool {
	return r.strays > 0 || slices.Contains(r.tails, badger.ManifestFilename)
}

// Snapshot returns a view of the files.
func (r *Reader) Snapshot() (engine.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, engine.ErrClosed
	}
	return readerSnapshot{r}, nil
}

// Apply always fails.
func (r *Reader) Apply(context.Context, *engine.Batch) error { return engine.ErrReadOnly }

// Verify checks all tables. Damage is an [*engine.DamagedError].
func (r *Reader) Verify(ctx context.Context) error { return verifyTables(ctx, r.dir) }

// Acquire always fails.
func (r *Reader) Acquire(context.Context, string) (*engine.Lease, error) {
	return nil, engine.ErrReadOnly
}

// Limit is that of the database that is open for writing.
func (r *Reader) Limit() engine.Limit { return limit }

// Close closes the files.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	ownMaps.RLock()
	defer ownMaps.RUnlock()
	var errs []error
	for _, level := range r.levels {
		for _, t := range level {
			errs = append(errs, t.Close(-1))
		}
	}
	return errors.Join(errs...)
}
