package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"certquay/model"
)

// Matrix returns the transition table as Markdown and the reasons named in it,
// sorted. It has a row for each action of a person and a column for each state. A
// dot means allowed, with the rules that may still refuse it; otherwise the
// reason is named.
func (t *TransitionTable) Matrix() (table string, reasons []Reason) {
	var b strings.Builder
	b.WriteString("| action |")
	for _, s := range model.States {
		fmt.Fprintf(&b, " %s |", s)
	}
	b.WriteString(" leads to | unless (rule) |\n|---|" + strings.Repeat("---|", len(model.States)+2) + "\n")
	used := map[Reason]bool{}
	for _, r := range t.transitions {
		if len(r.From) == 0 || r.Verb == "" {
			continue
		}
		fmt.Fprintf(&b, "| `%s` |", r.Action)
		for _, s := range model.States {
			switch reason, ok := r.Instead[s]; {
			case slices.Contains(r.From, s):
				b.WriteString(" ● |")
			case ok:
				used[reason] = true
				fmt.Fprintf(&b, " %s |", reason)
			default:
				used[ReasonState] = true
				fmt.Fprintf(&b, " %s |", ReasonState)
			}
		}
		to := string(r.To)
		if r.ToRefunded != "" {
			to += " or " + string(r.ToRefunded)
		}
		var rules []string
		for _, g := range r.Guards {
			if g.Rule != "" && !slices.Contains(rules, g.Rule) {
				rules = append(rules, g.Rule)
			}
		}
		fmt.Fprintf(&b, " %s | %s |\n", to, strings.Join(rules, " "))
	}
	return b.String(), slices.Sorted(maps.Keys(used))
}
