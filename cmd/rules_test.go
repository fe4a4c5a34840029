package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"certquay/lifecycle"
)

func TestRulesOfAPage(t *testing.T) {
	t.Parallel()
	page := "# Rules\n\n- **X1** above\n\n## Terms\n\n- **brand**: the CA\n  that signs.\n\n## One\n\n- **A1** First. More\n  `here`.\n" +
		"- **A12** Second\n\n  not of it\n\n## Two\n  nor this\n- **B1** Third, v1.2"
	var got []string
	for _, r := range parseRules(page) {
		got = append(got, r.ID+"|"+r.Section+"|"+r.Text+"|"+firstSentence(r.Text))
	}
	want := "X1||above|above\nA1|One|First. More `here`.|First.\nA12|One|Second|Second\nB1|Two|Third, v1.2|Third, v1.2"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// TestEveryRuleOfAMessageIsPrinted wants the rules that the transition table and the
// explanations name to be on the page.
// spec: O7
func TestEveryRuleOfAMessageIsPrinted(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, r := range parseRules(lifecycle.RulesPage) {
		known[r.ID] = true
	}
	files, err := filepath.Glob("../lifecycle/rules/*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"([A-Z][0-9]+(?:,? [A-Z][0-9]+)*)"`).FindAllStringSubmatch(string(b), -1) {
			for _, id := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' }) {
				if named++; !known[id] {
					t.Errorf("%s names %s, which is no rule of RULES.md", file, id)
				}
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d rules are named", named)
	}
}
