package discover

import (
	"context"
	"io/fs"
	"path"
	"slices"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Bounds of the reading of one host.
const (
	maxEntries = 50_000   // of folders
	maxBytes   = 64 << 20 // of files
	maxDepth   = 8        // of folders below an argument
	maxFile    = bundle.MaxBytes
)

// tree reads folders and files of a host within bounds. What is beyond them is an error or
// missing; full says that something is.
type tree struct {
	ctx     context.Context
	host    runner.Runner
	entries int
	bytes   int64
	full    bool
}

func newTree(ctx context.Context, host runner.Runner) *tree {
	return &tree{ctx: ctx, host: host, entries: maxEntries, bytes: maxBytes}
}

// dir lists a folder; nothing if it cannot be read.
func (t *tree) dir(name string) []runner.FileInfo {
	if t.entries <= 0 {
		t.full = true
		return nil
	}
	all, err := t.host.ReadDir(t.ctx, name)
	if err != nil {
		return nil
	}
	if len(all) > t.entries {
		all, t.full = all[:t.entries], true
	}
	t.entries -= len(all)
	return all
}

// folders are the names of the folders in a folder, of which links are none.
func (t *tree) folders(name string) (names []string) {
	for _, e := range t.dir(name) {
		if e.Mode.IsDir() {
			names = append(names, e.Name)
		}
	}
	return names
}

// hasFile reports whether a file is there.
func (t *tree) hasFile(elements ...string) bool {
	info, err := t.host.Stat(t.ctx, path.Join(elements...))
	return err == nil && info.Mode.IsRegular()
}

// read returns the content of a regular file, also behind links.
func (t *tree) read(name string) ([]byte, error) {
	info, err := t.host.Stat(t.ctx, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode.IsRegular():
		return nil, model.Fail("runner.no-file", "path", name)
	case info.Size > maxFile:
		return nil, model.Fail("runner.too-long", "path", name, "limit", maxFile)
	case info.Size > t.bytes:
		t.full = true
		return nil, model.Fail("discover.full", "path", name)
	}
	data, err := t.host.ReadFile(t.ctx, name, maxFile)
	t.bytes -= int64(len(data))
	return data, err
}

// listing are the entries of a folder.
type listing []runner.FileInfo

// folder reports whether there is a folder of a name, or a link that may lead to one.
func (l listing) folder(name string) bool {
	return slices.ContainsFunc(l, func(e runner.FileInfo) bool {
		return e.Name == name && (e.Mode.IsDir() || e.Mode&fs.ModeSymlink != 0)
	})
}

// file reports whether there is a file of a name, or a link that may lead to one.
func (l listing) file(name string) bool {
	return slices.ContainsFunc(l, func(e runner.FileInfo) bool {
		return e.Name == name && (e.Mode.IsRegular() || e.Mode&fs.ModeSymlink != 0)
	})
}

// walk calls visit for each folder from root on, which returns false to leave out what is in
// it, and file for each regular file, or link, in the folders that visit accepted. Links to
// folders are not followed.
func (t *tree) walk(root string, visit func(string, listing) bool, file func(string)) {
	t.descend(root, 0, visit, file)
}

func (t *tree) descend(name string, depth int, visit func(string, listing) bool, file func(string)) {
	if t.ctx.Err() != nil {
		return
	}
	entries := listing(t.dir(name))
	if !visit(name, entries) {
		return
	}
	for _, e := range entries {
		switch below := path.Join(name, e.Name); {
		case e.Mode.IsDir() && depth < maxDepth:
			t.descend(below, depth+1, visit, file)
		case e.Mode.IsDir():
			t.full = true
		case e.Mode.IsRegular(), e.Mode&fs.ModeSymlink != 0:
			file(below)
		}
	}
}
