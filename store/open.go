package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/badger"
	"certquay/store/engine/builtin"
)

const (
	idName = "STORE-ID"
	// pendingIDName holds the ID while a store is being created. An interrupted
	// creation left no data behind, so it can be repeated.
	pendingIDName = "STORE-ID.new"
	databaseName  = "db"
)

// ownNames are the names in a data directory that do not make it foreign. Some belong
// to other packages; "lost+found" exists in the root of a volume.
var ownNames = map[string]bool{
	idName: true, pendingIDName: true, databaseName: true, reserveName: true, markName: true,
	databaseNext: true, databaseOld: true, cutOffName: true, tableFileName: true, nextTableName: true,
	"owner.lock": true, "sock": true, "edge": true, "lost+found": true,
	restoringName: true,
}

// verifiedAtOpen is how many bytes of tables are verified when a store is opened, at
// about 1 GB a second. The rest is verified soon afterwards.
const verifiedAtOpen = 16 << 20

// Open opens the store in a directory, or creates one if the directory does not exist
// or contains only files of certquay. Everything that prevents opening is detected
// before anything is changed and returned as an [OpenError]; a newer schema is an error
// that wraps [ErrNewerSchema]. If the volume is full or read-only, the store is opened
// for reading, and writes succeed as soon as they are possible.
func Open(dir string, o Options) (*Store, error) {
	o = o.filled()
	if o.KeyFile == "" {
		return nil, &OpenError{What: dir, Why: model.Say("open.no-key-named")}
	}
	l, err := inspectDir(dir, o)
	if err != nil {
		return nil, err
	}
	if !l.exists {
		if err := l.make(o); err != nil {
			return nil, err
		}
	}
	fileKey, err := readKey(o.KeyFile)
	if err != nil {
		return nil, err
	}
	keys, err := newKeyring(fileKey)
	if err != nil {
		return nil, err
	}
	sp := newDiskSpace(dir, o)
	unwritable := sp.check()
	if unwritable == nil {
		unwritable = writableDir(dir)
	}
	if unwritable != nil && !l.exists {
		return nil, notWritable(dir, unwritable)
	}
	if unwritable == nil {
		if err := finishRekeying(dir); err != nil {
			return nil, &OpenError{What: dir, Why: model.Say("open.unprepared"), Err: err}
		}
	}
	db := filepath.Join(dir, databaseName)
	e := engine.Engine(nil)
	if l.exists {
		var r *badger.Reader
		if r, err = inspectDatabase(db, keys, l, o); err != nil {
			return nil, err
		}
		if unwritable != nil {
			o.Logger.Warn("the store is opened for reading", "reason", unwritable)
			e = newLateWriter(r, func() (engine.Engine, error) { return openDatabase(db, sp, o) })
		} else if err := r.Close(); err != nil {
			return nil, err
		}
	}
	if e == nil {
		if e, err = openBadger(db, !l.exists, o); err != nil {
			return nil, err
		}
	}
	s, err := attach(e, keys, l, o)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	s.space = sp
	if err := s.prepare(dir, l, o, unwritable == nil); err != nil {
		return nil, errors.Join(&OpenError{What: dir, Why: model.Say("open.unprepared"), Err: err}, s.Close())
	}
	return s, nil
}

// prepare creates the files beside the database. The file that makes the directory a
// store is created last.
func (s *Store) prepare(dir string, l *dirState, o Options, writable bool) (err error) {
	path := filepath.Join(dir, markName)
	if !writable {
		// A full disk still has room for rewriting existing blocks.
		if s.highWater, err = openMark(path, s.keys, s.reached, s.log); err != nil {
			s.log.Warn("the high-water mark cannot be written", "error", err)
		}
		return nil
	}
	if s.highWater, err = openMark(path, s.keys, s.reached, s.log); err != nil {
		return err
	}
	if !l.exists {
		if err := errors.Join(os.Rename(filepath.Join(dir, pendingIDName), filepath.Join(dir, idName)), syncDir(dir)); err != nil {
			return err
		}
	}
	return s.space.makeReserve(o.Reserve)
}

