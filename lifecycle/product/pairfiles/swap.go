package pairfiles

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Put makes the files hold a pair, makes the server load it, and keeps what was there for
// Restore. It reports whether anything was changed: a pair that is there already is left
// alone. After an error Restore puts back whatever was changed.
func (s *Set) Put(ctx context.Context, pair ports.KeyPair, server Server) (changed bool, err error) {
	name, there, err := s.version(ctx, pair)
	if err != nil {
		return false, err
	}
	waiting, err := s.readlink(ctx, s.in(pending))
	if err != nil || there && waiting == "" {
		return false, err
	}
	if !there {
		if err := s.swap(ctx, name, pair, waiting); err != nil {
			return true, err
		}
	}
	if err := s.load(ctx, server); err != nil {
		return true, err
	}
	return true, s.Host.Remove(ctx, s.in(pending))
}

// swap makes a directory current, and the former one previous.
func (s *Set) swap(ctx context.Context, name string, pair ports.KeyPair, waiting string) error {
	at, err := s.readlink(ctx, s.in(current))
	if err != nil {
		return err
	}
	if at != name {
		if err := s.write(ctx, name, pair); err != nil {
			return err
		}
	}
	if waiting == "" {
		if err := s.Host.Symlink(ctx, untold, s.in(pending)); err != nil {
			return err
		}
	}
	if at, err = s.convert(ctx); err != nil || at == name {
		return err
	}
	if err := s.Host.Symlink(ctx, at, s.in(previous)); err != nil {
		return err
	}
	return s.Host.Symlink(ctx, name, s.in(current))
}

// write writes the directory of a pair.
func (s *Set) write(ctx context.Context, name string, pair ports.KeyPair) error {
	content, err := s.content(pair, true)
	if err != nil {
		return err
	}
	if err := s.mkdir(ctx, name); err != nil {
		return err
	}
	for n, f := range s.Files {
		a, err := s.attributes(ctx, f)
		if err != nil {
			return err
		}
		if err := s.Host.WriteFile(ctx, s.in(name, s.slot(n)), content[s.slot(n)], a); err != nil {
			return err
		}
		delete(content, s.slot(n))
	}
	for slot, data := range content { // the certificates beside a key store
		if err := s.Host.WriteFile(ctx, s.in(name, slot), data, runner.Attributes{Mode: 0o644}); err != nil {
			return err
		}
	}
	return nil
}

// Directories can be passed through: a server that gives up its rights may read the
// certificates. Keys are protected by their own permissions.
func (s *Set) mkdir(ctx context.Context, name string) error {
	return s.Host.MkdirAll(ctx, s.in(name), runner.Attributes{Mode: 0o755})
}

// attributes are those of the file that is replaced. A key is never wider than it was, and
// only for its owner and, if that was so, readable by its group.
func (s *Set) attributes(ctx context.Context, f File) (runner.Attributes, error) {
	info, err := s.Host.Stat(ctx, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if f.Part.secret() {
			return runner.Attributes{Mode: 0o600}, nil
		}
		return runner.Attributes{Mode: 0o644}, nil
	}
	if err != nil {
		return runner.Attributes{}, err
	}
	if !info.Mode.IsRegular() {
		return runner.Attributes{}, model.Fail("runner.no-file", "path", f.Path)
	}
	a := runner.Attributes{Mode: info.Mode.Perm(), Owner: &runner.Owner{UID: info.UID, GID: info.GID}}
	if f.Part.secret() {
		a.Mode &= 0o640
	}
	return a, nil
}

// Restore puts back what the last Put replaced, unless it was committed, and makes the
// server load that, if it was told of the pair. What somebody else put at a named path
// meanwhile is left.
func (s *Set) Restore(ctx context.Context, server Server) error {
	at, err := s.readlink(ctx, s.in(current))
	if err != nil {
		return err
	}
	to, err := s.readlink(ctx, s.in(previous))
	if err != nil {
		return err
	}
	waiting, err := s.readlink(ctx, s.in(pending))
	if err != nil {
		return err
	}
	if waiting == "" && to != "" { // Put was done
		waiting = told
		if err := s.Host.Symlink(ctx, told, s.in(pending)); err != nil {
			return err
		}
	}
	if to == "" {
		to = at // a Put that was interrupted before it swapped
	}
	if to != at {
		if err := s.Host.Symlink(ctx, to, s.in(current)); err != nil {
			return err
		}
	}
	entries, err := s.manifest(ctx, to)
	if err != nil {
		return err
	}
	if err := s.putBack(ctx, to, entries); err != nil {
		return err
	}
	if waiting == told {
		if err := s.load(ctx, server); err != nil {
			return err
		}
	}
	return s.tidy(ctx, to)
}

