package cmd

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/model"
)

// otherWords are words of other programs for what a verb does, with the verbs to suggest
// in place of them.
var otherWords = map[string][]string{
	"import":    {"upload"},
	"add":       {"upload", "buy"},
	"issue":     {"buy", "apply"},
	"order":     {"buy", "reorder"},
	"request":   {"buy", "apply"},
	"rotate":    {"rekey"},
	"install":   {"deploy"},
	"remove":    {"undeploy", "close", "delete"},
	"undo":      {"withdraw", "undeploy", "auto-deploy", "host"},
	"annotate":  {"tag", "owner", "note"},
	"export":    {"download", "list"},
	"ls":        {"list"},
	"get":       {"show", "list"},
	"find":      {"list"},
	"search":    {"list"},
	"expiring":  {"list --expiring"},
	"expired":   {"list --expired"},
	"csv":       {"list --csv"},
	"leak":      {"rekey", "revoke"},
	"leaked":    {"rekey", "revoke"},
	"replace":   {"rekey", "reorder"},
	"root":      {"ca root"},
	"trust":     {"ca root"},
	"pause":     {"host", "auto-deploy"},
	"rollback":  {"deploy"},
	"retry":     {"tasks retry"},
	"todo":      {"tasks"},
	"audit":     {"activity"},
	"events":    {"activity"},
	"history":   {"activity"},
	"log":       {"activity"},
	"logs":      {"activity"},
	"scan":      {"check"},
	"probe":     {"check"},
	"inspect":   {"check", "show"},
	"alert":     {"contact", "notices"},
	"notify":    {"contact", "notices"},
	"slack":     {"contact add"},
	"webhook":   {"contact add"},
	"login":     {"user", "sessions", "activity"},
	"role":      {"user role"},
	"who":       {"sessions", "activity"},
	"here":      {"sessions"},
	"confirm":   {"approve", "review"},
	"settings":  {"config"},
	"configure": {"config"},
	"server":    {"serve"},
	"daemon":    {"serve"},
	"ssh":       {"serve"},
	"doctor":    {"fsck"},
	"migrate":   {"copy"},
	"move":      {"copy"},
	"postgres":  {"copy", "config"},
	"etcd":      {"copy", "config"},
}

// unknownVerb is the argument check of verbs that only have subcommands. It rejects an
// unknown subcommand and suggests similar ones.
func unknownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	wrong := out.Usage("usage.unknown-verb", "word", args[0], "verb", cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = min(2, len(args[0])/2) // of a word of three letters, two may not differ
	near := cmd.SuggestionsFor(args[0])
	if !cmd.HasParent() {
		near = append(near, otherWords[strings.ToLower(args[0])]...)
	}
	if len(near) > 0 {
		wrong.Hint = model.Say("usage.did-you-mean", "verb", cmd.CommandPath(), "near", near)
	}
	return wrong
}

// noArgs is the argument check of verbs that take only flags. If the verb has a flag
// --name, it suggests that.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	wrong := out.Usage("usage.only-flags", "verb", cmd.CommandPath(), "word", args[0])
	if cmd.Flags().Lookup("name") != nil {
		name := strings.Join(args, " ")
		if len(args) > 1 {
			name = "'" + name + "'"
		}
		wrong.Hint = model.Say("usage.use-name", "verb", cmd.CommandPath(), "name", name)
	}
	return wrong
}

// exactArg is the argument check of verbs that take exactly one argument, which the
// message of code describes.
func exactArg(code string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError(cmd, "usage.one", "what", model.Say(code))
		}
		return nil
	}
}

// exactArgs is the argument check of verbs that take several different arguments, which
// the codes describe.
func exactArgs(codes ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(codes) {
			return usageError(cmd, "usage.one", "what", model.Say(codes[len(args)]))
		}
		if len(args) > len(codes) {
			return usageError(cmd, "usage.at-most", "n", len(codes))
		}
		return nil
	}
}

// maxOneArg is the argument check of verbs that take at most one argument.
func maxOneArg(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError(cmd, "usage.at-most-one")
	}
	return nil
}

// usageError returns a usage error of a verb, with its usage line as the hint.
func usageError(cmd *cobra.Command, code string, args ...any) *out.UsageError {
	return &out.UsageError{
		What: model.Say(code, append(args, "verb", cmd.Name())...),
		Hint: model.Say("usage.line", "verb", cmd.CommandPath(), "args", model.Say(helpCode(cmd, "use"))),
	}
}

