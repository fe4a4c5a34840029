package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// found is what stands in a data directory.
type found struct {
	dir    string
	id     string // what STORE-ID says; "" when there is none
	exists bool   // a store was made there
	onDisk bool   // dir is a directory, not an engine's name
}

// look finds out whether a directory holds a store, could hold one, or must
// not be touched. It changes nothing.
func look(dir string, o Options) (*found, error) {
	f := &found{dir: dir, onDisk: true}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, &OpenError{What: dir, Why: "cannot be looked at", Err: err}
	case !info.IsDir():
		return nil, &OpenError{What: dir, Why: "is not a directory", Hint: "name another with --data"}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &OpenError{What: dir, Why: "cannot be read", Hint: "check its owner and mode", Err: err}
	}
	has := map[string]bool{}
	var foreign []string
	for _, e := range entries {
		has[e.Name()] = true
		if !ours[e.Name()] && !isCopyName(e.Name()) && !inPlace(dir, e.Name(), o.KeyFile) {
			foreign = append(foreign, e.Name())
		}
	}
	switch {
	case has[idName]:
		return f, f.existing(o)
	case has[restoring]:
		return nil, &OpenError{
			What: dir,
			Why:  "has a backup in it that was not restored to its end",
			Hint: "repeat it: certquay restore FILE --data " + dir,
		}
	case has[idMaking]:
		f.id, err = readID(filepath.Join(dir, idMaking))
		if err != nil {
			f.id = "" // interrupted while it was written: make it anew
		}
		return f, nil
	case has[databaseName]:
		return nil, &OpenError{
			What: dir,
			Why:  fmt.Sprintf("has a database, but the file %s is missing", idName),
			Hint: restoreHint("nothing was changed; put that file back"),
		}
	case len(foreign) > 0:
		return nil, &OpenError{
			What: dir,
			Why:  fmt.Sprintf("is not certquay's: it holds %s", some(foreign)),
			Hint: "name an empty directory with --data",
		}
	}
	return f, nil
}

// restoreHint is the way out where the data are not what they were.
func restoreHint(first string) string {
	return first + "; to restore a backup elsewhere: certquay restore FILE --data NEWDIR"
}

func some(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// inPlace says whether a name in the directory is the key file's, or that of
// one whose making was interrupted.
func inPlace(dir, name, keyFile string) bool {
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return false
	}
	keyFile, err = filepath.Abs(keyFile)
	return err == nil && (path == keyFile || path == keyFile+".new")
}

func (f *found) existing(o Options) (err error) {
	f.exists = true
	if f.id, err = readID(filepath.Join(f.dir, idName)); err != nil {
		return &OpenError{
			What: filepath.Join(f.dir, idName),
			Why:  "is damaged",
			Hint: restoreHint("nothing was changed; put its content back"),
			Err:  err,
		}
	}
	if _, err := os.Stat(o.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return &OpenError{
			What: o.KeyFile,
			Why:  "is missing: it is the key file of the store in " + f.dir,
			Hint: restoreHint("put it back, without it the store cannot be read; a backup holds it"),
			Err:  err,
		}
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
		return "", errors.New("it does not hold the ID of a store")
	}
	return id, nil
}

// make prepares a directory in which there is no store, or one that was not
// finished.
func (f *found) make(o Options) error {
	if o.MinFree >= 0 {
		if err := newSpace(above(f.dir), o).check(); err != nil {
			return &OpenError{What: f.dir, Why: "is on a full volume", Hint: "free some space", Err: err}
		}
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return &OpenError{What: f.dir, Why: "cannot be made", Hint: "name another directory with --data", Err: err}
	}
	if f.id == "" {
		f.id = hex.EncodeToString(randomKey()[:16])
		if err := writeFile(filepath.Join(f.dir, idMaking), []byte(f.id+"\n"), os.O_TRUNC); err != nil {
			return notWritable(f.dir, err)
		}
	}
	if err := os.Chmod(f.dir, 0o700); err != nil { //nolint:gosec // 0700 is what a directory needs
		return &OpenError{What: f.dir, Why: "cannot be taken from others", Err: err}
	}
	return makeKey(o.KeyFile)
}

// notWritable is why nothing can be opened in a directory that takes no files.
func notWritable(dir string, err error) *OpenError {
	return &OpenError{
		What: dir,
		Why:  "cannot be written to",
		Hint: "check its owner and mode, and how its volume is mounted",
		Err:  err,
	}
}

// above is the directory itself, or the nearest one above it that exists.
func above(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// makeKey makes a key file unless there is one.
func makeKey(name string) error {
	if name == "" {
		return nil
	}
	return makeKeyOf(name, randomKey())
}

// makeKeyOf makes the file of a key unless there is one.
func makeKeyOf(name string, key []byte) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(name), 0o700)
	if err == nil {
		// Under its name there is a whole key or none, and linking never
		// replaces one.
		part := name + ".new"
		err = writeFile(part, key, os.O_TRUNC)
		if err == nil {
			err = errors.Join(os.Link(part, name), os.Remove(part), syncDir(filepath.Dir(name)))
		}
	}
	if err != nil {
		return &OpenError{What: name, Why: "cannot be made: it is to be the key file", Err: err}
	}
	return nil
}

// readKey reads a key file, which nobody else may be able to read.
func readKey(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, &OpenError{What: name, Why: "cannot be read: it is the key file", Err: err}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &OpenError{
			What: name,
			Why:  fmt.Sprintf("is the key file, and others can read it (mode %v)", info.Mode().Perm()),
			Hint: "chmod 600 it",
		}
	}
	b, err := readRegular(name)
	if err != nil {
		return nil, &OpenError{What: name, Why: "cannot be read: it is the key file", Err: err}
	}
	if len(b) != keySize {
		return nil, &OpenError{What: name, Why: fmt.Sprintf("is not a key file: it has %d bytes, not %d", len(b), keySize)}
	}
	return b, nil
}

// readRegular reads a file that is one. A pipe or a device in its place could
// block for ever.
func readRegular(name string) ([]byte, error) {
	if err := regular(name); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

func regular(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is not a regular file (%v)", info.Mode())
	}
	return err
}

// writeFile writes a file that only its owner can read, and syncs it and its
// directory.
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

// writableDir tries a directory by making a file in it and removing it again.
func writableDir(dir string) error {
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Exists says whether a store was made in a directory. Whether it can be opened
// is not looked at.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, idName))
	return err == nil
}

// Remains says whether a directory holds what is left of a store, or the
// beginning of one that was being restored, without being one.
func Remains(dir string) bool {
	for _, name := range []string{databaseName, restoring} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && !Exists(dir) {
			_, making := os.Lstat(filepath.Join(dir, idMaking))
			return making != nil
		}
	}
	return false
}

// Usable says why a directory neither holds a store nor could hold one, as an
// [OpenError]. It changes nothing.
func Usable(dir, keyFile string) error {
	_, err := look(dir, Options{KeyFile: keyFile})
	return err
}
