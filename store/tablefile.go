package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"certquay/model"
	"certquay/store/search"
)

// The search table of a store in a directory is kept in a file, so that the next start
// reads it rather than every record. It holds what lists show, like the database, and no
// secrets.
//
// The file consists of sections: the length, the content, and an authentication code,
// which is bound to the place of the section and to the file. The first says which store
// the file belongs to and as of which commit; an empty one is the last. A file that does
// not fit, for whatever reason, is removed, and the table is built from the records.
const (
	tableFileName = "search-table"
	nextTableName = tableFileName + ".new"
)

const (
	// minTableRows is the number of rows from which a file is worth its place: the
	// records of fewer are read in some milliseconds.
	minTableRows = 4096
	// staleTableRows is the share of rows, one in so many, that must have changed for the
	// file to be written again. Fewer are read as quickly after the next start.
	staleTableRows = 256
	// maxChangedRows is the share of rows, one in so many, from which building the table
	// is as quick as reading those that have changed.
	maxChangedRows = 8
	// tableSaveInterval is the interval at which the file is written if many rows have
	// changed, so that a process that is killed leaves one that is not too old.
	tableSaveInterval = 10 * time.Minute
)

// tableFile is the file of a store's search table. A nil *tableFile is that of a store
// without a directory: nothing is loaded or saved.
type tableFile struct {
	path    string
	id      string // of the store
	minRows int
	// changed is how many rows have changed since the file was written; as many as there
	// could be if there is no file.
	changed atomic.Int64
}

// noTableFile is more rows than there can be.
const noTableFile = 1 << 40

func newTableFile(l *dirState) *tableFile {
	if !l.onDisk {
		return nil
	}
	f := &tableFile{path: filepath.Join(l.dir, tableFileName), id: l.id, minRows: minTableRows}
	f.changed.Store(noTableFile)
	return f
}

// noteChanged is called after each commit.
func (f *tableFile) noteChanged(rows int) {
	if f != nil {
		f.changed.Add(int64(rows))
	}
}

// loadTable returns the table in the file, with what has changed since, as a view shows
// it. On an error, of which [fs.ErrNotExist] is the usual one, the file is not to be used.
func (s *Store) loadTable(ctx context.Context, v *view) (*search.Table, error) {
	f := s.tableFile
	if f == nil {
		return nil, fs.ErrNotExist
	}
	if err := checkRegular(f.path); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	r := &tableReader{r: bufio.NewReaderSize(file, 1<<16), left: info.Size(), keys: s.keys}
	p, err := r.begin(f.id)
	if err != nil {
		return nil, err
	}
	keys, err := v.changedSince(p)
	if err != nil {
		return nil, err
	}
	table, err := search.Load(func() ([]byte, error) { return r.next(ctx) })
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if err := v.catchUp(ctx, table, keys); err != nil {
		return nil, err
	}
	f.changed.Store(int64(len(keys)))
	return table, nil
}

// catchUp reads the instances under the keys into a table, and compares it with the
// counters of the store: deletions that the engine has forgotten are missed.
func (v *view) catchUp(ctx context.Context, t *search.Table, keys []string) error {
	if len(keys) > minTableRows && len(keys) > t.Len()/maxChangedRows {
		return fmt.Errorf("%d rows have changed since", len(keys))
	}
	var i model.Instance
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		value, err := v.get(key)
		if errors.Is(err, model.ErrNotFound) {
			t.Commit([]search.Change{{ID: model.ID(key[len(recordKey(model.KindInstance, "")):])}})
			continue
		}
		if err == nil {
			err = decodeRowFields(key, value, &i)
		}
		if err != nil {
			return err
		}
		t.Commit([]search.Change{search.ChangeOf(&i)})
	}
	states := t.States()
	for _, state := range model.States {
		n, err := v.Count(model.CounterOf(state))
		if err != nil {
			return err
		}
		if n != states[state] {
			return errForeignTable
		}
	}
	return nil
}

// keepTable saves the table from time to time, until the store is closed.
func (s *Store) keepTable() {
	if s.tableFile == nil {
		return
	}
	tick := time.NewTicker(tableSaveInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
		s.saveTable(s.betweenCommits)
	}
}

// betweenCommits calls fn with a view of exactly what the table has been told, which only
// the committer knows while it runs.
func (s *Store) betweenCommits(fn func(*view) error) error {
	return s.update(context.Background(), func(t *tx) error { return fn(&view{keys: s.keys, snap: t.snap}) })
}

// afterCommits is betweenCommits for a store whose committer has ended.
func (s *Store) afterCommits(fn func(*view) error) error {
	snap, err := s.eng.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	return fn(&view{keys: s.keys, snap: snap})
}

// saveTable saves the table if many rows have changed. viewed calls a function with a view
// of exactly what the table has been told, and returns its error.
func (s *Store) saveTable(viewed func(func(*view) error) error) {
	f := s.tableFile
	if f == nil {
		return
	}
	rows := s.table.Len()
	changed := f.changed.Load()
	if rows < f.minRows || changed <= int64(rows/staleTableRows) || s.writeError() != nil {
		return
	}
	var p tablePlace
	thaw, ready := func() {}, false
	err := viewed(func(v *view) (err error) {
		if p, err = v.place(); err == nil {
			thaw, ready = s.table.Freeze()
		}
		return err
	})
	if err != nil || !ready {
		if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, errors.ErrUnsupported) {
			s.log.Warn("the search table could not be saved", "error", err)
		}
		return
	}
	path := filepath.Join(filepath.Dir(f.path), nextTableName)
	err = func() error { defer thaw(); return s.writeTable(path, p) }()
	if err == nil {
		err = replaceFile(path, f.path)
	}
	if err != nil {
		s.log.Warn("the search table could not be saved", "error", errors.Join(err, os.Remove(path)))
		return
	}
	f.changed.Add(-changed)
}

// writeTable writes the frozen table to a new file, which is not synced.
func (s *Store) writeTable(path string, p tablePlace) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := &tableWriter{w: file, keys: s.keys}
	if err := w.begin(s.tableFile.id, p); err != nil {
		return err
	}
	if err := s.table.Save(w.write); err != nil {
		return err
	}
	return w.write(nil)
}

// replaceFile syncs a file and gives it the name of another.
func replaceFile(from, to string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(from, to), syncDir(filepath.Dir(to)))
}

// removeTable removes the file, because the database is about to be another one.
func removeTable(dir string) error {
	err := os.Remove(filepath.Join(dir, tableFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, syncDir(dir))
}