// exclusive makes some flags of a verb mutually exclusive. The verb's own argument
// check must already be set.
func exclusive(cmd *cobra.Command, flags ...string) {
	cmd.MarkFlagsMutuallyExclusive(flags...) // for completion
	others := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		given := slices.DeleteFunc(slices.Clone(flags), func(name string) bool { return !cmd.Flags().Changed(name) })
		if len(given) > 1 {
			return out.Usage("usage.exclusive", "flag", given[0], "other", given[1], "verb", cmd.CommandPath())
		}
		return others(cmd, args)
	}
}

// flagError replaces pflag's message about a wrong flag with one from the catalogue.
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		bare    *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		number  *strconv.NumError
		syntax  *pflag.InvalidSyntaxError
	)
	what := model.TextOf(err)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedName() == "all" && cmd.Flags().Lookup("where") != nil:
		return out.Usage("usage.all", "verb", cmd.CommandPath())
	case errors.As(err, &unknown):
		what = model.Say("usage.unknown-flag", "flag", flagName(unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()))
	case errors.As(err, &bare):
		what = model.Say("usage.no-value", "flag", flagName(bare.GetSpecifiedName(), bare.GetSpecifiedShortnames()))
	case errors.As(err, &number): // its message adds nothing
		if errors.As(err, &invalid) {
			what = model.Say("usage.bad-number", "flag", "--"+invalid.GetFlag().Name, "value", invalid.GetValue())
		}
	case errors.As(err, &invalid):
		what = model.Say("usage.bad-value", "flag", "--"+invalid.GetFlag().Name, "value", invalid.GetValue(), "cause", invalid.Unwrap())
	case errors.As(err, &syntax):
		what = model.Say("usage.bad-flag", "flag", syntax.GetSpecifiedFlag())
	}
	return &out.UsageError{What: what, Hint: model.Say("usage.help", "verb", cmd.CommandPath())}
}

// flagName returns a flag as it was typed, alone or among several letters.
func flagName(name, letters string) string {
	if letters != "" {
		return "-" + name[:1]
	}
	return "--" + name
}

// anyFlagSet reports whether any flag of the verb itself was set.
func anyFlagSet(cmd *cobra.Command) bool {
	told := false
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { told = told || f.Changed })
	return told
}

// specification parses the four parts of a specification; an unknown word is a usage
// error.
func (c *invocation) specification(level, typ, brand, grade string) (model.Specification, error) {
	var s model.Specification
	var err error
	if s.Level, err = oneOf("--level", level, model.Levels); err != nil {
		return s, err
	}
	if s.Type, err = oneOf("--type", typ, model.DomainTypes); err != nil {
		return s, err
	}
	if grade == "" {
		grade = string(c.engine().Policy().DefaultGrade[s.Level])
	}
	if s.Grade, err = oneOf("--grade", grade, model.Grades); err != nil {
		return s, err
	}
	s.Brand = model.NormalizeName(brand)
	return s, nil
}

// oneOf returns the one of some words that was typed, ignoring case. what is the flag
// or a message that describes the argument.
func oneOf[T ~string](what any, typed string, words []T) (T, error) {
	for _, w := range words {
		if model.NormalizeName(typed) == model.NormalizeName(string(w)) {
			return w, nil
		}
	}
	return "", out.Usage("usage.unknown-word", "what", what, "value", typed, "words", out.Join(words))
}

// duration parses a duration: Go's units, and d and w for days and weeks.
func duration(s string) (time.Duration, error) {
	bad := out.Usage("usage.span", "value", s)
	t := strings.TrimPrefix(strings.TrimSpace(s), "+")
	for unit, size := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, ok := strings.CutSuffix(t, unit); ok {
			v, err := strconv.ParseFloat(n, 64)
			// At most 273 years; NaN is rejected.
			if days := v * float64(size/(24*time.Hour)); err != nil || !(days >= 0 && days <= 100_000) {
				return 0, bad
			}
			return time.Duration(v * float64(size)), nil
		}
	}
	d, err := time.ParseDuration(t)
	if err != nil || d < 0 {
		return 0, bad
	}
	return d, nil
}

// moment parses "+30d" or an RFC 3339 time.
func moment(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	d, err := duration(s)
	if err != nil && !strings.HasPrefix(s, "+") {
		return time.Time{}, out.Usage("usage.moment", "value", s)
	}
	return now.Add(d), err
}
