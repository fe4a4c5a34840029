package lifecycle_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPagesAndTestsAgree keeps RULES.md and ROBUSTNESS.md honest: every id that
// a test names stands there, and every id there is named by a test.
func TestPagesAndTestsAgree(t *testing.T) {
	for _, c := range []struct {
		page, entry, mark string
		least             int
	}{
		{"RULES.md", `(?m)^- \*\*([A-Z][0-9]+)\*\* `, `(?://|#).*?\bspec: ([A-Z][0-9]+(?:,? ?[A-Z][0-9]+)*)`, 30},
		{"../ROBUSTNESS.md", `(?m)^- \*\*((?:R-)?[A-Z][0-9]+)\*\* `,
			`(?://|#).*?\bfinding: ((?:R-)?[A-Z][0-9]+(?:,? ?(?:R-)?[A-Z][0-9]+)*)`, 30},
	} {
		page, err := os.ReadFile(c.page)
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, m := range regexp.MustCompile(c.entry).FindAllStringSubmatch(string(page), -1) {
			there[m[1]] = true
		}
		if len(there) < c.least {
			t.Fatalf("only %d entries were found in %s", len(there), c.page)
		}
		named := namedByTests(t, regexp.MustCompile(c.mark))
		for id, path := range named {
			if !there[id] {
				t.Errorf("%s names %s, which %s does not hold", path, id, c.page)
			}
		}
		for id := range there {
			if named[id] == "" {
				t.Errorf("no test names %s of %s", id, c.page)
			}
		}
	}
}

// namedByTests are the ids that tests name, and where.
func namedByTests(t *testing.T, list *regexp.Regexp) map[string]string {
	t.Helper()
	named := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
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
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range list.FindAllStringSubmatch(string(b), -1) {
			for _, id := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' }) {
				named[id] = path
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return named
}
