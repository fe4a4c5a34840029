package producttest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Tree describes a directory: for each entry type, permissions, owner and content, and of
// files outside of .certquay their times to the second, so that two of them are equal only if
// nothing differs. Entries whose name begins with one of skip
// are left out.
func Tree(t testing.TB, dir string, skip ...string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, s := range skip {
			if strings.HasPrefix(d.Name(), s) {
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %v %d:%d", name, info.Mode(), owner.Uid, owner.Gid)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			fmt.Fprintf(&b, " -> %s %v", to, err)
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			fmt.Fprintf(&b, " %q %v", data, err)
			if !strings.Contains(path, "/.certquay/") {
				fmt.Fprintf(&b, " %d", info.ModTime().Unix())
			}
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Changed names what differs between two descriptions of [Tree], a line each.
func Changed(before, now string) string {
	var b strings.Builder
	had := strings.Split(before, "\n")
	for _, line := range strings.Split(now, "\n") {
		if n := slices.Index(had, line); n >= 0 {
			had = slices.Delete(had, n, n+1)
			continue
		}
		fmt.Fprintf(&b, "\n+ %.300s", line)
	}
	for _, line := range had {
		fmt.Fprintf(&b, "\n- %.300s", line)
	}
	return b.String()
}
