package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/badger"
	"certquay/store/engine/tree"
)

const (
	idName = "STORE-ID"
	// idMaking holds the ID while a store is being made. A store whose making
	// was interrupted holds nothing yet, so making it again is safe.
	idMaking     = "STORE-ID.new"
	databaseName = "db"
)

// ours are the names in a data directory that do not make it foreign. Some
// belong to other packages; "lost+found" is that of a volume's root.
var ours = map[string]bool{
	idName: true, idMaking: true, databaseName: true, reserveName: true,
	"owner.lock": true, "sock": true, "edge": true, "lost+found": true,
}

// Open opens the store in a directory, or makes one when the directory does
// not exist or holds nothing foreign. Whatever speaks against opening is found
// before anything is changed, and is an [OpenError]; a newer schema is an
// error that wraps [ErrNewerSchema].
func Open(dir string, o Options) (*Store, error) {
	o = o.filled()
	if o.KeyFile == "" {
		return nil, &OpenError{What: dir, Why: "has no key file named for it"}
	}
	l, err := look(dir, o)
	if err != nil {
		return nil, err
	}
	if !l.exists {
		if err := l.make(o); err != nil {
			return nil, err
		}
	}
	if err := writableDir(dir); err != nil {
		return nil, &OpenError{What: dir, Why: "cannot be written to", Hint: "check its owner and mode, and how its volume is mounted", Err: err}
	}
	fileKey, err := readKey(o.KeyFile)
	if err != nil {
		return nil, err
	}
	sp := newSpace(dir, o)
	if err := sp.check(); err != nil {
		return nil, &OpenError{What: dir, Why: "is on a full volume", Hint: "free some space", Err: err}
	}
	db := filepath.Join(dir, databaseName)
	e, err := badger.Open(db, badger.Options{Create: !l.exists, Logger: o.Logger})
	switch {
	case errors.Is(err, engine.ErrInUse):
		return nil, &OpenError{What: dir, Why: "is in use by another process", Err: err}
	case errors.Is(err, engine.ErrMissing):
		return nil, &OpenError{What: db, Why: "is damaged", Hint: "nothing was changed; restore a backup", Err: err}
	case err != nil:
		return nil, &OpenError{What: db, Why: "does not open", Err: err}
	}
	s, err := with(e, fileKey, l, o)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	s.space = sp
	if !l.exists {
		err = os.Rename(filepath.Join(dir, idMaking), filepath.Join(dir, idName))
		err = errors.Join(err, syncDir(dir))
	}
	if err = errors.Join(err, sp.hold(o.Reserve)); err != nil {
		return nil, errors.Join(&OpenError{What: dir, Why: "cannot be prepared", Err: err}, s.Close())
	}
	return s, nil
}

// With opens the store in an engine, or makes one when the engine is empty.
// The store owns the engine from then on, unless With fails.
func With(e engine.Engine, o Options) (*Store, error) {
	o = o.filled()
	l := &found{dir: "the engine"}
	snap, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	for _, err := range snap.Scan(engine.Range{KeysOnly: true}) {
		if err != nil {
			return nil, err
		}
		l.exists = true
		break
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
	return with(e, fileKey, l, o)
}

// with checks that an engine holds the store that was looked for, or makes it,
// and starts.
func with(e engine.Engine, fileKey []byte, l *found, o Options) (*Store, error) {
	k, err := newKeyring(fileKey)
	if err != nil {
		return nil, err
	}
	snap, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	v := &view{keys: k, snap: snap}
	m, err := v.meta()
	if errors.Is(err, model.ErrNotFound) && !l.exists {
		if err := initialize(e, k, l.id, o); err != nil {
			return nil, &OpenError{What: l.dir, Why: "cannot be made a store", Err: err}
		}
		return start(e, k, o)
	}
	switch {
	case errors.Is(err, model.ErrNotFound):
		return nil, &OpenError{What: l.dir, Why: "holds a database that is not its own: the mark of the store is missing in it", Hint: "nothing was changed; restore a backup"}
	case errors.Is(err, ErrCorrupt):
		return nil, &OpenError{What: l.dir, Why: "was not written with the key file " + o.KeyFile, Hint: "name the key file that belongs to it", Err: err}
	case err != nil:
		return nil, err
	case l.id != "" && m.ID != l.id:
		return nil, &OpenError{What: l.dir, Why: fmt.Sprintf("holds the database of another store: %s says %s, the database %s", idName, l.id, m.ID), Hint: "nothing was changed"}
	}
	// The schema comes before anything whose form it decides.
	if n, err := v.schema(); err != nil {
		return nil, err
	} else if n > schema {
		return nil, fmt.Errorf("%w: its schema is %d, this certquay knows %d", ErrNewerSchema, n, schema)
	}
	mk, err := v.master()
	if err != nil {
		return nil, err
	}
	if err := k.unwrap(mk, model.Secret{}); err != nil {
		return nil, err
	}
	s, err := start(e, k, o)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(context.Background(), schema, migrations); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// initialize writes what the store notes about itself, the mark included, in
// one step.
func initialize(e engine.Engine, k *keyring, id string, o Options) error {
	key := randomKey()
	wrapped, err := k.wrapMaster(key, o.Passphrase, o.WorkFactor)
	if err != nil {
		return err
	}
	t := &tx{written: map[string]bool{}}
	t.put(metaMaster, wrapped)
	if err := errors.Join(t.putSchema(schema), t.putMeta(Meta{ID: id, Created: o.Now().UTC()})); err != nil {
		return err
	}
	b := batchOf(t.over, k)
	b.Compare = []engine.Compare{{Key: metaAbout}}
	if err := e.Apply(context.Background(), b); err != nil {
		return err
	}
	k.setMaster(key)
	return nil
}

// batchOf makes the batch that brings writes into an engine.
func batchOf(over tree.Map[pending], k *keyring) *engine.Batch {
	var b engine.Batch
	for key, p := range over.Ascend("", "") {
		switch {
		case p.deleted:
			b.Delete(key)
		case strings.HasPrefix(key, indexSpace) && len(p.value) == 0:
			b.Put(key, nil) // it says nothing that its record does not say
		default:
			b.Put(key, k.authenticate(key, p.value))
		}
	}
	return &b
}
