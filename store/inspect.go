package store

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"certquay/model"
)

// dirState describes the content of a data directory.
type dirState struct {
	dir    string
	id     string // content of STORE-ID; "" if there is none
	exists bool   // the directory contains a store
	onDisk bool   // dir is a directory rather than the name of an engine
}

// inspectDir determines whether a directory contains a store or could contain one. It
// returns an [OpenError] if the directory must not be touched. It changes nothing.
func inspectDir(dir string, o Options) (*dirState, error) {
	d := &dirState{dir: dir, onDisk: true}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d, nil
	case err != nil:
		return nil, &OpenError{What: dir, Why: model.Say("open.unseen"), Err: err}
	case !info.IsDir():
		return nil, &OpenError{What: dir, Why: model.Say("open.not-directory"), Hint: model.Say("open-hint.other-data")}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &OpenError{What: dir, Why: model.Say("open.unreadable"), Hint: model.Say("open-hint.owner"), Err: err}
	}
	has := map[string]bool{}
	var foreign []string
	for _, e := range entries {
		has[e.Name()] = true
		if !ownNames[e.Name()] && !isUpgradeBackupName(e.Name()) && !isKeyFile(dir, e.Name(), o.KeyFile) {
			foreign = append(foreign, e.Name())
		}
	}
	switch {
	case has[idName]:
		return d, d.readExisting(o)
	case has[restoringName]:
		return nil, &OpenError{
			What: dir,
			Why:  model.Say("open.half-restored"),
			Hint: model.Say("open-hint.repeat-restore", "dir", dir),
		}
	case has[pendingIDName]:
		d.id, err = readID(filepath.Join(dir, pendingIDName))
		if err != nil {
			d.id = "" // creation was interrupted while writing it: start over
		}
		return d, nil
	case has[databaseName]:
		return nil, &OpenError{
			What: dir,
			Why:  model.Say("open.no-id", "file", idName),
			Hint: restoreHint("open-hint.put-file-back"),
		}
	case len(foreign) > 0:
		return nil, &OpenError{
			What: dir,
			Why:  model.Say("open.foreign", "names", abbreviate(foreign)),
			Hint: model.Say("open-hint.empty"),
		}
	}
	return d, nil
}

// restoreHint returns the advice of a code, followed by the advice to restore a backup.
func restoreHint(first string) model.Text {
	return model.Texts(model.Say(first), model.Say("open-hint.restore"))
}

// abbreviate lists the first three names and the number of the others.
func abbreviate(names []string) model.Text {
	if len(names) > 3 {
		return model.Say("open.some", "names", names[:3], "n", len(names)-3)
	}
	return model.Quoted("", strings.Join(names, ", "))
}

// isKeyFile reports whether a name in the directory is the key file's, or that of a key
// file whose creation was interrupted.
func isKeyFile(dir, name, keyFile string) bool {
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return false
	}
	keyFile, err = filepath.Abs(keyFile)
	return err == nil && (path == keyFile || path == keyFile+".new")
}

func (d *dirState) readExisting(o Options) (err error) {
	d.exists = true
	if d.id, err = readID(filepath.Join(d.dir, idName)); err != nil {
		return &OpenError{
			What: filepath.Join(d.dir, idName),
			Why:  model.Say("open.damaged"),
			Hint: restoreHint("open-hint.put-content-back"),
			Err:  err,
		}
	}
	return d.needKeyFile(o, restoreHint("open-hint.put-key-back"))
}

// needKeyFile returns an [OpenError] with a hint if the key file of a store that exists is
// missing.
func (d *dirState) needKeyFile(o Options, hint model.Text) error {
	if _, err := os.Stat(o.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return &OpenError{What: o.KeyFile, Why: model.Say("open.no-key-file", "dir", d.dir), Hint: hint, Err: err}
	}
	return nil
}

func readID(name string) (string, error) {
	b, err := readRegular(name)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(b))
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 16 {
		return "", model.Fail("open.no-store-id")
	}
	return id, nil
}

