package sshd

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"certquay/model"
)

// design 2: the peer's uid is checked.
func TestSameUser(t *testing.T) {
	if err := sameUser(os.Geteuid() + 1); !errors.Is(err, ErrOtherUser) {
		t.Errorf("another user: %v", err)
	}
	if err := sameUser(os.Geteuid()); err != nil {
		t.Error(err)
	}
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	if _, err := SameUser(a); err == nil {
		t.Error("a pipe has no user")
	}
	l, err := ListenSocket(filepath.Join(t.TempDir(), "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if pid, err := SameUser(c); err != nil || pid != os.Getpid() && pid != 0 {
		t.Errorf("this process: %d %v", pid, err)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
		bad  bool
	}{
		{in: ""},
		{in: " \t\n"},
		{in: "a b", want: []string{"a", "b"}},
		{in: `'' "" a''b`, want: []string{"", "", "ab"}},
		{in: `'a\b' "a\b\"c\\" a\ b`, want: []string{`a\b`, `a\b"c\`, "a b"}},
		{in: "'日本' $x `y`", want: []string{"日本", "$x", "`y`"}},
		{in: "a\\\nb", want: []string{"ab"}},
		{in: "'", bad: true},
		{in: `a"`, bad: true},
		{in: `\`, bad: true},
	} {
		got, err := splitCommand(c.in)
		if (err != nil) != c.bad || strings.Join(got, "\x00") != strings.Join(c.want, "\x00") || len(got) != len(c.want) {
			t.Errorf("%q: %q %v", c.in, got, err)
		}
	}
}

// FuzzSplit checks that quoted arguments come back as they were.
func FuzzSplit(f *testing.F) {
	f.Add("a b", "it's")
	f.Add("", "\\\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ToValidUTF8(a, "") != a || strings.ToValidUTF8(b, "") != b {
			t.Skip()
		}
		quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
		got, err := splitCommand(quote(a) + " " + quote(b))
		if err != nil || len(got) != 2 || got[0] != a || got[1] != b {
			t.Errorf("%q %q: %q %v", a, b, got, err)
		}
		_, _ = splitCommand(a) // must not panic
	})
}

// A reader that gives up does not take what comes later.
func TestInputOutlivesItsReader(t *testing.T) {
	r, w := io.Pipe()
	in := newInput(r)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := in.WithContext(ctx).Read(make([]byte, 8)); n != 0 || err != io.EOF {
			t.Errorf("read %d %v", n, err)
		}
	})
	cancel()
	wg.Wait()
	go func() {
		_, _ = io.WriteString(w, strings.Repeat("later", 100_000))
		_ = w.Close()
	}()
	if b, err := io.ReadAll(in); err != nil || len(b) != 500_000 {
		t.Errorf("%d %v", len(b), err)
	}
}

// The host key is made once, for its owner's eyes, and then kept.
func TestLoadHostKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "key")
	var wg sync.WaitGroup
	keys := make(chan string, 8)
	for range cap(keys) {
		wg.Go(func() {
			k, err := LoadHostKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			keys <- string(k.PublicKey().Marshal())
		})
	}
	wg.Wait()
	close(keys)
	first := <-keys
	for k := range keys {
		if k != first {
			t.Error("two keys were made")
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadHostKey(path); model.TextOf(err).Code() != "host-key.readable" {
		t.Error(err)
	}
}
