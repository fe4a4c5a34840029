package cmd

import (
	"strings"

	"github.com/spf13/pflag"

	"certquay/model"
	"certquay/ui/text"
)

// words is the catalogue of the session's language.
func (c *call) words() *text.Catalogue { return text.New(c.Lang) }

// text is a message in the language of the session.
func (c *call) text(code string, args ...any) string { return c.words().Text(model.Say(code, args...)) }

// label is a code, such as a state, as people read it under a kind of the
// catalogue: in English as it is typed and as JSON has it.
func (c *call) label(kind, code string) string {
	words := c.words()
	if words.Lang == "en" {
		return code
	}
	return words.Or(kind+"."+code, code)
}

// worded says messages in English, one each.
func worded(all []model.Text) []string {
	out := make([]string, len(all))
	for n, t := range all {
		out[n] = english(t)
	}
	return out
}

// english says a message in English, as it stands in JSON and in the log in
// every language; "" for none.
func english(t model.Text) string { return strings.Join(text.New("en").Lines(t), "\n") }

// spoken is the language that a command line asks for, found before the rest of
// it is understood; "" for none.
func spoken(args []string) string {
	var l language
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.BoolP("help", "h", false, "")
	f.Var(&l, "lang", "")
	_ = f.Parse(args) // what is wrong is told when all of it is parsed
	return string(l)
}
