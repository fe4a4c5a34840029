package store

import (
	"certquay/model"
	"certquay/store/engine"
)

// Peek calls fn with a reader of the store in an engine that another process may own. It
// builds no search table, and is for a few records. A key file that is missing or of
// another store, and a schema that is newer, are an error, as in [With]; an engine
// without a store is [model.ErrNotFound]. Secrets of a store with a passphrase need
// o.Passphrase: without it, reading them wraps [ErrSealed].
func Peek(e engine.Engine, o Options, fn func(model.Reader) error) error {
	l := &dirState{dir: nameOf(e), exists: true}
	if err := l.needKeyFile(o, model.Say("open-hint.copy-key")); err != nil {
		return err
	}
	fileKey, err := readKey(o.KeyFile)
	if err != nil {
		return err
	}
	keys, err := newKeyring(fileKey)
	if err != nil {
		return err
	}
	snap, err := e.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	for _, err := range snap.Scan(engine.Range{KeysOnly: true, Limit: 1}) {
		if err != nil {
			return err
		}
		v := &view{keys: keys, snap: snap}
		if err := v.identify(l, o); err != nil {
			return err
		}
		m, err := v.master()
		if err != nil {
			return err
		}
		if err := keys.unwrap(m, o.Passphrase); err != nil {
			return err
		}
		return fn(v)
	}
	return model.ErrNotFound
}
