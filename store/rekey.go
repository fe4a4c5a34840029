package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/builtin"
)

// Changing the master key copies the database to databaseNext, renames the old one to
// databaseOld, and removes it. Overwriting in place would not be enough: an engine like
// Badger keeps overwritten data in its files until they are compacted, so a master key
// that was protected only by the key file could be recovered from them.
const (
	databaseNext = "db.next"
	databaseOld  = "db.old"
)

// Rekey replaces the master key of the store in a directory and rewraps all data keys.
// The new master key is protected by the passphrase next, or by the key file alone if
// next is empty. current is the present passphrase, empty if there is none. The store
// must not be open. If the process is killed, the store has either the old or the new
// key. A second copy of the database must fit on the volume.
func Rekey(ctx context.Context, dir string, o Options, current, next model.Secret) (err error) {
	s, err := Open(dir, o)
	if err != nil {
		return err
	}
	if !current.Empty() {
		if err := s.Unseal(current); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	to := filepath.Join(dir, databaseNext)
	err = errors.Join(s.copyRekeyed(ctx, to, next), s.Close())
	if err != nil {
		return errors.Join(model.Fail("store.rekeying", "cause", err), os.RemoveAll(to))
	}
	db, old := filepath.Join(dir, databaseName), filepath.Join(dir, databaseOld)
	if err := errors.Join(removeTable(dir), syncDir(to), os.Rename(db, old), os.Rename(to, db), syncDir(dir)); err != nil {
		return model.Fail("store.rekeyed", "cause", err)
	}
	return finishRekeying(dir)
}

// finishRekeying completes or reverts an interrupted [Rekey].
func finishRekeying(dir string) error {
	db, next, old := filepath.Join(dir, databaseName), filepath.Join(dir, databaseNext), filepath.Join(dir, databaseOld)
	if _, err := os.Stat(db); errors.Is(err, fs.ErrNotExist) {
		// Interrupted between the two renames: the copy is complete.
		if err := os.Rename(next, db); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(os.RemoveAll(next), os.RemoveAll(old))
}

// copyRekeyed copies the database under a new master key.
func (s *Store) copyRekeyed(ctx context.Context, to string, passphrase model.Secret) (err error) {
	old, err := s.keys.masterKey()
	if err != nil {
		return err
	}
	key := randomKey()
	master, err := s.keys.wrapMaster(key, passphrase, s.work)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	e, err := builtin.Badger.Open(builtin.Setup{Dir: to, Create: true, Log: s.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return s.view(func(v *view) error {
		b := &engine.Batch{}
		flush := func() error {
			if err := s.space.check(); err != nil {
				return err
			}
			err := e.Apply(ctx, b)
			b = &engine.Batch{}
			return err
		}
		for p, err := range v.snap.Scan(engine.Range{}) {
			if err != nil {
				return err
			}
			value := p.Value
			switch {
			case p.Key == metaMaster:
				value = s.keys.authenticate(metaMaster, master)
			case strings.HasPrefix(p.Key, dataKeySpace):
				if value, err = s.keys.rewrap(p.Key, p.Value, old, key); err != nil {
					return err
				}
			}
			if !e.Limit().Holds(b.Size()+engine.Size(p.Key, value), len(b.Writes)+1) {
				if err := flush(); err != nil {
					return err
				}
			}
			b.Put(p.Key, value)
		}
		return flush()
	})
}

// rewrap wraps a data key with another master key.
func (k *keyring) rewrap(key string, stored, from, to []byte) ([]byte, error) {
	wrapped, err := k.verify(key, stored)
	if err != nil {
		return nil, err
	}
	data, err := open(from, wrapped, key)
	if err != nil {
		return nil, withCause(corruptError(key, "damage.unopened"), err)
	}
	if wrapped, err = seal(to, data, key); err != nil {
		return nil, err
	}
	return k.authenticate(key, wrapped), nil
}
