package ui

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
)

// TestNoStateIsCompared looks through the sources: what is allowed in which
// state is the table's business alone.
func TestNoStateIsCompared(t *testing.T) {
	names := make([]string, 0, len(model.States))
	for _, s := range model.States {
		names = append(names, strings.ToUpper(string(s[:1]))+string(s[1:]))
	}
	constant := regexp.MustCompile(`\bmodel\.(` + strings.Join(names, "|") + `)\b`)
	sources(t, func(path, text string) {
		if m := constant.FindString(text); m != "" && !strings.HasPrefix(path, "kittest") {
			t.Errorf("%s uses %s", path, m)
		}
	})
}

func sources(t *testing.T, each func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, e os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			each(path, string(b))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryTextExists looks for the key of every text in the sources; keys
// made of parts must have at least one text that begins so.
func TestEveryTextExists(t *testing.T) {
	cat := drive(t, kittest.New(), 80, 24).m.ctx.Text
	use := regexp.MustCompile(`\b(?:T|Or)\("([^"]+)"`)
	sources(t, func(path, text string) {
		for _, m := range use.FindAllStringSubmatch(text, -1) {
			key := m[1]
			if strings.HasSuffix(key, ".") {
				found := false
				for _, k := range cat.Keys() {
					found = found || strings.HasPrefix(k, key)
				}
				if !found {
					t.Errorf("%s: no text begins with %s", path, key)
				}
			} else if !cat.Has(key) {
				t.Errorf("%s: no text %s", path, key)
			}
		}
	})
}

// TestKeyTable has every key that spec V4 names.
func TestKeyTable(t *testing.T) {
	table := KeyTable()
	for _, k := range []string{"j", "k", "h", "l", "1", "5", "tab", "[", "]", "g", "G", "pgup", "pgdown", "ctrl+d", "ctrl+u", "enter",
		"esc", "/", "f", "H", ":", "?", "space", "y", "q",
		"b", "a", "w", "R", "i", "d", "D", "s", "r", "n", "u", "m", "t", "V", "v", "ctrl+k",
		"ctrl+x", "x", "K", "$", "p", "+", "-", "ctrl+r"} {
		if !strings.Contains(table, "`"+k+"`") {
			t.Errorf("the table of keys lacks %s", k)
		}
	}
	for _, r := range rules.NewTransitionTable().Transitions() {
		if r.Key != "" && !strings.Contains(table, "`"+r.Key+"`") {
			t.Errorf("the table of keys lacks %s of %s", r.Key, r.Action)
		}
	}
	for l := range strings.Lines(table) {
		if strings.Count(l, "|") != 5 {
			t.Errorf("not a row: %s", l)
		}
	}
}

// TestImports keeps the arrow of import: the interface knows model, lifecycle
// and its bundle, and nothing of storage or commands.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "certquay/ui").Output()
	if err != nil {
		t.Skip("no go command")
	}
	for l := range strings.Lines(string(out)) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "certquay/store") || strings.HasPrefix(l, "certquay/cmd") {
			t.Errorf("ui imports %s", l)
		}
	}
}
