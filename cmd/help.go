package cmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/ui/text"
)

// addHelp adds the verbs help and completion, and the flag --help. Texts are looked up
// when they are needed, because few command lines show help. Cobra has no way to return an
// error from help, so that the one about an unknown verb is left in c.helpErr.
func (c *invocation) addHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpFlag() // else the word after it would be taken for its value
	for _, cmd := range root.Commands() {
		for _, group := range append(cmd.Commands(), cmd) {
			if group.HasSubCommands() {
				group.InitDefaultHelpFlag()
			}
		}
		switch cmd.Name() {
		case "help":
			cmd.Run, cmd.RunE, cmd.Long = nil, helpFor, ""
		case "completion":
			cmd.Args, cmd.Long = unknownVerb, ""
			for _, shell := range cmd.Commands() {
				shell.Args, shell.Long = noArgs, ""
				shell.Flags().Lookup("no-descriptions").Usage = ""
			}
		}
	}
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		if cmd.HasSubCommands() {
			if c.helpErr = unknownVerb(cmd, cmd.Flags().Args()); c.helpErr != nil {
				return
			}
		}
		setHelp(c.Words(), root)
		_, _ = io.WriteString(cmd.OutOrStdout(), helpText(c.Words(), cmd))
	})
}

// helpCode returns the catalogue key of a part of a verb's help, such as
// help.watch.add.use for the arguments of "certquay watch add". The root command's keys
// begin with help.certquay.
func helpCode(cmd *cobra.Command, part string) string {
	path := nameOf(cmd)
	if path == "" {
		path = cmd.Name()
	}
	return "help." + strings.ReplaceAll(path, " ", ".") + "." + part
}

// setHelp sets the help texts of a verb and its subcommands: short and long
// description, arguments (use) and flags. A flag without a text under its verb uses the
// general one. A text that the verb has already set replaces the %s in the catalogue's,
// so setHelp is called once.
func setHelp(words *text.Catalogue, cmd *cobra.Command) {
	cmd.Short = words.T(helpCode(cmd, "short"))
	if write := helpLists[nameOf(cmd)]; write != nil {
		cmd.Long = write(words)
	}
	cmd.Long = formatWords(words, helpCode(cmd, "long"), cmd.Long)
	if use := helpCode(cmd, "use"); words.Has(use) {
		cmd.Use = cmd.Name() + " " + words.T(use)
	} else {
		cmd.Use = cmd.Name()
	}
	cmd.InitDefaultHelpFlag()
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		code := helpCode(cmd, "--"+f.Name)
		if !words.Has(code) {
			code = "help.--" + f.Name
		}
		f.Usage = formatWords(words, code, f.Usage)
		if own := f.Annotations[meaningCode]; own != nil {
			f.Usage = meaningsOf(words, own, f.Annotations[driversOf])
		}
	})
	cmd.Flags().Lookup("help").Usage = words.T("help.--help", cmd.Name())
	for _, sub := range cmd.Commands() {
		setHelp(words, sub)
	}
}

// helpLists is what the long descriptions of some verbs list that takes long to write: most
// command lines show none of it.
var helpLists = map[string]func(*text.Catalogue) string{
	"config": func(words *text.Catalogue) string {
		return builtInIssuers(words) + "\n\n" + builtInDrivers(words) + "\n\n" + builtInEngines(words)
	},
	"product drivers": builtInDrivers,
}

// Annotations of a flag that is a setting: the codes of its meanings, and the driver that each
// is of, "" for all.
const (
	meaningCode = "meaning"
	driversOf   = "drivers"
)

// meaningsOf is what a setting means to each driver that has it; those to whom it means the
// same stand together.
func meaningsOf(words *text.Catalogue, codes, drivers []string) string {
	var all []string
	of := map[string][]string{}
	for n, code := range codes {
		meaning := formatWords(words, code, "")
		if of[meaning] == nil {
			all = append(all, meaning)
		}
		of[meaning] = append(of[meaning], drivers[n])
	}
	for n, meaning := range all {
		if names := strings.Join(of[meaning], ", "); names != "" {
			all[n] = names + ": " + meaning
		}
	}
	return strings.Join(all, " ")
}

