package runnertest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/runner"
)

// Suite is what every runner does alike. The runner handles the files of this machine, with
// the rights of the test.
func Suite(t *testing.T, r runner.Runner) {
	for name, test := range map[string]func(*testing.T, runner.Runner){
		"files are written as a whole":     files,
		"names are what they are":          names,
		"links are replaced, not followed": links,
		"what is missing":                  missing,
		"what cannot be":                   impossible,
		"directories are listed":           directories,
		"directories are made":             mkdirAll,
		"renaming and removing":            renaming,
		"left temporary files are removed": abandoned,
		"commands":                         commands,
		"programs that are none":           programs,
		"commands are killed":              killed,
		"daemons hold nothing up":          daemons,
		"many at once":                     many,
		"connections from the host":        dialling,
	} {
		t.Run(name, func(t *testing.T) { test(t, r) })
	}
}

// odd are names that a shell, a list of files or an option parser may take for something else.
var odd = []string{
	"plain", "two words", "-rf", "a'b", `a"b`, "$(touch pwned)", "`id`", "a\\b", "line\nbreak", "a*", "ünïcode", "!x", ";#&|<>",
	" lead", "trail ", ".hidden", "..odd", "%s %n", "back\\\\", "tab\tname", "{a,b}", "~root", "[x]",
}

func files(t *testing.T, r runner.Runner) {
	path := filepath.Join(shortDir(t), "file")
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for n, content := range [][]byte{[]byte("first\n"), nil, {0, 1, 2, 255, '\r', '\n', 0}, big, []byte("end")} {
		mode := []fs.FileMode{0o666, 0o600, 0o640, 0o777, 0o444}[n]
		ok(t, r.WriteFile(t.Context(), path, content, runner.Attributes{Mode: mode}))
		got, err := r.ReadFile(t.Context(), path, 2<<20)
		ok(t, err)
		if !bytes.Equal(got, content) {
			t.Errorf("%d: %d bytes were written, %d read", n, len(content), len(got))
		}
		info, err := r.Stat(t.Context(), path)
		ok(t, err)
		if info.Mode != mode || info.Size != int64(len(content)) || info.Name != "file" || info.UID != os.Getuid() ||
			info.GID != os.Getgid() || time.Since(info.ModTime).Abs() > time.Minute {
			t.Errorf("%d: %+v, not %v", n, info, mode)
		}
	}
	alone(t, path)
	if _, err := r.ReadFile(t.Context(), path, 2); err == nil {
		t.Error("a file that is too long was read")
	}
	if got, err := r.ReadFile(t.Context(), path, 3); err != nil || string(got) != "end" {
		t.Errorf("a file of just the limit: %q, %v", got, err)
	}
	once := time.Unix(1234567890, 0)
	ok(t, r.WriteFile(t.Context(), path, []byte("old"), runner.Attributes{Mode: 0o600, ModTime: once}))
	if info, err := r.Stat(t.Context(), path); err != nil || !info.ModTime.Equal(once) {
		t.Errorf("%+v, %v", info, err)
	}
	if os.Getuid() == 0 {
		owner := runner.Attributes{Mode: 0o640, Owner: &runner.Owner{UID: 12, GID: 34}}
		ok(t, r.WriteFile(t.Context(), path, []byte("x"), owner))
		if info, err := r.Stat(t.Context(), path); err != nil || info.UID != 12 || info.GID != 34 || info.Mode != 0o640 {
			t.Errorf("%+v, %v", info, err)
		}
	}
}

func names(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	for _, name := range odd {
		path := filepath.Join(dir, name)
		ok(t, r.WriteFile(t.Context(), path, []byte(name), runner.Attributes{Mode: 0o644}))
		if got, err := os.ReadFile(path); err != nil || string(got) != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
		if got, err := r.ReadFile(t.Context(), path, 100); err != nil || string(got) != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
		ok(t, r.Symlink(t.Context(), name, path+"-link"))
		if got, err := r.Readlink(t.Context(), path+"-link"); err != nil || got != name {
			t.Errorf("link to %q: %q, %v", name, got, err)
		}
		ok(t, r.Remove(t.Context(), path+"-link"))
	}
	list, err := r.ReadDir(t.Context(), dir)
	ok(t, err)
	entries, err := os.ReadDir(dir)
	ok(t, err)
	if len(list) != len(odd) || len(list) != len(entries) {
		t.Fatalf("%d entries of %d: %+v", len(list), len(odd), list)
	}
	for n, e := range entries {
		if list[n].Name != e.Name() || list[n].Size != int64(len(e.Name())) {
			t.Errorf("%q is listed as %+v", e.Name(), list[n])
		}
		ok(t, r.Remove(t.Context(), filepath.Join(dir, e.Name())))
	}
	if list, err = r.ReadDir(t.Context(), dir); err != nil || len(list) != 0 {
		t.Errorf("an empty directory has %+v, %v", list, err)
	}
}

