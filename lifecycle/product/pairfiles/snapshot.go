package pairfiles

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"

	"certquay/lifecycle/runner"
	"certquay/model"
)

// entryKind is what a named path was.
type entryKind string

const (
	wasFile   entryKind = "file"
	wasLink   entryKind = "link"
	wasAbsent entryKind = "absent"
	wasOurs   entryKind = "ours" // a link of certquay's
)

// entry is what a named path was before certquay replaced it.
type entry struct {
	Path string      `json:"path"`
	Kind entryKind   `json:"kind"`
	Link string      `json:"link,omitempty"`
	Mode fs.FileMode `json:"mode,omitempty"` // permissions
	UID  int         `json:"uid,omitempty"`
	GID  int         `json:"gid,omitempty"`
	// Changed is when a file was last changed, in seconds since 1970.
	Changed int64 `json:"changed,omitempty"`
}

// convert makes links of the named files that are none, and returns the directory that
// current leads to then: one that holds what they held, if there were any.
func (s *Set) convert(ctx context.Context) (at string, err error) {
	foreign, err := s.foreign(ctx)
	if err != nil {
		return "", err
	}
	if at, err = s.readlink(ctx, s.in(current)); err != nil || len(foreign) == 0 {
		return at, err
	}
	snapshot, known := at, []entry(nil)
	if known, err = s.manifest(ctx, at); err != nil {
		return "", err
	}
	if known == nil { // not an interrupted conversion
		if snapshot, err = s.newSnapshot(ctx, at == "" && len(foreign) == len(s.Files)); err != nil {
			return "", err
		}
	}
	if err := s.save(ctx, snapshot, known, foreign); err != nil {
		return "", err
	}
	if at != snapshot {
		if err := s.Host.Symlink(ctx, snapshot, s.in(current)); err != nil {
			return "", err
		}
	}
	for _, n := range foreign {
		if err := s.Host.Symlink(ctx, s.link(n), s.Files[n].Path); err != nil {
			return "", err
		}
	}
	return snapshot, nil
}

// newSnapshot returns the directory for what the named files hold. first means that
// nothing of certquay's is presented.
func (s *Set) newSnapshot(ctx context.Context, first bool) (string, error) {
	was, err := s.manifest(ctx, original)
	if err != nil || was == nil || first {
		return original, err
	}
	return found, s.removeTree(ctx, s.in(found))
}

// save writes the directory that holds what the named files hold. Those that are links of
// certquay's are as an interrupted call recorded them, or hold what is presented.
func (s *Set) save(ctx context.Context, snapshot string, known []entry, foreign []int) error {
	if err := s.mkdir(ctx, snapshot); err != nil {
		return err
	}
	entries := make([]entry, len(s.Files))
	for n, f := range s.Files {
		if !slices.Contains(foreign, n) && known != nil {
			entries[n] = known[n]
			continue
		}
		e, err := s.describe(ctx, f.Path)
		if err != nil {
			return err
		}
		if !slices.Contains(foreign, n) {
			e = entry{Path: f.Path, Kind: wasOurs}
		}
		entries[n] = e
		data, err := s.Host.ReadFile(ctx, f.Path, maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			if err := s.Host.Remove(ctx, s.in(snapshot, s.slot(n))); err != nil {
				return err
			}
			continue // the link leads nowhere until the pair is swapped in, as the path does
		}
		if err != nil {
			return err
		}
		a, err := s.attributes(ctx, f)
		if err != nil {
			return err
		}
		if err := s.Host.WriteFile(ctx, s.in(snapshot, s.slot(n)), data, a); err != nil {
			return err
		}
	}
	data, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return s.Host.WriteFile(ctx, s.in(snapshot, manifest), data, runner.Attributes{Mode: 0o600})
}

func (s *Set) describe(ctx context.Context, name string) (entry, error) {
	info, err := s.Host.Lstat(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return entry{Path: name, Kind: wasAbsent}, nil
	case err != nil:
		return entry{}, err
	case info.Mode&fs.ModeSymlink != 0:
		to, err := s.Host.Readlink(ctx, name)
		return entry{Path: name, Kind: wasLink, Link: to}, err
	case !info.Mode.IsRegular():
		return entry{}, model.Fail("runner.no-file", "path", name)
	}
	return entry{Path: name, Kind: wasFile, Mode: info.Mode.Perm(), UID: info.UID, GID: info.GID, Changed: info.ModTime.Unix()}, nil
}

// manifest reads what the named files were, in their order; nil if the directory holds a
// pair of certquay's or is not there.
func (s *Set) manifest(ctx context.Context, name string) ([]entry, error) {
	if name != original && name != found {
		return nil, nil
	}
	data, err := s.read(ctx, s.in(name, manifest))
	if err != nil || data == nil {
		return nil, err
	}
	var entries []entry
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, model.Fail("pair-files.manifest", "path", s.in(name, manifest), "cause", err)
	}
	if !slices.EqualFunc(entries, s.Files, func(e entry, f File) bool { return e.Path == f.Path }) {
		return nil, model.Fail("pair-files.manifest", "path", s.in(name, manifest), "cause", model.Say("pair-files.other-paths"))
	}
	return entries, nil
}

// putBack makes the named files that are links of certquay's what they were.
func (s *Set) putBack(ctx context.Context, snapshot string, entries []entry) error {
	for n, e := range entries {
		if to, err := s.readlink(ctx, e.Path); err != nil {
			return err
		} else if to != s.link(n) || e.Kind == wasOurs {
			continue
		}
		var err error
		switch e.Kind {
		case wasFile:
			var data []byte
			if data, err = s.Host.ReadFile(ctx, s.in(snapshot, s.slot(n)), maxFile); err == nil {
				a := runner.Attributes{Mode: e.Mode, Owner: &runner.Owner{UID: e.UID, GID: e.GID}}
				if e.Changed != 0 {
					a.ModTime = time.Unix(e.Changed, 0)
				}
				err = s.Host.WriteFile(ctx, e.Path, data, a)
			}
		case wasLink:
			err = s.Host.Symlink(ctx, e.Link, e.Path)
		case wasAbsent:
			err = s.Host.Remove(ctx, e.Path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
