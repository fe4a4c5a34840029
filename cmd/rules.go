package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/model"
)

// ruleJSON is a rule of RULES.md, in English as the page is.
type ruleJSON struct {
	ID      string `json:"id"`
	Section string `json:"section"`
	Text    string `json:"text"`

	lines []string // the text as the page breaks it
}

// rulesCmd prints the rule that a message names (spec O7). It needs no store.
func rulesCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "rules", Args: maxOneArg, ValidArgsFunction: completeRules,
		RunE: func(_ *cobra.Command, args []string) error {
			all := parseRules(lifecycle.RulesPage)
			if len(args) == 0 {
				return c.listRules(all)
			}
			n := slices.IndexFunc(all, func(r ruleJSON) bool { return model.NormalizeName(r.ID) == model.NormalizeName(args[0]) })
			if n < 0 {
				return unknownRule(all, args[0])
			}
			if c.JSON {
				return c.PrintJSON(all[n])
			}
			c.Print(all[n].ID + "  " + all[n].Section)
			c.Print("\n" + strings.Join(all[n].lines, "\n"))
			return nil
		},
	}
}

func (c *invocation) listRules(all []ruleJSON) error {
	if c.JSON {
		return c.PrintJSON(all)
	}
	var rows [][]string
	for _, r := range all {
		rows = append(rows, []string{r.ID, firstSentence(r.Text)})
	}
	c.Table(c.Heads("id", "rule"), rows)
	return nil
}

// unknownRule returns the usage error for an id that no rule has. It suggests the rules
// whose ids begin with the same letter.
func unknownRule(all []ruleJSON, typed string) error {
	var near []string
	for _, r := range all {
		if typed != "" && strings.EqualFold(r.ID[:1], typed[:1]) {
			near = append(near, r.ID)
		}
	}
	wrong := out.Usage("usage.no-rule", "id", typed)
	if len(near) > 0 {
		wrong.Hint = model.Say("usage.no-rule.near", "near", near)
	}
	return wrong
}

// completeRules completes the ids of rules with their first sentences.
func completeRules(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []cobra.Completion
	for _, r := range parseRules(lifecycle.RulesPage) {
		ids = append(ids, cobra.CompletionWithDesc(r.ID, firstSentence(r.Text)))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// parseRules returns the rules of a page in its order. A rule is an item of a list that
// begins with its id in bold, below a heading of the second level.
func parseRules(page string) []ruleJSON {
	all := []ruleJSON{}
	section, open := "", false
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section, open = heading, false
			continue
		}
		if item, ok := strings.CutPrefix(line, "- **"); ok {
			var id, text string
			if id, text, open = strings.Cut(item, "** "); open && isRuleID(id) {
				all = append(all, ruleJSON{ID: id, Section: section, Text: text, lines: []string{text}})
			} else {
				open = false
			}
			continue
		}
		if line, ok := strings.CutPrefix(line, "  "); ok && open {
			r := &all[len(all)-1]
			r.Text, r.lines = r.Text+" "+line, append(r.lines, line)
		} else {
			open = false
		}
	}
	return all
}

// isRuleID reports whether a text is the id of a rule: a letter and a number.
func isRuleID(s string) bool {
	return len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && strings.Trim(s[1:], "0123456789") == ""
}

// firstSentence returns a text up to the end of its first sentence.
func firstSentence(s string) string {
	if end := strings.Index(s, ". "); end >= 0 {
		return s[:end+1]
	}
	return s
}
