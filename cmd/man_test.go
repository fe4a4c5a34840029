package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/ui/text"
)

// TestManPages wants a page for each verb in each language, with all its flags, in
// which roff takes no text for a request.
// spec: O3
func TestManPages(t *testing.T) {
	t.Parallel()
	requests := []string{".TH", ".SH", ".TP", ".nf", ".fi"}
	for _, lang := range text.Languages() {
		root := treeIn(lang)
		pages := map[string]string{}
		for _, p := range manPages(text.New(lang), root) {
			pages[p.Name] = string(p.Data)
		}
		verbs := 0
		each(root, func(cmd *cobra.Command) {
			if cmd.Name() == "help" {
				return
			}
			verbs++
			page := pages[manName(cmd)+".1"]
			for line := range strings.Lines(page) {
				request, _, _ := strings.Cut(strings.TrimSpace(line), " ")
				if strings.HasPrefix(line, ".") && !slices.Contains(requests, request) || strings.HasPrefix(line, "'") {
					t.Errorf("%s: %s has the request %q", lang, cmd.CommandPath(), line)
				}
			}
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				if !strings.Contains(page, escaper.Replace("--"+f.Name)) {
					t.Errorf("%s: the page of %s lacks --%s", lang, cmd.CommandPath(), f.Name)
				}
			})
		})
		if len(pages) != verbs || verbs < 50 {
			t.Errorf("%s: %d pages of %d verbs", lang, len(pages), verbs)
		}
	}
}

func TestTextIsNoRequest(t *testing.T) {
	t.Parallel()
	var m manWriter
	m.text(".hidden\n'quoted\n-x \\n\n  .indented\n")
	m.line(".SH", `a "b" \c`)
	want := "\\&.hidden\n\\&'quoted\n\\-x \\en\n  .indented\n.SH \"a \\(dqb\\(dq \\ec\"\n"
	if m.String() != want {
		t.Errorf("%q, want %q", m.String(), want)
	}
}

// TestEveryVerbIsInAGroup wants no verb outside the groups, and no group without verbs.
// spec: O3
func TestEveryVerbIsInAGroup(t *testing.T) {
	t.Parallel()
	root := treeIn("en")
	for _, cmd := range root.Commands() {
		if cmd.GroupID == "" {
			t.Errorf("%s is in no group", cmd.Name())
		}
	}
	for _, g := range root.Groups() {
		if len(shownVerbs(root, g.ID)) == 0 {
			t.Errorf("%s has no verbs", g.ID)
		}
	}
}
