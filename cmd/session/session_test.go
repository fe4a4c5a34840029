package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
)

func TestClamp(t *testing.T) {
	for in, want := range map[Size]Size{
		{65535, 65535}: {500, 200}, {0, 0}: {80, 24}, {-5, 10}: {80, 10}, {1, 1}: {1, 1}, {500, 200}: {500, 200}, {100, 0}: {100, 24},
	} {
		if got := in.Clamp(); got != want {
			t.Errorf("%v: %v", in, got)
		}
	}
}

// design 14: text from outside is escaped visibly.
func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"anna": "anna", "日本": "日本", "a\x1b[31m": `a\x1b[31m`, "a\r\nb\x00": `a\x0d\x0ab\x00`, "\xff": `\xff`,
		"\u202eabc": `\u202eabc`, "a\u200bb": `a\u200bb`, "\u009b31m": `\u009b31m`, `\x1b`: `\\x1b`, "12345678901": "1234567890...",
		"\U000e0001": `\U000e0001`, "a\u00a0b": `a\u00a0b`, "a\ufffdb": "a\ufffdb",
	} {
		if got := Escape(in, 10); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b]0;x\x07")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Escape(s, 1000) {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x202e {
				t.Errorf("%q: %q", s, Escape(s, 1000))
			}
		}
	})
}

// spec: V5. The language is the locale's.
func TestLanguage(t *testing.T) {
	for env, want := range map[string]string{
		"": "en", "LANG=zh_CN.UTF-8": "zh", "LANG=zh_CN LC_ALL=C": "en", "LANG=de LC_MESSAGES=zh_TW": "zh",
		"LC_ALL= LANG=ZH": "zh", "LANG=en LANG=zh": "zh",
	} {
		if got := Language(strings.Fields(env)); got != want {
			t.Errorf("%q: %s", env, got)
		}
	}
}

// spec: V5. NO_COLOR with any value takes colours away.
func TestNoColor(t *testing.T) {
	for v, want := range map[string]colorprofile.Profile{"": colorprofile.TrueColor, "1": colorprofile.ASCII,
		"please": colorprofile.ASCII} {
		s := NewNetworkSession(Remote{PTY: &PTY{Term: "xterm-256color"}, Env: []string{"COLORTERM=truecolor", "NO_COLOR=" + v}})
		if s.Profile != want {
			t.Errorf("NO_COLOR=%s: %v", v, s.Profile)
		}
	}
}

func attached(dir string, pid int) (*Session, *bytes.Buffer) {
	out := &bytes.Buffer{}
	return NewSocketSession(Remote{In: strings.NewReader("in"), Out: out, Err: io.Discard}, Caller{Dir: dir, PID: pid}), out
}

// A file appears whole or not at all, with exactly the mode asked for.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	s, out := attached(dir, os.Getpid())
	names := func() string {
		var all []string
		es, _ := os.ReadDir(dir)
		for _, e := range es {
			all = append(all, e.Name())
		}
		return strings.Join(all, " ")
	}
	f, err := s.Create("key.pem", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, "first")
	if _, err := os.Stat(filepath.Join(dir, "key.pem")); err == nil {
		t.Error("half a file has the name")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(filepath.Join(dir, "key.pem")); st.Mode().Perm() != 0o600 || names() != "key.pem" {
		t.Errorf("%v, %s", st.Mode(), names())
	}
	f, err = s.Create("key.pem", 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, "second")
	if err := f.Abort(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "key.pem")); string(b) != "first" || names() != "key.pem" {
		t.Errorf("%q, %s", b, names())
	}
	// A link is replaced, what it leads to is not touched.
	target := filepath.Join(t.TempDir(), "target")
	if err := errors.Join(os.WriteFile(target, []byte("theirs"), 0o600), os.Symlink(target, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	f, err = s.Create("link", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, "mine")
	_ = f.Close()
	if b, _ := os.ReadFile(target); string(b) != "theirs" {
		t.Errorf("%q", b)
	}
	for _, p := range []string{dir, "/dev/null", "/dev/stdout", "sub/", "", "none/x"} {
		if _, err := s.Create(p, 0o600); err == nil {
			t.Errorf("created %q", p)
		}
	}
	f, err = s.Create("-", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, "shown")
	if _ = f.Close(); out.String() != "shown" {
		t.Errorf("%q", out)
	}
	if err := s.MkdirAll("a/b", 0o755); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(filepath.Join(dir, "a", "b")); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", st, err)
	}
}