// inUseTimeout is how long to wait for a process that still has the database open to
// end.
const inUseTimeout = 3 * time.Second

// openBadger opens the database for writing.
func openBadger(db string, create bool, o Options) (engine.Engine, error) {
	setup := builtin.Setup{Dir: db, Create: create, Log: o.Logger}
	e, err := builtin.Badger.Open(setup)
	// The caller holds the lock on the store, so a process that still has the database
	// open, or a child of it, is about to end.
	for until := time.Now().Add(inUseTimeout); errors.Is(err, engine.ErrInUse) && time.Now().Before(until); {
		time.Sleep(50 * time.Millisecond)
		e, err = builtin.Badger.Open(setup)
	}
	switch {
	case errors.Is(err, engine.ErrInUse):
		return nil, &OpenError{What: filepath.Dir(db), Why: model.Say("open.in-use"), Err: err}
	case errors.Is(err, engine.ErrMissing):
		return nil, &OpenError{What: db, Why: model.Say("open.damaged"), Hint: restoreHint("open-hint.unchanged"), Err: err}
	case errors.Is(err, engine.ErrNoSpace):
		return nil, &OpenError{What: db, Why: model.Say("open.full"), Hint: model.Say("open-hint.free"), Err: err}
	case err != nil:
		return nil, &OpenError{What: db, Why: model.Say("open.fails"), Hint: restoreHint("open-hint.keep-copy"), Err: err}
	}
	return e, nil
}

// openDatabase opens the database for writing once writing has become possible.
func openDatabase(db string, sp *diskSpace, o Options) (engine.Engine, error) {
	if err := sp.check(); err != nil {
		return nil, err
	}
	if err := writableDir(filepath.Dir(db)); err != nil {
		return nil, withCause(engine.ErrReadOnly, err)
	}
	return openBadger(db, false, o)
}

// inspectDatabase checks the database before it is opened for writing, and compares it
// with the high-water mark.
func inspectDatabase(db string, keys *keyring, l *dirState, o Options) (*badger.Reader, error) {
	restore := restoreHint("open-hint.unchanged")
	entries, err := os.ReadDir(db)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &OpenError{What: db, Why: model.Say("open.unreadable"), Hint: restore, Err: err}
	}
	for _, e := range entries {
		if path := filepath.Join(db, e.Name()); !e.Type().IsRegular() {
			return nil, &OpenError{What: path, Why: model.Say("open.damaged"), Hint: restore, Err: checkRegular(path)}
		}
	}
	r, err := badger.OpenReader(db, verifiedAtOpen)
	var damage *engine.DamagedError
	switch {
	case errors.As(err, &damage):
		return nil, &OpenError{What: damage.File, Why: model.Say("open.damaged"), Hint: restore, Err: damage.Err}
	case errors.Is(err, engine.ErrMissing):
		return nil, &OpenError{What: db, Why: model.Say("open.damaged"), Hint: restore, Err: err}
	case err != nil:
		return nil, &OpenError{What: db, Why: model.Say("open.unreadable"), Hint: restore, Err: err}
	}
	err = compareMark(r, keys, l, o)
	if less := new(dataMissingOpenError); err == nil || o.AcceptLoss && errors.As(err, &less) {
		if err != nil {
			if err := removeTable(l.dir); err != nil { // it may hold what is given up
				return nil, errors.Join(err, r.Close())
			}
		}
		if err = copyCutOff(db, r.TruncatedFiles(), err != nil); err == nil {
			return r, nil
		}
		err = &OpenError{What: db, Why: model.Say("open.uncopied"), Err: err}
	}
	return nil, errors.Join(err, r.Close())
}

// dataMissingOpenError is an [OpenError] of a store that can be opened with
// Options.AcceptLoss.
type dataMissingOpenError struct{ *OpenError }

func (e *dataMissingOpenError) Unwrap() []error { return []error{ErrDataMissing, e.OpenError} }

