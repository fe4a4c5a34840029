package store

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/builtin"
)

// Maximum size in bytes of the pairs that a [scratch] holds in memory, which takes
// about four times as much: if it may use a directory, and if it may not. Tests lower
// them.
var (
	maxInMemory   = 64 << 20
	maxMemoryOnly = 256 << 20
)

// UncheckedError reports why the store in a complete backup was not checked.
type UncheckedError struct{ Err error }

func (e *UncheckedError) Error() string { return e.AsText().String() }

// AsText returns the message.
func (e *UncheckedError) AsText() model.Text { return model.Say("backup.unchecked", "cause", e.Err) }

// Unwrap is the cause.
func (e *UncheckedError) Unwrap() error { return e.Err }

// scratch holds the pairs of a store while it is checked: in memory, and beyond a limit
// in a temporary database that is encrypted with a key kept only in memory.
type scratch struct {
	parent string // where the directory may be created; "" for memory only
	dir    string // the directory, once created
	room   *diskSpace
	eng    engine.Engine
	load   *loader
	size   int
	failed error // the first error, after which pairs are dropped
}

func newScratch(parent string) (*scratch, error) {
	e, err := builtin.Memory.Open(builtin.Setup{})
	return &scratch{parent: parent, eng: e, load: newLoader(e)}, err
}

// put stores a pair. After an error it does nothing.
func (s *scratch) put(ctx context.Context, key string, value []byte) {
	if s.failed != nil {
		return
	}
	switch s.size += len(key) + len(value); {
	case s.parent == "" && s.size > maxMemoryOnly:
		s.failed = model.Fail("backup.larger", "most", maxMemoryOnly>>20)
	case s.parent != "" && s.dir == "" && s.size > maxInMemory:
		s.failed = s.moveToDisk(ctx)
	}
	if s.failed == nil {
		s.failed = s.room.check()
	}
	if s.failed == nil {
		s.failed = s.load.put(ctx, key, value)
	}
	if s.failed != nil {
		s.failed = errors.Join(s.failed, s.close())
	}
}

// moveToDisk creates the directory and copies the pairs from memory into it.
func (s *scratch) moveToDisk(ctx context.Context) error {
	dir, err := os.MkdirTemp(s.parent, "certquay-verify-")
	if err != nil {
		return err
	}
	s.dir, s.room = dir, newDiskSpace(dir, Options{}.filled())
	if err := s.room.check(); err != nil {
		return err
	}
	if err := s.load.flush(ctx); err != nil {
		return err
	}
	e, err := builtin.Badger.Open(builtin.Setup{Dir: filepath.Join(dir, databaseName), Create: true, Scratch: true})
	if err != nil {
		return err
	}
	from := s.eng
	s.eng, s.load = e, newLoader(e)
	snap, err := from.Snapshot()
	if err != nil {
		return errors.Join(err, from.Close())
	}
	for p, err := range snap.Scan(engine.Range{}) {
		if err = errors.Join(err, s.room.check()); err == nil {
			err = s.load.put(ctx, p.Key, p.Value)
		}
		if err != nil {
			snap.Close()
			return errors.Join(err, from.Close())
		}
	}
	snap.Close()
	return from.Close()
}

// check checks the store that the pairs form.
func (s *scratch) check(ctx context.Context, b *backupReader) (Report, error) {
	if s.failed == nil {
		s.failed = s.load.flush(ctx)
	}
	if s.failed != nil {
		return Report{}, cmp.Or(ctx.Err(), error(&UncheckedError{s.failed}))
	}
	st, err := attach(pairsOnly{s.eng}, b.keys, &dirState{dir: "backup", id: b.Store, exists: true}, Options{}.filled())
	if err != nil {
		return Report{}, badBackup(model.Say("backup.not-opened", "cause", err), err)
	}
	report, err := st.Fsck(ctx)
	return report, errors.Join(err, st.Close())
}

// pairsOnly is an engine whose files are not verified, because they were just written.
type pairsOnly struct{ engine.Engine }

// close releases memory and removes the directory. Closing again does nothing.
func (s *scratch) close() (err error) {
	if s.eng != nil {
		err = s.eng.Close()
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	s.eng, s.load, s.dir = nil, nil, ""
	return err
}
