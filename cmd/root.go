package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/text"
)

// language is the flag that says in which language the dashboard is; "" leaves
// it to the locale (spec V5).
type language string

func (l *language) String() string { return string(*l) }

// Type implements [pflag.Value].
func (l *language) Type() string { return "string" }

// Set implements [pflag.Value].
func (l *language) Set(s string) error {
	if !slices.Contains(text.Languages(), s) {
		return fmt.Errorf("there are %s", strings.Join(text.Languages(), " and "))
	}
	*l = language(s)
	return nil
}

var _ pflag.Value = (*language)(nil)

// global is what every verb is told by flags. Those that say where the store
// is belong to the process, the others to the session.
type global struct {
	data, config string
	sandbox      bool
	json         bool
	yes          bool
	readOnly     bool
	plain        bool
	lang         string
	acceptLoss   bool // a store that holds less than it did is opened as it is
	demo         bool // a throw-away store with a fleet in it
	dashboard    bool // this process is to show it
	serve        bool // this process is to serve
}

// call is one command line at work: whose it is, what it was told, and the
// opened store. The app is nil while a command line is only checked.
type call struct {
	*session.Session
	app *App
	g   *global
}

// verbs are all commands of the tree, in the order in which help shows them.
// Adding a verb is one line here and one file.
var verbs = []func(*call) *cobra.Command{
	buyCmd, buyPackCmd, applyCmd, reviewCmd, templateCmd, withdrawCmd, closeCmd, uploadCmd, uploadKeyCmd, downloadCmd,
	listCmd, showCmd, explainCmd, tasksCmd,
	deployCmd, undeployCmd, resourcesCmd, verifyCmd, autoDeployCmd, productCmd, watchCmd,
	renewCmd, reissueCmd, hostCmd, revokeCmd, deleteCmd,
	contactCmd, companyCmd, noticesCmd, balanceCmd, activityCmd, forecastCmd,
	caCmd, tickCmd, clockCmd, demoCmd, serveCmd, backupCmd, restoreCmd, fsckCmd, unsealCmd, configCmd, versionCmd,
}

// newRoot builds the command tree for one session. The same tree answers
// locally, over the owner's socket and over SSH.
func newRoot(c *call) *cobra.Command {
	root := &cobra.Command{
		Use:   "certquay",
		Short: "The whole life cycle of TLS certificates on one keyboard",
		Long: `certquay buys, applies, issues, deploys, verifies, renews and revokes real
X.509 certificates. Without a verb it opens the dashboard.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the rules,
4 not found, 5 the store cannot be opened.`,
		Args:              noneSuch,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		RunE:              func(cmd *cobra.Command, _ []string) error { return dashboard(cmd.Context(), c) },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := c.place(); err != nil {
				return err
			}
			if c.app != nil && c.app.looking || c.g.readOnly {
				c.Actor.ReadOnly = true // the engine refuses it every change
			}
			if c.g.sandbox && c.app != nil && !c.app.Sandbox {
				return &lifecycle.Refusal{Action: "sandbox", Reason: lifecycle.ReasonNotSandbox}
			}
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&c.g.data, "data", "", "data directory (default: the XDG data directory)")
	f.StringVar(&c.g.config, "config", "", "configuration file (default: the XDG configuration directory)")
	f.BoolVar(&c.g.sandbox, "sandbox", false, "make a new store a sandbox, with a movable clock")
	f.BoolVar(&c.g.json, "json", false, "print JSON")
	f.BoolVarP(&c.g.yes, "yes", "y", false, "confirm; offers still have to be typed")
	f.BoolVar(&c.g.readOnly, "read-only", false, "refuse every change, show no secrets")
	f.Var((*language)(&c.g.lang), "lang", "language of the dashboard: "+strings.Join(text.Languages(), " or ")+" (default: the locale)")
	f.BoolVar(&c.g.plain, "plain", false, "the dashboard as lines of words, for a screen reader")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		said, _, _ := strings.Cut(err.Error(), ": strconv.") // what a library says of a number that is none
		return &usageError{said, cmd.CommandPath() + " --help"}
	})
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	for _, v := range verbs {
		cmd := v(c)
		if cmd.HasSubCommands() && cmd.ValidateArgs([]string{"x"}) != nil {
			cmd.Args = noneSuch
		}
		for _, leaf := range append(cmd.Commands(), cmd) {
			if !leaf.HasSubCommands() && takesNone(leaf) {
				leaf.Args = onlyFlags
			}
		}
		root.AddCommand(cmd)
	}
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Run, cmd.RunE = nil, helpOn
		}
	}
	root.InitDefaultCompletionCmd()
	return root
}

// noneSuch refuses a word where a verb should stand, and names those that are
// written much like it.
func noneSuch(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2 // what cobra uses
	hint := cmd.CommandPath() + " --help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + cmd.CommandPath() + " " + strings.Join(near, " or ") + "?"
	}
	return &usageError{fmt.Sprintf("unknown command '%s' for '%s'", args[0], cmd.CommandPath()), hint}
}

