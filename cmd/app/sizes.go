package app

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
)

// size returns the size of the store and the free space beside it, in bytes, which is not
// known of a database.
func (a *App) size() (used, free int64, err error) {
	if db, ok := a.shared.(interface{ Size() (int64, error) }); ok {
		used, err = db.Size()
		return used, -1, err
	}
	return sizes(a.Dir)
}

// sizes returns the space that the files of a directory use and the free space of its
// volume, in bytes.
func sizes(dir string) (used, free int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return gone(err)
		}
		i, err := e.Info()
		if err != nil {
			return gone(err)
		}
		if st, ok := i.Sys().(*syscall.Stat_t); ok {
			used += st.Blocks * 512 // less than their length: the database makes sparse files
		}
		return nil
	})
	var st syscall.Statfs_t
	if err == nil {
		err = syscall.Statfs(dir, &st)
	}
	return used, int64(st.Bavail * uint64(st.Bsize)), err
}

// gone ignores that a file was deleted meanwhile, as the database does with old ones.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