// The caller's descriptors are not mistaken for the owner's.
func TestOwnDescriptors(t *testing.T) {
	for path, want := range map[string]string{
		"/dev/stdin": "/proc/42/fd/0", "/dev/fd/63": "/proc/42/fd/63", "/proc/self/fd/3": "/proc/42/fd/3",
		"/dev/../dev/stdin": "/proc/42/fd/0",
		"/dev/fdx":          "/dev/fdx", "rel": "/work/rel", "../x": "/x", "/etc/x": "/etc/x",
	} {
		if got, err := (files{remote: true, dir: "/work", pid: 42}).resolve(path); err != nil || got != want {
			t.Errorf("%s: %s %v", path, got, err)
		}
	}
	for _, f := range []files{{remote: true, dir: "/work"}, {remote: true, pid: 42}} {
		if _, err := f.resolve("/dev/tty"); err == nil {
			t.Error("the owner's terminal was opened")
		}
	}
	if _, err := (files{remote: true, pid: 42}).resolve("rel"); err == nil {
		t.Error("relative to nothing")
	}
	if _, err := (files{remote: true, dir: "/"}).resolve("/dev/stdin"); err == nil {
		t.Error("of an unknown process")
	}
}

// Over network SSH only "-" works.
func TestNetworkFiles(t *testing.T) {
	s := NewNetworkSession(Remote{In: strings.NewReader("in"), Out: io.Discard, Err: io.Discard})
	for _, p := range []string{"/etc/passwd", "x", "", "./-"} {
		_, err := s.Open(p)
		_, err2 := s.Create(p, 0o600)
		if err3 := s.MkdirAll(p, 0o700); !errors.Is(err, ErrNoPath) || !errors.Is(err2, ErrNoPath) || !errors.Is(err3, ErrNoPath) {
			t.Errorf("%q: %v %v %v", p, err, err2, err3)
		}
	}
	if err := s.MkdirAll("-", 0o700); !errors.Is(err, ErrNoPath) {
		t.Error(err)
	}
	r, err := s.Open("-")
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(r); string(b) != "in" {
		t.Errorf("%q", b)
	}
}

// A question takes its line and no more.
func TestAskTakesOneLine(t *testing.T) {
	var errs bytes.Buffer
	in := strings.NewReader("one\r\ntwo")
	s := &Session{Kind: Socket, In: in, Err: &errs, Interactive: true}
	for _, want := range []string{"one", "two"} {
		if got, err := s.Ask(t.Context(), "? "); err != nil || got != want {
			t.Errorf("%q %v", got, err)
		}
	}
	if _, err := s.Ask(t.Context(), "? "); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	s.Interactive = false
	if _, err := s.Ask(t.Context(), "? "); !errors.Is(err, ErrNoTerminal) {
		t.Error(err)
	}
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	s = &Session{Kind: Socket, In: r, Err: io.Discard, Interactive: true}
	if _, err := s.Ask(ctx, "? "); !errors.Is(err, cause) {
		t.Error(err)
	}
}

// TestWholePath tells a person where a file of theirs is.
func TestWholePath(t *testing.T) {
	var s, far Session
	files{remote: true, dir: "/home/anna"}.bind(&s)
	noFiles{}.bind(&far)
	if got := s.Abs("certs/a.pem"); got != "/home/anna/certs/a.pem" {
		t.Errorf("attached: %q", got)
	}
	if got := far.Abs("a.pem"); got != "a.pem" {
		t.Errorf("over the network: %q", got)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	(&files{}).bind(&s)
	if got := s.Abs("a.pem"); got != filepath.Join(dir, "a.pem") {
		t.Errorf("local: %q", got)
	}
}
