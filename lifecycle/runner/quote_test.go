package runner

import (
	"os/exec"
	"strings"
	"testing"
)

// Shells take a quoted line apart into the same arguments.
// spec: P1
func TestQuotedArgumentsArriveUnchanged(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for c := 1; c < 256; c++ {
		all.WriteByte(byte(c))
	}
	args := []string{
		"",
		"plain",
		"-n",
		"a b",
		"'",
		`''\'"\\`,
		"$HOME `id` $(id) !! *",
		"~",
		"a=b",
		"#",
		"tab\t\nnewline",
		all.String(),
		"ü",
		"\\\n",
	}
	for _, shell := range []string{"sh", "bash", "dash", "zsh", "ksh", "fish"} {
		path, err := exec.LookPath(shell)
		if err != nil && shell != "sh" {
			continue // those that are there, and one always is
		}
		out, err := exec.Command(path, "-c", quote(append([]string{"printf", "%s\\0"}, args...))).Output()
		if err != nil || string(out) != strings.Join(args, "\x00")+"\x00" {
			t.Errorf("%s: %q, %v", shell, out, err)
		}
	}
	// What no shell sees as anything else stays readable; fish and csh want marks of their own.
	if got := quote([]string{"nginx", "-t", "/etc/a_b", "it's", `a\ b!`}); got != `nginx -t /etc/a_b it\'s a\\' b'\!` {
		t.Errorf("%s", got)
	}
}

func TestMarkedOutputs(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 3, 7, 1000} {
		m := newMarked("MARK", 0)
		text := strings.Repeat("noise MAR\n", 20_000) + "MARK 123\nfirst\nMARK 5\n"
		for len(text) > 0 {
			n := min(size, len(text))
			if _, err := m.Write([]byte(text[:n])); err != nil {
				t.Fatal(err)
			}
			text = text[n:]
			if size < 1000 && len(text) > 1000 {
				text = text[len(text)-1000:]
			}
		}
		if m.begun() != "123" || string(m.kept()) != "first\nMARK 5\n" || !strings.HasSuffix(m.before(), "noise MAR") {
			t.Errorf("%d at once: %q, %q, after %q", size, m.begun(), m.kept(), m.before())
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Address{
		"u@host":                      {"u", "host", 22},
		"u@host:2222":                 {"u", "host", 2222},
		"ssh://u@host.example:22/":    {"u", "host.example", 22},
		"u@::1":                       {"u", "::1", 22},
		"u@[::1]":                     {"u", "::1", 22},
		"u@[fe80::1%eth0]:2200":       {"u", "fe80::1%eth0", 2200},
		"u@2001:db8::22":              {"u", "2001:db8::22", 22},
		"DOMAIN\\u@corp@192.0.2.1:23": {"DOMAIN\\u@corp", "192.0.2.1", 23},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	if a, err := ParseAddress("host"); err != nil || a.User == "" || a.Port != 22 {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{
		"", "u@", "@host", "u@host:0", "u@host:65536", "u@host:x", "u@host:",
		"u@a:b:c", "u@[host", "u@-oProxy", "u@a b", "u@a/b",
	} {
		if a, err := ParseAddress(text); err == nil {
			t.Errorf("%q is %+v", text, a)
		}
	}
}
