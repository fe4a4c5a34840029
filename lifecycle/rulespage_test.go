package lifecycle_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRulesPageAndTestsAgree keeps RULES.md honest: every id that a test names
// is a rule there, and every rule there is named by a test.
func TestRulesPageAndTestsAgree(t *testing.T) {
	page, err := os.ReadFile("RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^- \*\*([A-Z][0-9]+)\*\* `).FindAllStringSubmatch(string(page), -1) {
		rules[m[1]] = true
	}
	if len(rules) < 30 {
		t.Fatalf("only %d rules were found", len(rules))
	}
	named := map[string]string{}
	list := regexp.MustCompile(`(?://|#) ?spec: ([A-Z][0-9]+(?:, ?[A-Z][0-9]+)*)`)
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && strings.HasPrefix(d.Name(), ".git") {
				return fs.SkipDir
			}
			return err
		}
		// Contract suites are tests too, though their files are not named so.
		suite := strings.HasSuffix(filepath.Base(filepath.Dir(path)), "test") && strings.HasSuffix(path, ".go")
		if !suite && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".txtar") {
			return nil
		}
		b, err := os.ReadFile(path) //nolint:gosec // a file of this tree
		if err != nil {
			return err
		}
		for _, m := range list.FindAllStringSubmatch(string(b), -1) {
			for _, id := range strings.Split(m[1], ",") {
				named[strings.TrimSpace(id)] = path
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, path := range named {
		if !rules[id] {
			t.Errorf("%s names rule %s, which RULES.md does not hold", path, id)
		}
	}
	for id := range rules {
		if named[id] == "" {
			t.Errorf("no test names rule %s", id)
		}
	}
}
