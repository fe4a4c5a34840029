package cmd

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

// globalFlags are the flags of every verb. Flags for the location of the store apply to
// the process, the others to the session.
type globalFlags struct {
	data, config string
	sandbox      bool
	readOnly     bool
	version      bool // print the version instead of showing the dashboard
	unattended   bool // open the store for a moment, without listening for other processes
	acceptLoss   bool // open a store with missing data
	demo         bool // use a temporary store with a sample fleet
	mayCreate    bool // the verb may create the store
	dashboard    bool // this process shows the dashboard
	serve        bool // this process serves
}

// invocation is one command line that is being executed: its session, flags and open
// store. app is nil while a command line is only checked.
type invocation struct {
	*out.Console
	app     *app.App
	g       *globalFlags
	helpErr error // why no help could be shown
}

func newInvocation(s *session.Session, a *app.App) *invocation {
	return &invocation{Console: &out.Console{Session: s}, app: a, g: &globalFlags{}}
}

// verbGroups are the subcommands by the groups of the help. The id of a group is the
// code of its title. A new verb is an entry here and a file.
var verbGroups = []struct {
	id    string
	verbs []func(*invocation) *cobra.Command
}{
	{"help.group.certificates", []func(*invocation) *cobra.Command{
		buyCmd, buyPackCmd, preflightCmd, applyCmd, reviewCmd, templateCmd, withdrawCmd, closeCmd, uploadCmd, uploadKeyCmd, downloadCmd,
		tagCmd, ownerCmd, noteCmd, renewCmd, reorderCmd, reissueCmd, rekeyCmd, hostCmd, revokeCmd, deleteCmd,
	}},
	{"help.group.servers", []func(*invocation) *cobra.Command{
		deployCmd, undeployCmd, resourcesCmd, receiptsCmd, verifyCmd, acceptCmd, autoDeployCmd, productCmd, discoverCmd, adoptCmd,
		watchCmd, checkCmd,
	}},
	{"help.group.overview", []func(*invocation) *cobra.Command{
		listCmd, showCmd, explainCmd, viewCmd, tasksCmd, noticesCmd, balanceCmd, activityCmd, forecastCmd,
	}},
	{"help.group.authorities", []func(*invocation) *cobra.Command{issuerCmd, dnsCmd}},
	{"help.group.people", []func(*invocation) *cobra.Command{contactCmd, companyCmd, userCmd, sessionsCmd, approveCmd}},
	{"help.group.running", []func(*invocation) *cobra.Command{
		caCmd, tickCmd, clockCmd, demoCmd, serveCmd, statusCmd, backupCmd, restoreCmd, copyCmd, fsckCmd, unsealCmd, configCmd,
	}},
	{"help.group.help", []func(*invocation) *cobra.Command{rulesCmd, manCmd, versionCmd}},
}

// listVerbs are the verbs that print a list with --json, and so with --csv (spec Q5).
var listVerbs = map[string]bool{
	"list": true, "resources": true, "receipts": true, "tasks": true, "notices": true, "activity": true, "balance": true, "rules": true,
	"contact": true, "contact list": true, "company": true, "company list": true, "watch": true, "watch list": true,
	"issuer": true, "issuer list": true, "dns": true, "dns list": true, "dns providers": true, "view": true, "view list": true,
	"user": true, "user list": true, "sessions": true,
	"discover": true, "adopt": true, "product": true, "product list": true, "product drivers": true,
}

// addCSV adds --csv to a verb. What branches by JSON prints the list then, which
// [out.Console.PrintJSON] writes as CSV.
func (c *invocation) addCSV(cmd *cobra.Command) {
	cmd.Flags().BoolFunc("csv", "", func(s string) error {
		on, err := strconv.ParseBool(s)
		c.CSV, c.JSON = on, c.JSON || on
		return err
	})
	others := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		for _, other := range []string{"json", "follow"} {
			if cmd.Flags().Changed(other) && cmd.Flags().Changed("csv") {
				return out.Usage("usage.exclusive", "flag", other, "other", "csv", "verb", cmd.CommandPath())
			}
		}
		return others(cmd, args)
	}
}

