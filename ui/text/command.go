package text

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// verbs are the verbs of the command line by action.
var verbs = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, r := range rules.NewTransitionTable().Transitions() {
		all[string(r.Action)] = r.Verb
	}
	return all
})

// verbOf returns the verb of an action.
func verbOf(action string) string { return cmp.Or(verbs()[action], action) }

// Command returns a suggestion as a command line for a POSIX shell.
func Command(s rules.Suggestion) string {
	words := []string{"certquay", verbOf(string(s.Action))}
	for _, a := range s.Args {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

// SSHCommand returns a suggestion as a command line that runs it over SSH: the server
// splits what it gets once more, as a shell does.
func SSHCommand(s rules.Suggestion) string {
	_, line, _ := strings.Cut(Command(s), " ")
	return strings.Join([]string{"ssh", "HOST", quoted(line)}, " ")
}

// bareWord matches what a shell takes as one word as it stands.
var bareWord = regexp.MustCompile(`^[\pL\pN_./:@%+=,-]+$`)

// quoted returns an argument as one word of a shell.
func quoted(a string) string {
	if bareWord.MatchString(a) {
		return a
	}
	return "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
}

// FormatSuggestion formats a suggestion for the middle of a sentence, and for standing
// alone.
type FormatSuggestion func(s rules.Suggestion) (inside, alone string)

// WayOut returns what to do instead of a refused action, with its suggestions formatted
// by write; nil formats command lines.
func WayOut(r *rules.Refusal, write FormatSuggestion) model.Text {
	return withSuggestions(r.InsteadText(), r.Suggestions(), write)
}

// Statement returns a sentence of an explanation with its rules, and its suggestions
// formatted as those of [WayOut].
func (c *Catalogue) Statement(s rules.Statement, write FormatSuggestion) string {
	said := c.Text(withSuggestions(s.Text, s.Instead, write))
	if s.Rules != "" {
		said += c.T("explain.ruled", s.Rules)
	}
	return said
}

// withSuggestions fills suggestions into the placeholders of a text: {1}, {2} and so on
// inside sentences, and {do} for the first standing alone.
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