// make prepares a directory for a new store, or for one whose creation was interrupted.
func (d *dirState) make(o Options) error {
	if o.MinFree >= 0 {
		if err := newDiskSpace(nearestExisting(d.dir), o).check(); err != nil {
			return &OpenError{What: d.dir, Why: model.Say("open.full"), Hint: model.Say("open-hint.free"), Err: err}
		}
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return &OpenError{What: d.dir, Why: model.Say("open.unmakable"), Hint: model.Say("open-hint.other-data"), Err: err}
	}
	if d.id == "" {
		d.id = hex.EncodeToString(randomKey()[:16])
		if err := writeFile(filepath.Join(d.dir, pendingIDName), []byte(d.id+"\n"), os.O_TRUNC); err != nil {
			return notWritable(d.dir, err)
		}
	}
	if err := os.Chmod(d.dir, 0o700); err != nil { //nolint:gosec // 0700 is what a directory needs
		return &OpenError{What: d.dir, Why: model.Say("open.unprotected"), Err: err}
	}
	return makeKey(o.KeyFile)
}

// notWritable returns the error for a directory in which no file can be created.
func notWritable(dir string, err error) *OpenError {
	return &OpenError{
		What: dir,
		Why:  model.Say("open.unwritable"),
		Hint: model.Say("open-hint.owner-mount"),
		Err:  err,
	}
}

// nearestExisting returns the directory, or the nearest parent that exists.
func nearestExisting(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// makeKey creates a key file unless it exists.
func makeKey(name string) error {
	if name == "" {
		return nil
	}
	return makeKeyOf(name, randomKey())
}

// makeKeyOf creates the file of a key unless it exists.
func makeKeyOf(name string, key []byte) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(name), 0o700)
	if err == nil {
		// A link makes the complete key appear under its name at once, and never
		// replaces a file.
		part := name + ".new"
		err = writeFile(part, key, os.O_TRUNC)
		if err == nil {
			err = errors.Join(os.Link(part, name), os.Remove(part), syncDir(filepath.Dir(name)))
		}
	}
	if err != nil {
		return &OpenError{What: name, Why: model.Say("open.key-unmakable"), Err: err}
	}
	return nil
}

// readKey reads a key file. It refuses one that other users can read.
func readKey(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, &OpenError{What: name, Why: model.Say("open.key-unreadable"), Err: err}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &OpenError{
			What: name,
			Why:  model.Say("open.key-exposed", "mode", info.Mode().Perm()),
			Hint: model.Say("open-hint.chmod"),
		}
	}
	b, err := readRegular(name)
	if err != nil {
		return nil, &OpenError{What: name, Why: model.Say("open.key-unreadable"), Err: err}
	}
	if len(b) != keySize {
		return nil, &OpenError{What: name, Why: model.Say("open.not-key", "bytes", len(b), "want", keySize)}
	}
	return b, nil
}

// readRegular reads a regular file. It refuses a pipe or a device, which could block
// forever.
func readRegular(name string) ([]byte, error) {
	if err := checkRegular(name); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

func checkRegular(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = model.Fail("open.not-regular", "mode", info.Mode())
	}
	return err
}

// writeFile writes a file with mode 0600 and syncs the file and its directory.
func writeFile(name string, b []byte, flag int) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close(), syncDir(filepath.Dir(name)))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// writableDir checks that a file can be created in a directory by creating and removing
// one.
func writableDir(dir string) error {
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Exists reports whether a directory contains a store, whether or not it can be opened.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, idName))
	return err == nil
}

// HasRemains reports whether a directory contains parts of a store, or an interrupted
// restore, but no store.
func HasRemains(dir string) bool {
	for _, name := range []string{databaseName, restoringName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && !Exists(dir) {
			_, making := os.Lstat(filepath.Join(dir, pendingIDName))
			return making != nil
		}
	}
	return false
}

// Usable returns an [OpenError] if a directory contains no store and none can be
// created in it. It changes nothing.
func Usable(dir, keyFile string) error {
	_, err := inspectDir(dir, Options{KeyFile: keyFile})
	return err
}