// formatWords returns a text of the catalogue with its %s replaced, or "" if there is
// no such text.
func formatWords(words *text.Catalogue, code, with string) string {
	switch {
	case !words.Has(code):
		return ""
	case with == "":
		return words.T(code)
	}
	return fmt.Sprintf(words.T(code), with)
}

// helpFor shows the help of a verb. Unlike cobra's own command it rejects an unknown
// verb.
func helpFor(cmd *cobra.Command, args []string) error {
	verb, rest, err := cmd.Root().Find(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return unknownVerb(verb, rest)
	}
	return verb.Help()
}

// helpText returns the help of a verb in cobra's layout.
func helpText(words *text.Catalogue, cmd *cobra.Command) string {
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	b.WriteString(about + "\n\n" + words.T("help.usage"))
	if cmd.Runnable() {
		b.WriteString("\n  " + useLine(words, cmd))
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n  " + cmd.CommandPath() + " " + words.T("help.verb"))
	}
	if cmd.HasExample() {
		b.WriteString("\n\n" + words.T("help.examples") + "\n" + cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		if len(cmd.Groups()) == 0 {
			b.WriteString("\n\n" + words.T("help.verbs") + verbTexts(cmd, ""))
		}
		for _, g := range cmd.Groups() {
			b.WriteString("\n\n" + words.T(g.ID) + verbTexts(cmd, g.ID))
		}
	}
	if cmd.HasAvailableLocalFlags() {
		b.WriteString("\n\n" + words.T("help.flags") + flagTexts(words, cmd.LocalFlags()))
	}
	if cmd.HasAvailableInheritedFlags() {
		b.WriteString("\n\n" + words.T("help.global-flags") + flagTexts(words, cmd.InheritedFlags()))
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n\n" + words.T("help.more", cmd.CommandPath()))
	}
	return b.String() + "\n"
}

// shownVerbs returns the subcommands of a group that the help lists; without groups the
// group is "".
func shownVerbs(cmd *cobra.Command, group string) (shown []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.GroupID == group && (sub.IsAvailableCommand() || sub.Name() == "help") {
			shown = append(shown, sub)
		}
	}
	return shown
}

// verbTexts returns a line for each subcommand of a group.
func verbTexts(cmd *cobra.Command, group string) string {
	var b strings.Builder
	for _, sub := range shownVerbs(cmd, group) {
		b.WriteString("\n  " + out.Pad(sub.Name(), sub.NamePadding()) + " " + sub.Short)
	}
	return b.String()
}

// useLine returns the usage line of a verb.
func useLine(words *text.Catalogue, cmd *cobra.Command) string {
	line := cmd.Use
	if cmd.HasParent() {
		line = cmd.Parent().CommandPath() + " " + line
	}
	if cmd.HasAvailableFlags() && !cmd.DisableFlagsInUseLine {
		line += " " + words.T("help.any-flags")
	}
	return line
}

// flagTexts returns a line for each flag: name, type, description and default.
func flagTexts(words *text.Catalogue, flags *pflag.FlagSet) string {
	rows, width := flagRows(words, flags), 0
	for _, r := range rows {
		width = max(width, ansi.StringWidth(r.name))
	}
	var b strings.Builder
	for _, r := range rows {
		b.WriteString("\n" + out.Pad("  "+r.name, width+2) + "   " + r.text)
	}
	return b.String()
}

// flagRow is the help of a flag. The name has room for a letter before it, and is
// followed by the type.
type flagRow struct{ name, text string }

func flagRows(words *text.Catalogue, flags *pflag.FlagSet) (rows []flagRow) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		takes, usage := pflag.UnquoteUsage(f)
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if takes != "" {
			name += " " + words.Lookup("help.type."+takes, takes)
		}
		if !slices.Contains([]string{"", "0", "false", "[]"}, f.DefValue) {
			usage += words.T("help.default", f.DefValue)
		}
		rows = append(rows, flagRow{name, usage})
	})
	return rows
}
