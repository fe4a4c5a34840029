package http01

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// server shows tokens by a listener of its own.
type server struct{ *challenge.Listener }

func newServer(address string) *server {
	s := &server{}
	s.Listener = challenge.NewListener(address, func(ln net.Listener) func() error {
		h := &http.Server{Handler: s, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
		go func() { _ = h.Serve(ln) }() // ends by Close
		return h.Close
	})
	return s
}

func (s *server) put(ctx context.Context, p challenge.Proof) error { return s.Add(ctx, p.Token, p) }

func (s *server) remove(_ context.Context, p challenge.Proof) error {
	return s.Remove(func(token string, _ challenge.Proof) bool { return token == p.Token })
}

func (s *server) drop(order string) {
	_ = s.Remove(func(_ string, p challenge.Proof) bool { return p.Order == order }) // a closed port is what is wanted
}

// ServeHTTP answers with the key authorization of a known token, and 404 for the rest.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, below := strings.CutPrefix(r.URL.Path, wellKnown)
	p, known := s.Proof(token)
	if !below || !known || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.WriteString(w, p.KeyAuthorization) // who asked has gone otherwise
}

// webRoot shows tokens as files that another program serves. Links that lead out of
// the directory are not followed.
type webRoot struct{ dir string }

func (w *webRoot) put(_ context.Context, p challenge.Proof) (err error) {
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return model.Fail("challenge.root", "dir", w.dir, "cause", err).Wrapping(err)
	}
	defer func() { _ = root.Close() }()
	defer func() {
		if err != nil {
			err = model.Fail("challenge.root.write", "dir", w.dir, "cause", err).Wrapping(err)
		}
	}()
	if err := w.mkdir(root); err != nil {
		return err
	}
	name := strings.TrimPrefix(wellKnown, "/") + p.Token
	part := name + ".part" // no token has a dot
	f, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(p.KeyAuthorization)
	// The web server is another user, whatever the umask of this program is.
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		_ = root.Remove(part)
	}
	return err
}

// mkdir makes the directory for tokens where it is missing.
func (w *webRoot) mkdir(root *os.Root) error {
	for _, dir := range []string{".well-known", ".well-known/acme-challenge"} {
		switch err := root.Mkdir(dir, 0o755); {
		case err == nil:
			if err := root.Chmod(dir, 0o755); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrExist):
			return err
		}
	}
	return nil
}

func (w *webRoot) remove(_ context.Context, p challenge.Proof) error {
	root, err := os.OpenRoot(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return model.Fail("challenge.root", "dir", w.dir, "cause", err).Wrapping(err)
	}
	defer func() { _ = root.Close() }()
	if err := root.Remove(strings.TrimPrefix(wellKnown, "/") + p.Token); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return model.Fail("challenge.root.write", "dir", w.dir, "cause", err).Wrapping(err)
	}
	return nil
}

func (w *webRoot) drop(string) {}
