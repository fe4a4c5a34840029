package http01_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/http01"
	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
)

// A file is written and removed below the web root of another host, by SSH, and outlives
// the process. What cannot be used there is named with the host. spec: C4
func TestAFileBelowTheWebRootOfAHost(t *testing.T) {
	t.Parallel()
	far := runnertest.SSHD(t, runnertest.Options{})
	dir := t.TempDir()
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	open := func() (runner.Runner, error) {
		all, err := runner.Open(far.Settings())
		if err != nil {
			return nil, err
		}
		return all[0], nil
	}
	at := func(root string) *http01.Solver {
		return http01.New(http01.Options{Root: root, Host: open, Dial: to(web.Listener.Addr().String())})
	}
	ctx, s := t.Context(), at(dir)
	if !s.Lasts() {
		t.Error("it is said to end with the process")
	}
	for range 2 {
		if err := s.Present(ctx, proof); err != nil {
			t.Fatal(err)
		}
	}
	if ok, missing, err := s.Seen(ctx, proof); !ok || err != nil {
		t.Errorf("%v %v", missing, err)
	}
	folder := filepath.Join(dir, ".well-known", "acme-challenge")
	if st, err := os.Stat(filepath.Join(folder, proof.Token)); err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", st, err)
	}
	for range 2 {
		if err := s.CleanUp(ctx, proof); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
	missing := filepath.Join(dir, "none")
	if err := at(missing).Present(ctx, proof); codeOf(err) != "challenge.root.host" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a misspelt directory was made: %v", err)
	}
	elsewhere := t.TempDir()
	if err := errors.Join(os.RemoveAll(folder), os.Symlink(elsewhere, folder)); err != nil {
		t.Fatal(err)
	}
	if err := s.Present(ctx, proof); codeOf(err) != "challenge.root.host" {
		t.Errorf("%v", err)
	}
	if there, err := os.ReadDir(elsewhere); err != nil || len(there) > 0 {
		t.Errorf("a link was followed: %v %v", there, err)
	}
	far.Stop(t)
	var left *challenge.LeftError
	if err := s.CleanUp(ctx, proof); !errors.As(err, &left) || left.Proof != proof || !errors.Is(err, runner.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}