func links(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	old, link, folder := filepath.Join(dir, "old"), filepath.Join(dir, "link"), filepath.Join(dir, "folder")
	ok(t, os.WriteFile(old, []byte("old"), 0o600))
	ok(t, os.Mkdir(folder, 0o755))
	for _, target := range []string{"old", folder, "nowhere"} {
		ok(t, r.Symlink(t.Context(), target, link))
		if info, err := r.Lstat(t.Context(), link); err != nil || info.Mode&fs.ModeSymlink == 0 {
			t.Errorf("%+v, %v", info, err)
		}
		info, err := r.Stat(t.Context(), link)
		if target == "nowhere" {
			is(t, err, fs.ErrNotExist)
		} else if err != nil || info.Mode&fs.ModeSymlink != 0 || info.Mode.IsDir() != (target == folder) || info.Name != "link" {
			t.Errorf("%s: %+v, %v", target, info, err)
		}
	}
	// A link to another link, and a link to a folder in place of a link to a folder.
	ok(t, r.Symlink(t.Context(), folder, link))
	ok(t, r.Symlink(t.Context(), "folder", link))
	if target, err := os.Readlink(link); err != nil || target != "folder" {
		t.Errorf("%q, %v", target, err)
	}
	ok(t, r.WriteFile(t.Context(), link, []byte("new"), runner.Attributes{Mode: 0o600}))
	if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("something was written through the link: %v, %v", entries, err)
	}
	ok(t, r.Symlink(t.Context(), old, link)) // a link in place of a file
	ok(t, r.Remove(t.Context(), link))
	if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
}

func missing(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	ok(t, os.Symlink("nothing", filepath.Join(dir, "dangling")))
	for _, path := range []string{filepath.Join(dir, "nothing"), filepath.Join(dir, "no", "thing"), filepath.Join(dir, "dangling")} {
		_, err := r.ReadFile(t.Context(), path, 1)
		is(t, err, fs.ErrNotExist)
		_, err = r.Stat(t.Context(), path)
		is(t, err, fs.ErrNotExist)
		_, err = r.ReadDir(t.Context(), path)
		is(t, err, fs.ErrNotExist)
		if !strings.HasSuffix(path, "dangling") {
			_, err = r.Lstat(t.Context(), path)
			is(t, err, fs.ErrNotExist)
			_, err = r.Readlink(t.Context(), path)
			is(t, err, fs.ErrNotExist)
			is(t, r.Rename(t.Context(), path, filepath.Join(dir, "new")), fs.ErrNotExist)
		}
		ok(t, r.Remove(t.Context(), path))
	}
	path := filepath.Join(dir, "no", "thing")
	is(t, r.WriteFile(t.Context(), path, nil, runner.Attributes{Mode: 0o600}), fs.ErrNotExist)
	is(t, r.Symlink(t.Context(), "x", path), fs.ErrNotExist)
}

