package cmd

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/model"
)

// noneSuch is for verbs with verbs below them. It refuses a word where one of
// those should stand, and names those that are written much like it.
func noneSuch(cmd *cobra.Command, args []string) error {
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

// onlyFlags is for verbs that take nothing but flags; a name is what is most
// often meant by a word without one.
func onlyFlags(cmd *cobra.Command, args []string) error {
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

// one is for verbs that take exactly one word, which the code says what it is.
func one(code string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return misused(cmd, "usage.one", "what", model.Say(code))
		}
		return nil
	}
}

// atMostOne is for verbs that take one word or none.
func atMostOne(cmd *cobra.Command, args []string) error {
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
