package badger

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2/z"

	"certquay/model"
	"certquay/store/engine"
)

// checkRegistry checks the list of encryption keys, which is empty: sixteen random
// bytes and a fixed text.
func checkRegistry(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is made again
	}
	if err == nil && (len(b) != 28 || string(b[16:]) != "Hello Badger") {
		err = damagedError(path, model.Fail("database.registry"), nil)
	}
	return err
}

// readManifest returns the list of tables, and whether anything follows the last
// complete entry.
func readManifest(path string) (m badger.Manifest, cut bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, missingError("database.no-file", "file", path)
	}
	if err != nil {
		return m, false, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return m, false, missingError("database.no-file", "file", path)
	}
	m, end, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions("").WithLogger(nil))
	if err != nil {
		return m, false, damagedError(path, err, nil)
	}
	info, err := f.Stat()
	return m, err == nil && info.Size() != end, err
}

// openTables opens the tables. verify is how many bytes of them are verified completely.
func (r *Reader) openTables(m badger.Manifest, verify int64) error {
	for id, tm := range m.Tables {
		t, err := openTable(table.NewFilename(id, r.dir), tm, &verify)
		if err != nil {
			return err
		}
		for len(r.levels) <= int(tm.Level) {
			r.levels = append(r.levels, nil)
		}
		r.levels[tm.Level] = append(r.levels[tm.Level], t)
	}
	names, err := filepath.Glob(filepath.Join(r.dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if id, ok := table.ParseFileID(filepath.Base(name)); ok {
			if _, known := m.Tables[id]; !known {
				r.strays++
			}
		}
	}
	for n := 1; n < len(r.levels); n++ {
		slices.SortFunc(r.levels[n], func(a, b *table.Table) int { return y.CompareKeys(a.Smallest(), b.Smallest()) })
	}
	return nil
}

// openTable opens a table after checking its index, because Badger panics if that is
// truncated.
func openTable(path string, m badger.TableManifest, verify *int64) (t *table.Table, err error) {
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, damagedError(path, model.Fail("database.undecoded"), nil)
		}
	}()
	f, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingError("database.no-file", "file", path)
	}
	if err != nil {
		return nil, err
	}
	if err := checkIndex(f.Data); err != nil {
		return nil, damagedError(path, err, f.Close(-1))
	}
	if t, err = table.OpenTable(f, table.Options{ReadOnly: true, Compression: m.Compression, BlockSize: 4 << 10}); err != nil {
		return nil, damagedError(path, err, nil)
	}
	if *verify -= int64(len(f.Data)); *verify >= 0 {
		if err := t.VerifyChecksum(); err != nil {
			return nil, damagedError(path, model.Fail("database.other-block"), t.Close(-1))
		}
	}
	return t, nil
}

// checkIndex checks the end of a table: the index, its length, its checksum, and the
// length of that.
func checkIndex(b []byte) error {
	for range 2 {
		if len(b) < 4 {
			return model.Fail("database.cut")
		}
		n := int(binary.BigEndian.Uint32(b[len(b)-4:]))
		if b = b[:len(b)-4]; n == 0 || n > len(b) {
			return model.Fail("database.cut")
		}
		b = b[:len(b)-n]
	}
	return nil
}

// missingError returns an error that wraps [engine.ErrMissing]; the code describes what is
// missing.
func missingError(code string, args ...any) error {
	return model.Fail("error.because", "what", engine.ErrMissing, "cause", model.Say(code, args...))
}

// damagedError returns an [*engine.DamagedError] for a file, joined with a second error.
func damagedError(path string, cause, also error) error {
	return errors.Join(&engine.DamagedError{File: path, Err: cause}, also)
}

// ownMaps is held by whoever unmaps a table that Badger has not mapped, and, for writing, by
// whoever needs all tables to stay mapped.
var ownMaps sync.RWMutex

// verifyTables checks every table of the database in a directory, which may be in use.
// A table that disappears meanwhile was compacted.
func verifyTables(ctx context.Context, dir string) error {
	m, _, err := readManifest(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return err
	}
	for id, tm := range m.Tables {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := verifyTable(table.NewFilename(id, dir), tm); err != nil && !errors.Is(err, engine.ErrMissing) {
			return err
		}
	}
	return nil
}

func verifyTable(path string, m badger.TableManifest) error {
	ownMaps.RLock()
	defer ownMaps.RUnlock()
	whole := int64(math.MaxInt64)
	t, err := openTable(path, m, &whole)
	if err != nil {
		return err
	}
	return t.Close(-1)
}