// compareMark compares a database with the high-water mark stored beside it.
func compareMark(r *badger.Reader, keys *keyring, l *dirState, o Options) error {
	snap, err := r.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	v := &view{keys: keys, snap: snap}
	if err := v.identify(l, o); err != nil {
		return err
	}
	path := filepath.Join(l.dir, markName)
	way := restoreHint("open-hint.accept-loss")
	want, err := readMark(path, keys)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, marked, err := v.progress()
		if err != nil {
			return &OpenError{What: l.dir, Why: model.Say("open.damaged"), Hint: way, Err: err}
		}
		if marked { // older stores have no mark
			return &dataMissingOpenError{&OpenError{
				What: path,
				Why:  model.Say("open.no-mark"),
				Hint: model.Say("open-hint.put-mark-back"),
			}}
		}
	case err != nil:
		return &dataMissingOpenError{&OpenError{
			What: path,
			Why:  model.Say("open.damaged"),
			Hint: model.Say("open-hint.accept-damage"),
			Err:  err,
		}}
	default:
		if err := v.compare(want); err != nil {
			return &dataMissingOpenError{&OpenError{What: l.dir, Why: model.Say("open.less"), Hint: way, Err: err}}
		}
	}
	if !r.ManifestIncomplete() {
		return nil
	}
	report, err := (&Store{eng: r, keys: keys}).Fsck(context.Background())
	if err == nil && !report.Sound() {
		err = &model.Error{Text: report.Problems[0]}
	}
	if err != nil {
		return &dataMissingOpenError{&OpenError{
			What: filepath.Join(l.dir, databaseName, "MANIFEST"),
			Why:  model.Say("open.tables"),
			Hint: way,
			Err:  err,
		}}
	}
	return nil
}

// cutOffName is the directory for copies of files that Badger truncates when it opens
// them, by time.
const cutOffName = "cut-off"

// maxCutOffCopies is how many sets of copies are kept.
const maxCutOffCopies = 4

