package http01

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// hostRoot shows tokens as files of another host, which a web server there serves. Each is
// written and removed by a connection of its own: proofs are rare, and what opens it reads
// its key when that is needed.
type hostRoot struct {
	dir  string
	open func() (runner.Runner, error)
}

// on does something on the host with the path of a token.
func (h *hostRoot) on(p challenge.Proof, do func(r runner.Runner, file string) error) error {
	r, err := h.open()
	if err != nil {
		return err
	}
	err = do(r, path.Join(h.dir, wellKnown, p.Token))
	if err != nil {
		err = model.Fail("challenge.root.host", "dir", h.dir, "host", r.Name(), "cause", err).Wrapping(err)
	}
	return errors.Join(err, r.Close())
}

func (h *hostRoot) put(ctx context.Context, p challenge.Proof) error {
	return h.on(p, func(r runner.Runner, file string) error {
		// A directory that is missing is misspelt, and no web server shows it.
		if info, err := r.Stat(ctx, h.dir); err != nil {
			return err
		} else if !info.Mode.IsDir() {
			return model.Fail("challenge.root.no-dir", "path", h.dir)
		}
		for _, dir := range []string{path.Dir(path.Dir(file)), path.Dir(file)} { // below it links may lead anywhere
			if info, err := r.Lstat(ctx, dir); err == nil && !info.Mode.IsDir() {
				return model.Fail("challenge.root.no-dir", "path", dir)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := r.MkdirAll(ctx, path.Dir(file), runner.Attributes{Mode: 0o755}); err != nil {
			return err
		}
		return r.WriteFile(ctx, file, []byte(p.KeyAuthorization), runner.Attributes{Mode: 0o644}) // the web server is another user
	})
}

func (h *hostRoot) remove(ctx context.Context, p challenge.Proof) error {
	return h.on(p, func(r runner.Runner, file string) error {
		if err := r.Remove(ctx, file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

func (h *hostRoot) drop(string) {}
