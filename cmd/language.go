package cmd

import (
	"slices"

	"github.com/spf13/pflag"

	"certquay/model"
	"certquay/ui/text"
)

// language is the value of --lang; "" means the language of the locale (spec V5).
type language string

func (l *language) String() string { return string(*l) }

// Type implements [pflag.Value].
func (l *language) Type() string { return "string" }

// Set implements [pflag.Value].
func (l *language) Set(s string) error {
	if !slices.Contains(text.Languages(), s) {
		return model.Fail("usage.languages", "languages", text.Languages())
	}
	*l = language(s)
	return nil
}

var _ pflag.Value = (*language)(nil)

// languageOf returns the value of --lang, which is needed before the command line is
// parsed; "" if it is not given.
func languageOf(args []string) string {
	var l language
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.BoolP("help", "h", false, "")
	f.Var(&l, "lang", "")
	_ = f.Parse(args) // errors are reported when the command line is parsed
	return string(l)
}