// tidy removes what is not needed once nothing is to be rolled back: all, if nothing of
// certquay's is presented.
func (s *Set) tidy(ctx context.Context, at string) error {
	if at == "" || at == original {
		foreign, err := s.foreign(ctx)
		if err != nil {
			return err
		}
		if len(foreign) == len(s.Files) {
			return s.forget(ctx)
		}
		if at == "" {
			return nil // somebody removed current, and may put it back
		}
	}
	return s.settle(ctx, at)
}

// settle removes what a rollback would need.
func (s *Set) settle(ctx context.Context, at string) error {
	// pending last: without it and with previous, Restore would begin again.
	for _, name := range []string{previous, pending} {
		if err := s.Host.Remove(ctx, s.in(name)); err != nil {
			return err
		}
	}
	return s.prune(ctx, at)
}

// Commit removes what Restore would have put back, and pairs that were presented before.
// What was there before certquay stays, for Undeploy.
func (s *Set) Commit(ctx context.Context) error {
	at, err := s.readlink(ctx, s.in(current))
	if err != nil || at == "" {
		return err
	}
	if entries, err := s.manifest(ctx, at); err != nil || entries != nil {
		return err // nothing was put there
	}
	return s.settle(ctx, at)
}

// Undeploy makes the named files what they were before certquay, and the server load them.
// If it would not, the pair is put back and its error returned. Without a pair of
// certquay's the error wraps [ports.ErrNoResource].
func (s *Set) Undeploy(ctx context.Context, server Server) error {
	entries, err := s.manifest(ctx, original)
	if err != nil {
		return err
	}
	at, err := s.readlink(ctx, s.in(current))
	if err != nil {
		return err
	}
	if entries == nil {
		if at == "" { // as an Undeploy leaves it that was killed at its end
			if err := s.tidy(ctx, at); err != nil {
				return err
			}
		}
		return model.Fail("pair-files.not-deployed", "path", s.Files[0].Path).Wrapping(ports.ErrNoResource)
	}
	if at != original && at != "" {
		if err := s.Host.Symlink(ctx, at, s.in(previous)); err != nil {
			return err
		}
		if err := s.Host.Symlink(ctx, original, s.in(current)); err != nil {
			return err
		}
	}
	if err := s.putBack(ctx, original, entries); err != nil {
		return err
	}
	if err := server.Test(ctx); err != nil {
		return errors.Join(err, s.redo(context.WithoutCancel(ctx)))
	}
	if err := server.Load(ctx); err != nil {
		return err // it may have loaded them or not: repeating settles it
	}
	return s.forget(ctx)
}

// redo makes the pair of an Undeploy that the server refused current again.
func (s *Set) redo(ctx context.Context) error {
	was, err := s.readlink(ctx, s.in(previous))
	if err != nil || was == "" {
		return err
	}
	if _, err := s.convert(ctx); err != nil {
		return err
	}
	if err := s.Host.Symlink(ctx, was, s.in(current)); err != nil {
		return err
	}
	return s.Host.Remove(ctx, s.in(previous))
}

// forget removes the directory of the set, what says that there was one last.
func (s *Set) forget(ctx context.Context) error {
	for _, name := range []string{current, previous, pending} {
		if err := s.Host.Remove(ctx, s.in(name)); err != nil {
			return err
		}
	}
	if err := s.prune(ctx, original); err != nil {
		return err
	}
	if err := s.removeTree(ctx, s.Dir()); err != nil {
		return err
	}
	if s.Base == "" {
		// It is shared with the sets beside this one: who comes last removes it.
		if rest, err := s.Host.ReadDir(ctx, path.Dir(s.Dir())); err == nil && len(rest) == 0 {
			return s.Host.Remove(ctx, path.Dir(s.Dir()))
		}
	}
	return nil
}

// prune removes the directories that neither hold what is presented nor what was there
// before certquay.
func (s *Set) prune(ctx context.Context, keep string) error {
	all, err := s.Host.ReadDir(ctx, s.Dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range all {
		if e.Name == keep || e.Name == original || e.Name == current || e.Name == previous || e.Name == pending {
			continue
		}
		if err := s.removeTree(ctx, s.in(e.Name)); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a directory with what is in it, a manifest last.
func (s *Set) removeTree(ctx context.Context, name string) error {
	info, err := s.Host.Lstat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode.IsDir() {
		all, err := s.Host.ReadDir(ctx, name)
		if err != nil {
			return err
		}
		last := func(e runner.FileInfo) bool { return e.Name == manifest }
		if n := slices.IndexFunc(all, last); n >= 0 {
			all = append(slices.Delete(slices.Clone(all), n, n+1), all[n])
		}
		for _, e := range all {
			if err := s.removeTree(ctx, path.Join(name, e.Name)); err != nil {
				return err
			}
		}
	}
	return s.Host.Remove(ctx, name)
}