// copyCutOff copies the files that Badger will truncate. After a loss of power this is
// normal: the tail was never acknowledged. lossy means that acknowledged data is
// missing; then the manifest and all memtable logs are copied.
func copyCutOff(db string, names []string, lossy bool) error {
	if lossy {
		more, err := filepath.Glob(filepath.Join(db, "*.mem"))
		if err != nil {
			return err
		}
		names = []string{"MANIFEST"}
		for _, name := range more {
			names = append(names, filepath.Base(name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	all := filepath.Join(filepath.Dir(db), cutOffName)
	older, err := filepath.Glob(filepath.Join(all, "*"))
	if err != nil {
		return err
	}
	for len(older) >= maxCutOffCopies { // sorted by time
		if err := os.RemoveAll(older[0]); err != nil {
			return err
		}
		older = older[1:]
	}
	to := filepath.Join(all, time.Now().UTC().Format("20060102T150405.000Z"))
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(db, name))
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(to, name), bytes.TrimRight(b, "\x00"), os.O_EXCL); err != nil {
			return err
		}
	}
	return nil
}

// Empty reports whether there is nothing in an engine, so that [With] creates a store.
func Empty(e engine.Engine) (bool, error) {
	snap, err := e.Snapshot()
	if err != nil {
		return false, err
	}
	defer snap.Close()
	for _, err := range snap.Scan(engine.Range{KeysOnly: true, Limit: 1}) {
		return false, err
	}
	return true, nil
}

// nameOf returns the name of an engine in messages.
func nameOf(e engine.Engine) string {
	if n, ok := e.(interface{ Name() string }); ok {
		return n.Name()
	}
	return "engine"
}

// With opens the store in an engine, or creates one if the engine is empty. The store
// owns the engine from then on, unless With fails.
func With(e engine.Engine, o Options) (*Store, error) {
	o = o.filled()
	l := &dirState{dir: nameOf(e)}
	empty, err := Empty(e)
	if err != nil {
		return nil, err
	}
	if l.exists = !empty; l.exists && o.KeyFile != "" {
		if err := l.needKeyFile(o, model.Say("open-hint.copy-key")); err != nil {
			return nil, err
		}
	}
	if !l.exists {
		l.id = hex.EncodeToString(randomKey()[:16])
		if err := makeKey(o.KeyFile); err != nil {
			return nil, err
		}
	}
	fileKey := randomKey()
	if o.KeyFile != "" {
		if fileKey, err = readKey(o.KeyFile); err != nil {
			return nil, err
		}
	}
	k, err := newKeyring(fileKey)
	if err != nil {
		return nil, err
	}
	return attach(e, k, l, o)
}

// attach starts a store on an engine, after checking that the engine contains the
// expected store or creating it there.
func attach(e engine.Engine, k *keyring, l *dirState, o Options) (*Store, error) {
	snap, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	v := &view{keys: k, snap: snap}
	if !l.exists {
		if _, err := v.meta(); errors.Is(err, model.ErrNotFound) {
			if err := initialize(e, k, l.id, o); err != nil {
				return nil, &OpenError{What: l.dir, Why: model.Say("open.not-made"), Err: err}
			}
			return start(e, k, l, o)
		}
	}
	if err := v.identify(l, o); err != nil {
		return nil, err
	}
	mk, err := v.master()
	if err != nil {
		return nil, err
	}
	if err := k.unwrap(mk, model.Secret{}); err != nil {
		return nil, err
	}
	s, err := start(e, k, l, o)
	if err != nil {
		return nil, err
	}
	copies := o.Copies
	if l.onDisk {
		copies = l.dir
	}
	var before func(context.Context, int) error
	if copies != "" {
		before = func(ctx context.Context, from int) error { return s.backupBeforeUpgrade(ctx, copies, o, from) }
	}
	if err := s.migrate(context.Background(), schema, migrations, before); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// identify checks that v reads the expected store, that it was written with the given
// key file, and that its schema is known.
func (v *view) identify(l *dirState, o Options) error {
	m, err := v.meta()
	switch {
	case errors.Is(err, model.ErrNotFound):
		return &OpenError{
			What: l.dir,
			Why:  model.Say("open.no-store-mark"),
			Hint: restoreHint("open-hint.unchanged"),
		}
	case errors.Is(err, ErrCorrupt):
		return &OpenError{
			What: l.dir,
			Why:  model.Say("open.wrong-key", "file", o.KeyFile),
			Hint: model.Say("open-hint.config"),
			Err:  err,
		}
	case err != nil:
		return err
	case l.id != "" && m.ID != l.id:
		return &OpenError{
			What: l.dir,
			Why:  model.Say("open.other-store", "file", idName, "id", l.id, "other", m.ID),
			Hint: restoreHint("open-hint.own-database"),
		}
	}
	// Check the schema before decoding anything that depends on it.
	if n, err := v.schema(); err != nil {
		return err
	} else if n > schema {
		return model.Fail("store.newer-schema", "has", n, "knows", schema).Wrapping(ErrNewerSchema)
	}
	return nil
}

// initialize writes the metadata of a new store, including the commit counter, in one
// batch.
func initialize(e engine.Engine, k *keyring, id string, o Options) error {
	key := randomKey()
	wrapped, err := k.wrapMaster(key, o.Passphrase, o.WorkFactor)
	if err != nil {
		return err
	}
	t := newTx(view{})
	t.put(metaMaster, wrapped)
	t.put(metaCommits, binary.AppendUvarint(nil, 0)) // from now on commits are counted
	if err := errors.Join(t.putSchema(schema), t.putMeta(Meta{ID: id, Created: o.Now().UTC()})); err != nil {
		return err
	}
	over := new(overlay)
	over.add(t.own)
	b := batchOf(over, k)
	b.Compare = []engine.Compare{{Key: metaAbout}}
	if err := e.Apply(context.Background(), b); err != nil {
		return err
	}
	k.setMaster(key)
	return nil
}

// batchOf makes the engine batch of pending writes.
func batchOf(over *overlay, k *keyring) *engine.Batch {
	b := engine.Batch{Writes: make([]engine.Write, 0, over.len()+1)} // with room for the commit number
	for p := range over.all() {
		key := p.key
		switch {
		case p.deleted:
			b.Delete(key)
		case strings.HasPrefix(key, indexSpace) && len(p.value) == 0:
			b.Put(key, nil) // an empty index entry repeats its record, so it is not authenticated
		default:
			b.Put(key, k.mac(p.value, key, p.value))
		}
	}
	return &b
}