// addVerbs adds the subcommands to the root, each in its group.
func (c *invocation) addVerbs(root *cobra.Command) {
	for _, g := range verbGroups {
		root.AddGroup(&cobra.Group{ID: g.id})
		for _, v := range g.verbs {
			cmd := v(c)
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	eachVerb(root, func(cmd *cobra.Command) {
		if listVerbs[nameOf(cmd)] {
			c.addCSV(cmd)
		}
	})
	root.SetHelpCommandGroupID("help.group.help")
	root.SetCompletionCommandGroupID("help.group.help")
}

// newRoot builds the command tree for one session. The same tree is used locally, over
// the owner's socket and over SSH.
func newRoot(c *invocation) *cobra.Command {
	root := rootAlone(c)
	c.addVerbs(root)
	c.addHelp(root)
	return root
}

// rootFor is newRoot for a command line. An empty one, of a dashboard, needs no verbs, which
// take milliseconds to make.
func rootFor(c *invocation, args []string) *cobra.Command {
	if len(args) == 0 {
		return rootAlone(c)
	}
	return newRoot(c)
}

// rootAlone is the root of the command tree, which shows the dashboard.
func rootAlone(c *invocation) *cobra.Command {
	root := &cobra.Command{
		Use:               "certquay",
		Args:              unknownVerb,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.g.version {
				return c.printVersion()
			}
			return dashboard(cmd.Context(), c)
		},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := c.checkPlaces(); err != nil {
				return err
			}
			if c.app != nil && c.app.ReadOnly || c.g.readOnly {
				c.Actor.ReadOnly = true // the engine refuses every change
			}
			if c.g.sandbox && c.app != nil && !c.app.Sandbox {
				return &rules.Refusal{Action: "sandbox", Reason: rules.ReasonNotSandbox}
			}
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&c.g.data, "data", "", "")
	f.StringVar(&c.g.config, "config", "", "")
	f.BoolVar(&c.g.sandbox, "sandbox", false, "")
	f.BoolVar(&c.JSON, "json", false, "")
	f.BoolVarP(&c.Yes, "yes", "y", false, "")
	f.BoolVar(&c.g.readOnly, "read-only", false, "")
	f.Var(new(language), "lang", strings.Join(text.Languages(), ", ")) // see languageOf
	f.BoolVar(&c.Plain, "plain", false, "")
	root.Flags().BoolVar(&c.g.version, "version", false, "")
	root.SetFlagErrorFunc(flagError)
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	return root
}

// run executes a command line and returns its exit code.
func run(ctx context.Context, c *invocation, args []string) int {
	c.Lang = cmp.Or(languageOf(args), c.Lang)
	root := rootFor(c, args)
	if isCompletion(args) {
		setHelp(c.Words(), root)
		if c.app == nil {
			c.addCompletions(root)
		}
	}
	// The slice must not be nil: cobra would then use the command line of this process,
	// so that an SSH session without a verb would execute "serve".
	root.SetArgs(append([]string{}, spellTags(root, args)...))
	err := cmp.Or(root.ExecuteContext(ctx), c.helpErr)
	if err == nil {
		return out.ExitOK
	}
	c.JSON = c.JSON || wantsJSON(args) // a wrong flag before it ends the parsing
	c.PrintError(err)
	return out.ExitCode(err)
}

// verbOf returns the verb of a command line without its arguments, for the log; "" for
// the dashboard and for an unknown verb.
func verbOf(args []string) string {
	cmd, _, err := rootFor(newInvocation(&session.Session{}, nil), args).Find(args)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	return name
}

// engine returns the engine for the session's actor, or nil while a command line is
// only checked.
func (c *invocation) engine() *lifecycle.Access {
	if c.app == nil {
		return nil
	}
	return c.app.Engine.As(c.currentActor)
}

// currentActor returns the present actor of the session.
func (c *invocation) currentActor() model.Actor {
	actor := c.Who()
	actor.ReadOnly = actor.ReadOnly || c.Actor.ReadOnly
	return actor
}
