package session

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"certquay/model"
)

// Limits of [Session.Walk].
const (
	MaxWalkFiles = 10_000 // in all directories together, of any kind
	MaxWalkDepth = 32     // of directories in directories
)

// Found is a file that a walk has found.
type Found struct {
	Path string // as the caller would name it
	// Why it cannot be read: a pipe, a device, a link that leads nowhere, a directory
	// without permission. "" for a regular file.
	Why model.Text
}

// ErrTooManyFiles is returned, wrapped, by a walk that finds more than [MaxWalkFiles].
var ErrTooManyFiles = errors.New("too many files")

// walker lists files, each once, whatever links lead to it.
type walker struct {
	ctx  context.Context
	seen map[fileID]bool
	all  []Found
}

// fileID identifies a file or directory on this machine.
type fileID struct{ dev, ino uint64 }

// walk lists the files in a directory and below, in the order of their names. It follows
// symbolic links, visits each directory and file once, so that a loop of links ends, and
// opens no file: a pipe or a device is only named. path is what the caller calls the
// directory, and real what this process does.
func walk(ctx context.Context, path, real string) ([]Found, error) {
	w := walker{ctx: ctx, seen: map[fileID]bool{}}
	err := w.visit(path, real, 0)
	return w.all, err
}

func (w *walker) visit(path, real string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	st, err := os.Stat(real)
	if err != nil {
		return w.add(path, unreadable(err))
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		id := fileID{uint64(sys.Dev), sys.Ino} //nolint:unconvert // the type of Dev differs between systems
		if w.seen[id] {
			return nil
		}
		w.seen[id] = true
	}
	switch {
	case !st.IsDir():
		return w.add(path, kindOf(st.Mode()))
	case depth > MaxWalkDepth:
		return w.add(path, model.Say("path.deep", "most", MaxWalkDepth))
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return w.add(path, unreadable(err))
	}
	for _, e := range entries {
		if err := w.visit(filepath.Join(path, e.Name()), filepath.Join(real, e.Name()), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) add(path string, why model.Text) error {
	if len(w.all) == MaxWalkFiles {
		return model.Fail("path.too-many", "most", MaxWalkFiles).Wrapping(ErrTooManyFiles)
	}
	w.all = append(w.all, Found{path, why})
	return nil
}

// unreadable says why a path cannot be looked at.
func unreadable(err error) model.Text {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP):
		return model.Say("path.dangling")
	case errors.Is(err, fs.ErrPermission):
		return model.Say("path.not-permitted")
	}
	return model.TextOf(err)
}

// kindOf says what a file is that is not a regular one; "" for a regular one.
func kindOf(m fs.FileMode) model.Text {
	switch {
	case m.IsRegular():
		return ""
	case m.IsDir():
		return model.Say("path.directory")
	case m&fs.ModeNamedPipe != 0:
		return model.Say("path.pipe")
	case m&fs.ModeSocket != 0:
		return model.Say("path.socket")
	case m&fs.ModeDevice != 0:
		return model.Say("path.device")
	}
	return model.Say("path.other")
}

// maxCompleted is how many paths are offered to complete one.
const maxCompleted = 100

// completePath returns the paths that begin with what was typed, directories with a
// slash at the end. resolve converts a path of the caller's to one of this process.
func completePath(typed string, resolve func(string) (string, error)) (paths []string) {
	dir, begun := filepath.Split(typed)
	real, err := resolve(cmp.Or(dir, "."))
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), begun) || begun == "" && e.Name()[0] == '.' {
			continue
		}
		path := dir + e.Name()
		if st, err := os.Stat(filepath.Join(real, e.Name())); err == nil && st.IsDir() {
			path += "/"
		}
		if paths = append(paths, path); len(paths) == maxCompleted {
			break
		}
	}
	return paths
}
