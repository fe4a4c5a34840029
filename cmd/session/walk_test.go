package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestAWalkFollowsLinksAndEnds walks a directory with links to itself, to a file twice,
// to nowhere and outside, deeper than allowed, and with too many files. spec: Q6
func TestAWalkFollowsLinksAndEnds(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put := func(path string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(dir, "a", "one.pem"))
	put(filepath.Join(outside, "two.pem"))
	deep := dir
	for range MaxWalkDepth + 5 {
		deep = filepath.Join(deep, "d")
	}
	put(filepath.Join(deep, "three.pem"))
	for link, to := range map[string]string{
		"loop": ".", "a/up": "..", "again.pem": "a/one.pem", "nowhere": "missing", "self": "self", "out": outside,
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	var s Session
	files{}.bind(&s)
	found, err := s.Walk(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		name, _ := filepath.Rel(dir, f.Path)
		if code := f.Why.Code(); code != "" {
			name += " " + code
		}
		got = append(got, name)
	}
	tooDeep, _ := filepath.Rel(dir, filepath.Join(dir, filepath.Join(slices.Repeat([]string{"d"}, MaxWalkDepth+1)...)))
	want := []string{"a/one.pem", tooDeep + " path.deep", "nowhere path.dangling", "out/two.pem", "self path.dangling"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	for n := range MaxWalkFiles {
		put(filepath.Join(outside, fmt.Sprint(n)))
	}
	if _, err := s.Walk(t.Context(), dir); !errors.Is(err, ErrTooManyFiles) {
		t.Errorf("too many files: %v", err)
	}
	var remote Session
	noFiles{}.bind(&remote)
	if _, err := remote.Walk(t.Context(), dir); !errors.Is(err, ErrNoPath) || remote.IsDir(dir) || remote.Exists(dir) {
		t.Errorf("over SSH: %v", err)
	}
}
