package text

import (
	"cmp"
	"strconv"
	"strings"
	"sync"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// verbs are those of the command line, by action.
var verbs = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, r := range rules.NewTransitionTable().Transitions() {
		all[string(r.Action)] = r.Verb
	}
	return all
})

// verbOf is what an action is called on the command line.
func verbOf(action string) string { return cmp.Or(verbs()[action], action) }

// Command is a suggestion as it is typed.
func Command(s rules.Suggestion) string {
	return strings.Join(append([]string{"certquay", verbOf(string(s.Action))}, s.Args...), " ")
}

// FormatSuggestion says a suggestion inside a sentence, and where it is all that is said.
type FormatSuggestion func(s rules.Suggestion) (inside, alone string)

// WayOut is what to do instead of what was refused, with each suggestion as write
// says it; nil writes command lines.
func WayOut(r *rules.Refusal, write FormatSuggestion) model.Text {
	return withSuggestions(r.InsteadText(), r.Suggestions(), write)
}

// Statement says a sentence of an explanation, with the rules behind it and its
// suggestions as those of [WayOut].
func (c *Catalogue) Statement(s rules.Statement, write FormatSuggestion) string {
	said := c.Text(withSuggestions(s.Text, s.Instead, write))
	if s.Rules != "" {
		said += c.T("explain.ruled", s.Rules)
	}
	return said
}

// withSuggestions puts suggestions into their placeholders in a text: {1}, {2} and so on,
// and the first as {do} where it is all that is said.
func withSuggestions(t model.Text, all []rules.Suggestion, write FormatSuggestion) model.Text {
	if len(all) == 0 {
		return t
	}
	if write == nil {
		write = func(s rules.Suggestion) (string, string) { return Command(s), Command(s) }
	}
	args := map[string]string{}
	for n, s := range all {
		inside, alone := write(s)
		args[strconv.Itoa(n+1)] = inside
		if n == 0 {
			args["do"] = alone
		}
	}
	return t.WithArgs(args)
}
