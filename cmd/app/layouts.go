package app

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	uiapp "certquay/ui/app"
)

// Layouts keeps how each person has arranged the lists of the dashboard, for all sessions
// of this process. It is a file of the user who owns the store, lists.json in the state
// directory, by the names of people: not the store, because it is no part of what certquay
// manages, so that --read-only keeps it too and backups do not have it. The zero value
// keeps nothing. It is safe for concurrent use.
type Layouts struct {
	path string
	mu   sync.Mutex
}

// maxLayouts is how large the file may be, in bytes.
const maxLayouts = 1 << 20

// layoutsIn returns the layouts kept in a state directory; "" keeps nothing.
func layoutsIn(dir string) *Layouts {
	if dir == "" {
		return &Layouts{}
	}
	return &Layouts{path: filepath.Join(dir, "lists.json")}
}

// Of returns the layouts of a person, by the names of lists. A file that is missing or
// damaged has none.
func (k *Layouts) Of(person string) map[string]uiapp.ListLayout {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.read()[person]
}

func (k *Layouts) read() map[string]map[string]uiapp.ListLayout {
	all := map[string]map[string]uiapp.ListLayout{}
	if k.path == "" {
		return all
	}
	b, err := os.ReadFile(k.path)
	if err != nil || len(b) > maxLayouts || json.Unmarshal(b, &all) != nil || all == nil {
		return map[string]map[string]uiapp.ListLayout{}
	}
	return all
}

// Save keeps the layout of one list of a person. The file is replaced as a whole, so that
// a process that dies leaves the old one or the new one.
func (k *Layouts) Save(person, list string, l uiapp.ListLayout) error {
	if k.path == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	all := k.read()
	if all[person] == nil {
		all[person] = map[string]uiapp.ListLayout{}
	}
	all[person][list] = l
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if len(b) > maxLayouts {
		return &fs.PathError{Op: "write", Path: k.path, Err: syscall.EFBIG}
	}
	f, err := os.CreateTemp(filepath.Dir(k.path), ".lists-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), k.path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
