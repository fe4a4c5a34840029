package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/builtin"
)

// restoringName is the subdirectory of the data directory in which a restored store is
// built. While it exists and [idName] does not, there is no store, and restoring can
// start again.
const restoringName = "restoring"

// Restore creates the store in a backup, in a directory that does not exist or is
// empty, and its key file unless it exists with the same content. There is no store
// until everything has been read, authenticated and synced, so a failed or interrupted
// restore can be repeated. The caller owns the directory; its lock file does not count
// as content.
//
// Errors are those of [VerifyBackup], and an [OpenError] for a directory that is not
// empty, for a different key file, and for a full volume. Of the options, KeyFile is
// required, and Logger, MinFree and Free are used.
func Restore(ctx context.Context, r io.Reader, dir string, o Options, identities ...age.Identity) (sum Summary, err error) {
	o = o.filled()
	keyFile := o.KeyFile
	if err := CheckRestoreTarget(dir, keyFile); err != nil {
		return sum, err
	}
	b, err := openBackup(r, keyFile, identities)
	if err != nil {
		return sum, err
	}
	if err := checkSameKey(keyFile, b.key); err != nil {
		return sum, err
	}
	key := func() error { return makeKeyOf(keyFile, b.key) }
	if b.bare {
		key = func() error { return nil }
	}
	return b.Summary, fillDir(ctx, dir, o, b.Store, b.keys, b.pairs, key)
}

// RestoreInto is [Restore] into an empty engine, which this process owns, and which is
// closed afterwards. The store is checked as [Store.Fsck] does. If the backup cannot be read
// to its end, the engine is emptied again; one that was not empty is not changed, and the
// error wraps [ErrNotEmpty].
func RestoreInto(
	ctx context.Context, r io.Reader, to engine.Engine, o Options, identities ...age.Identity,
) (sum Summary, report Report, err error) {
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := needEmpty(to); err != nil {
		return sum, report, err
	}
	b, err := openBackup(r, o.KeyFile, identities)
	if err != nil {
		return sum, report, err
	}
	if err := checkSameKey(o.KeyFile, b.key); err != nil {
		return sum, report, err
	}
	if err := fillEngine(ctx, to, b.pairs); err != nil {
		return sum, report, err
	}
	if !b.bare {
		if err := makeKeyOf(o.KeyFile, b.key); err != nil {
			return sum, report, errors.Join(err, clearEngine(to))
		}
	}
	s, err := With(to, o)
	if err != nil {
		return sum, report, err
	}
	report, err = s.Fsck(ctx)
	return b.Summary, report, errors.Join(err, s.Close())
}

// pairSource calls fn for every pair of a store, in key order. It returns nil only if
// there are no more.
type pairSource func(ctx context.Context, fn func(key string, value []byte) error) error

// fillDir makes the store of an ID in a directory without one. There is no store until
// every pair has been written, and key has made the key file.
func fillDir(ctx context.Context, dir string, o Options, id string, keys *keyring, pairs pairSource, key func() error) (err error) {
	making := filepath.Join(dir, restoringName)
	if err := removeInterruptedRestore(dir); err != nil {
		return &OpenError{What: dir, Why: model.Say("open.leftovers"), Err: err}
	}
	if err := os.MkdirAll(making, 0o700); err != nil {
		return &OpenError{What: dir, Why: model.Say("open.unmakable"), Hint: model.Say("open-hint.other-data"), Err: err}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeInterruptedRestore(dir))
		}
	}()
	if err := fillDatabase(ctx, dir, o, keys, pairs); err != nil {
		return err
	}
	if err := key(); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(making, idName), []byte(id+"\n"), os.O_TRUNC); err != nil {
		return err
	}
	// STORE-ID is moved last, because it makes the directory a store.
	for _, name := range []string{databaseName, markName, idName} {
		err := os.Rename(filepath.Join(making, name), filepath.Join(dir, name))
		if err = errors.Join(err, syncDir(dir)); err != nil {
			return err
		}
	}
	return os.Remove(making)
}

// fillDatabase writes the pairs into a new database, with its high-water mark beside it.
func fillDatabase(ctx context.Context, dir string, o Options, keys *keyring, pairs pairSource) error {
	room, db := newDiskSpace(dir, o), filepath.Join(dir, restoringName, databaseName)
	e, err := builtin.Badger.Open(builtin.Setup{Dir: db, Create: true, Log: o.Logger})
	if err != nil {
		return &OpenError{What: db, Why: model.Say("open.unmakable"), Err: err}
	}
	load := newLoader(e)
	err = pairs(ctx, func(key string, value []byte) error {
		if err := room.check(); err != nil {
			return &OpenError{What: dir, Why: model.Say("open.full"), Hint: model.Say("open-hint.free"), Err: err}
		}
		return load.put(ctx, key, value)
	})
	if err == nil {
		err = load.flush(ctx)
	}
	if err == nil {
		err = markOf(filepath.Join(dir, restoringName, markName), e, keys, o)
	}
	return errors.Join(err, e.Close())
}

// markOf writes the high-water mark of a database.
func markOf(path string, e engine.Engine, keys *keyring, o Options) error {
	snap, err := e.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	at, _, err := (&view{keys: keys, snap: snap}).progress()
	if err != nil {
		return err
	}
	m, err := openMark(path, keys, at, o.Logger)
	if err != nil {
		return err
	}
	return m.close()
}

// CheckRestoreTarget returns an [OpenError] if a store cannot be restored into a
// directory. It changes nothing.
func CheckRestoreTarget(dir, keyFile string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &OpenError{
			What: dir,
			Why:  model.Say("open.unreadable"),
			Hint: model.Say("open-hint.empty-or-new"),
			Err:  err,
		}
	}
	has := map[string]bool{}
	for _, e := range entries {
		has[e.Name()] = true
	}
	var others []string
	for _, e := range entries {
		switch name := e.Name(); {
		case name == restoringName, name == "owner.lock", name == "sock", name == "lost+found", isKeyFile(dir, name, keyFile):
		case (name == databaseName || name == markName) && has[restoringName] && !has[idName]: // of a restore that was interrupted
		default:
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		return &OpenError{What: dir, Why: model.Say("open.used", "names", abbreviate(others)),
			Hint: model.Texts(model.Say("open-hint.unchanged"), model.Say("open-hint.empty-or-new"))}
	}
	return nil
}

// removeInterruptedRestore removes the files of an interrupted restore from a directory
// without a store.
func removeInterruptedRestore(dir string) error {
	if Exists(dir) {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, restoringName)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// The mark is removed last: a database without a mark would be taken for one that
	// lost it.
	return errors.Join(
		os.RemoveAll(filepath.Join(dir, databaseName)),
		os.RemoveAll(filepath.Join(dir, markName)),
		os.RemoveAll(filepath.Join(dir, restoringName)))
}

// checkSameKey returns an error if a key file exists and contains another key.
func checkSameKey(keyFile string, key []byte) error {
	there, err := readKey(keyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(there, key):
		return &OpenError{
			What: keyFile,
			Why:  model.Say("open.other-key"),
			Hint: model.Say("open-hint.other-config"),
		}
	}
	return nil
}