// takesNone says whether a verb has flags only.
func takesNone(cmd *cobra.Command) bool {
	err := cmd.ValidateArgs([]string{"x"})
	return err != nil && strings.HasPrefix(err.Error(), "unknown command") // cobra.NoArgs
}

// onlyFlags refuses a word without a flag; a name is what is most often meant
// by one. Cobra calls it an unknown command.
func onlyFlags(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := cmd.CommandPath() + " --help"
	if cmd.Flags().Lookup("name") != nil {
		name := strings.Join(args, " ")
		if len(args) > 1 {
			name = "'" + name + "'"
		}
		hint = "use --name: " + cmd.CommandPath() + " --name " + name
	}
	return &usageError{fmt.Sprintf("%s takes flags only, and '%s' is none", cmd.CommandPath(), args[0]), hint}
}

// helpOn shows the help of a verb; cobra's own shows that of the root where
// there is no such verb.
func helpOn(cmd *cobra.Command, args []string) error {
	verb, rest, err := cmd.Root().Find(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return noneSuch(verb, rest)
	}
	verb.InitDefaultHelpFlag()
	return verb.Help()
}

// run carries out a command line and returns its exit code.
func run(ctx context.Context, c *call, args []string) int {
	root := newRoot(c)
	// Never nil: cobra would take this process's own command line instead, so
	// that whoever comes in over SSH without a verb would be served "serve".
	root.SetArgs(append([]string{}, args...))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	err = asUsage(err)
	printError(c, err)
	return exitCode(err)
}

// verbOf is the verb of a command line without what it is done to, as it stands
// in the log; "" for the dashboard and for what is no verb.
func verbOf(args []string) string {
	cmd, _, err := newRoot(&call{Session: &session.Session{}, g: &global{}}).Find(args)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	return name
}

// asUsage recognizes cobra's own complaints, which are all about usage.
func asUsage(err error) error {
	var u *usageError
	if errors.As(err, &u) {
		return err
	}
	said, _, _ := strings.Cut(err.Error(), "\n")
	for _, start := range []string{
		"unknown command", "unknown flag", "unknown shorthand", "required flag", "accepts ", "requires ",
		"invalid argument", "if any flags in the group", "flag needs an argument",
	} {
		if strings.HasPrefix(err.Error(), start) {
			return &usageError{strings.ReplaceAll(said, "\"", "'"), "certquay help"}
		}
	}
	return err
}

// usageError is a command line that cannot be understood (exit 2).
type usageError struct{ what, hint string }

func (u *usageError) Error() string { return u.what }

// place judges what a command line says of the place of the store: over SSH
// that is nobody's choice, and attached the owner made it.
func (c *call) place() error {
	switch c.Kind {
	case session.Network:
		for flag, given := range map[string]bool{"--data": c.g.data != "", "--config": c.g.config != "", "--sandbox": c.g.sandbox} {
			if given {
				return &usageError{
					flag + " is for the machine where the store is; over SSH it is the one that is served",
					"leave " + flag + " out",
				}
			}
		}
	case session.Socket:
		if c.g.config != "" && c.app != nil && c.Abs(c.g.config) != c.app.file {
			c.note("--config is not used: the store is open with %s, by process %d", c.app.file, os.Getpid())
		}
	}
	return nil
}

// engine is the engine for a verb that only reads.
func (c *call) engine() *lifecycle.Engine { return c.app.Engine }

// changing says whether this session may change anything (spec V7).
func (c *call) changing(a lifecycle.Action) error {
	if c.Actor.ReadOnly {
		return &lifecycle.Refusal{Action: a, Reason: lifecycle.ReasonReadOnly}
	}
	return nil
}

// confirm asks before what cannot be taken back; the question is made by
// [sentence], and typed is shown as it is there. --yes answers; without a
// terminal and without --yes it is wrong usage.
func (c *call) confirm(ctx context.Context, question, typed string) error {
	if c.g.yes {
		return nil
	}
	if !c.Interactive {
		return &usageError{"this needs a confirmation, and there is no terminal to ask on", "add --yes"}
	}
	want := "yes"
	if typed != "" {
		want = typed
	}
	answer, err := c.Ask(ctx, question+sentence("\nType %s to go on: ", want))
	if err != nil {
		return fmt.Errorf("ask for the confirmation: %w", err)
	}
	if got := model.Fold(answer); got != model.Fold(want) && got != model.Fold(session.Escape(want, 4000)) {
		return &usageError{"not confirmed, so nothing was changed", "type " + want}
	}
	return nil
}

// each adds a flag whose values are repeated or comma-separated.
func each(f *pflag.FlagSet, to *[]string, name, usage string) { f.StringSliceVar(to, name, nil, usage) }

// one is the argument list of a verb that takes exactly one.
func one(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return &usageError{fmt.Sprintf("%s takes exactly one %s", cmd.Name(), what), "certquay " + cmd.Use}
		}
		return nil
	}
}