func impossible(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	file, folder, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "folder"), filepath.Join(dir, "pipe")
	ok(t, os.WriteFile(file, []byte("x"), 0o600))
	ok(t, os.MkdirAll(filepath.Join(folder, "full"), 0o755))
	ok(t, syscall.Mkfifo(pipe, 0o600))
	is(t, r.WriteFile(t.Context(), folder, []byte("x"), runner.Attributes{Mode: 0o600}), fs.ErrExist)
	is(t, r.Symlink(t.Context(), "x", folder), fs.ErrExist)
	is(t, r.Rename(t.Context(), file, folder), fs.ErrExist)
	is(t, r.Remove(t.Context(), folder), fs.ErrExist)
	is(t, r.WriteFile(t.Context(), file+"/x", nil, runner.Attributes{Mode: 0o600}), syscall.ENOTDIR)
	is(t, r.MkdirAll(t.Context(), file+"/x", runner.Attributes{Mode: 0o700}), syscall.ENOTDIR)
	_, err := r.ReadDir(t.Context(), file)
	is(t, err, syscall.ENOTDIR)
	_, err = r.Stat(t.Context(), file+"/x")
	is(t, err, syscall.ENOTDIR)
	_, err = r.Readlink(t.Context(), file)
	is(t, err, syscall.EINVAL)
	for _, path := range []string{folder, pipe} {
		if _, err = r.ReadFile(t.Context(), path, 10); err == nil {
			t.Errorf("%s was read", path)
		}
	}
	for _, path := range []string{"", "relative", "./x", "/nul\x00byte"} {
		is(t, r.WriteFile(t.Context(), path, nil, runner.Attributes{Mode: 0o600}), fs.ErrInvalid)
		is(t, r.Remove(t.Context(), path), fs.ErrInvalid)
		_, err = r.Stat(t.Context(), path)
		is(t, err, fs.ErrInvalid)
		is(t, r.Rename(t.Context(), file, path), fs.ErrInvalid)
	}
	if os.Getuid() == 0 {
		if _, err := os.Stat("/dev/shm"); err == nil {
			is(t, r.Rename(t.Context(), file, "/dev/shm/"+filepath.Base(dir)), syscall.EXDEV)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	alone(t, filepath.Join(folder, "full"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	is(t, r.WriteFile(ended, file, nil, runner.Attributes{Mode: 0o600}), context.Canceled)
	_, err = r.Run(ended, runner.Command{Argv: []string{"true"}})
	is(t, err, context.Canceled)
}

func directories(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	ok(t, os.Mkdir(filepath.Join(dir, "b"), 0o750))
	ok(t, os.Chmod(filepath.Join(dir, "b"), 0o2750|fs.ModeSetgid))
	ok(t, os.WriteFile(filepath.Join(dir, "b", "inside"), nil, 0o600))
	ok(t, os.Symlink("b", filepath.Join(dir, "a")))
	ok(t, syscall.Mkfifo(filepath.Join(dir, "c"), 0o600))
	want := map[string]fs.FileMode{"a": fs.ModeSymlink | 0o777, "b": fs.ModeDir | fs.ModeSetgid | 0o750, "c": fs.ModeNamedPipe | 0o600}
	list, err := r.ReadDir(t.Context(), dir)
	ok(t, err)
	for n, name := range []string{"a", "b", "c"} {
		if len(list) != 3 || list[n].Name != name || list[n].Mode != want[name] {
			t.Errorf("%s: %+v", name, list)
		}
	}
	if list, err = r.ReadDir(t.Context(), filepath.Join(dir, "a")); err != nil || len(list) != 1 {
		t.Errorf("through a link: %+v, %v", list, err)
	}
}

func mkdirAll(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	ok(t, os.Mkdir(filepath.Join(dir, "there"), 0o700))
	ok(t, os.Symlink("there", filepath.Join(dir, "link")))
	deep := filepath.Join(dir, "link", "two words", "c")
	for range 2 {
		ok(t, r.MkdirAll(t.Context(), deep+"/", runner.Attributes{Mode: 0o777}))
	}
	for path, mode := range map[string]fs.FileMode{deep: 0o777, filepath.Dir(deep): 0o777, filepath.Join(dir, "there"): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeDir|mode {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if os.Getuid() == 0 {
		owned := filepath.Join(dir, "owned")
		ok(t, r.MkdirAll(t.Context(), owned, runner.Attributes{Mode: 0o700, Owner: &runner.Owner{UID: 12, GID: 34}}))
		if info, err := r.Lstat(t.Context(), owned); err != nil || info.UID != 12 || info.GID != 34 {
			t.Errorf("%+v, %v", info, err)
		}
	}
}

func renaming(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "sub", "b")
	ok(t, os.WriteFile(a, []byte("a"), 0o600))
	ok(t, os.Mkdir(filepath.Dir(b), 0o755))
	ok(t, os.WriteFile(b, []byte("b"), 0o600))
	ok(t, r.Rename(t.Context(), a, b))
	if got, err := os.ReadFile(b); err != nil || string(got) != "a" {
		t.Errorf("%q, %v", got, err)
	}
	// A link is what is renamed, and what is replaced, also one to a directory.
	ok(t, os.Symlink("sub", a))
	ok(t, os.Symlink("sub", a+"2"))
	ok(t, r.Rename(t.Context(), a, a+"2"))
	if target, err := os.Readlink(a + "2"); err != nil || target != "sub" {
		t.Errorf("%q, %v", target, err)
	}
	ok(t, r.Rename(t.Context(), filepath.Join(dir, "sub"), filepath.Join(dir, "moved")))
	ok(t, r.Remove(t.Context(), filepath.Join(dir, "moved", "b")))
	ok(t, r.Remove(t.Context(), filepath.Join(dir, "moved")))
	alone(t, a+"2")
}

func abandoned(t *testing.T, r runner.Runner) {
	dir := shortDir(t)
	write := func(name string, age time.Duration) string {
		path := filepath.Join(dir, name)
		ok(t, os.WriteFile(path, nil, 0o600))
		ok(t, os.Chtimes(path, time.Now().Add(-age), time.Now().Add(-age)))
		return path
	}
	left := write(".a*.certquay-LEFT", 3*time.Hour)
	fresh := write(".a*.certquay-FRESH", time.Minute)
	other := write(".ab.certquay-OTHER", 3*time.Hour)
	ok(t, r.WriteFile(t.Context(), filepath.Join(dir, "a*"), nil, runner.Attributes{Mode: 0o600}))
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was left is still there: %v", err)
	}
	for _, path := range []string{fresh, other} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("that of somebody else is gone: %v", err)
		}
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, not %v", err, want)
	}
}

// alone checks that there is nothing beside path.
func alone(t testing.TB, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("beside %s: %v, %v", path, entries, err)
	}
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
	}
}
