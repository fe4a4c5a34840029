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

// unknownVerb is for verbs with verbs below them. It refuses a word where one of
// those should stand, and names those that are written much like it.
func unknownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	wrong := out.Usage("usage.unknown-verb", "word", args[0], "verb", cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2 // what cobra uses
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		wrong.Hint = model.Say("usage.did-you-mean", "verb", cmd.CommandPath(), "near", near)
	}
	return wrong
}

// noArgs is for verbs that take nothing but flags; a name is what is most
// often meant by a word without one.
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

// exactArg is for verbs that take exactly one word, which the code says what it is.
func exactArg(code string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return misused(cmd, "usage.one", "what", model.Say(code))
		}
		return nil
	}
}

// maxOneArg is for verbs that take one word or none.
func maxOneArg(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return misused(cmd, "usage.at-most-one")
	}
	return nil
}

// misused is wrong usage of a verb, with how it is used.
func misused(cmd *cobra.Command, code string, args ...any) *out.UsageError {
	return &out.UsageError{
		What: model.Say(code, append(args, "verb", cmd.Name())...),
		Hint: model.Say("usage.line", "verb", cmd.CommandPath(), "args", model.Say(helpCode(cmd, "use"))),
	}
}

// exclusive lets only one of some flags of a verb be given. Its other arguments
// must have been said before.
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

// flagError says in words of our own what is wrong with a flag.
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
	case errors.As(err, &unknown):
		what = model.Say("usage.unknown-flag", "flag", flagName(unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()))
	case errors.As(err, &bare):
		what = model.Say("usage.no-value", "flag", flagName(bare.GetSpecifiedName(), bare.GetSpecifiedShortnames()))
	case errors.As(err, &number): // which says no more than that it is none
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

// flagName is a flag as it was typed, alone or as one of several letters.
func flagName(name, letters string) string {
	if letters != "" {
		return "-" + name[:1]
	}
	return "--" + name
}

// anyFlagSet reports whether a flag tells what a verb is to do.
func anyFlagSet(cmd *cobra.Command) bool {
	told := false
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { told = told || f.Changed })
	return told
}

// specification reads its four parts; a word that is none is wrong usage.
func specification(level, typ, brand, grade string) (model.Specification, error) {
	var s model.Specification
	var err error
	if s.Level, err = oneOf("--level", level, model.Levels); err != nil {
		return s, err
	}
	if s.Type, err = oneOf("--type", typ, model.DomainTypes); err != nil {
		return s, err
	}
	if s.Grade, err = oneOf("--grade", grade, model.Grades); err != nil {
		return s, err
	}
	s.Brand = model.NormalizeName(brand)
	return s, nil
}

// oneOf finds what was typed among the words that would do, without regard to
// case. What is a flag or a message that says what it was typed for.
func oneOf[T ~string](what any, typed string, words []T) (T, error) {
	for _, w := range words {
		if model.NormalizeName(typed) == model.NormalizeName(string(w)) {
			return w, nil
		}
	}
	return "", out.Usage("usage.unknown-word", "what", what, "value", typed, "words", out.Join(words))
}

// duration reads a time span: Go's units, and d and w for days and weeks.
func duration(s string) (time.Duration, error) {
	bad := out.Usage("usage.span", "value", s)
	t := strings.TrimPrefix(strings.TrimSpace(s), "+")
	for unit, size := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, ok := strings.CutSuffix(t, unit); ok {
			v, err := strconv.ParseFloat(n, 64)
			// 273 years; what is no number is no span either.
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

// moment reads "+30d" or an RFC 3339 time.
func moment(s string, now time.Time) (time.Time, error) {
	if strings.HasPrefix(s, "+") {
		d, err := duration(s)
		return now.Add(d), err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, out.Usage("usage.moment", "value", s)
	}
	return t, nil
}
