package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"certquay/cmd/out"
	"certquay/lifecycle/directory"
	"certquay/lifecycle/rules"
	"certquay/model"
)

type userJSON struct {
	ID         model.ID  `json:"id"`
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	Disabled   *string   `json:"disabled"`
	Keys       []keyJSON `json:"keys"`
	Principals []string  `json:"principals"`
	Added      *string   `json:"added"`
	By         string    `json:"by"`
}

type keyJSON struct {
	Fingerprint string  `json:"fingerprint"`
	Type        string  `json:"type"`
	Comment     *string `json:"comment"`
	Added       *string `json:"added"`
	By          string  `json:"by"`
}

func toUser(u *model.User) userJSON {
	j := userJSON{
		ID: u.ID, Name: u.Name, Role: u.Role.String(), Disabled: out.TimeOrNil(u.Disabled), Keys: []keyJSON{},
		Principals: append([]string{}, u.Principals...), Added: out.TimeOrNil(u.Added), By: u.By,
	}
	for _, k := range u.Keys {
		kind, _, _ := strings.Cut(k.Line, " ")
		j.Keys = append(j.Keys, keyJSON{k.Fingerprint, kind, out.OrNil(k.Comment), out.TimeOrNil(k.Added), k.By})
	}
	return j
}

// userCmd manages who may log in over SSH (spec G1).
func userCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Args: unknownVerb, RunE: func(*cobra.Command, []string) error { return c.users() }}
	cmd.AddCommand(
		userAddCmd(c),
		&cobra.Command{Use: "list", Args: noArgs, RunE: func(*cobra.Command, []string) error { return c.users() }},
		&cobra.Command{Use: "show", Args: exactArg("arg.name"), RunE: func(_ *cobra.Command, args []string) error {
			u, err := c.engine().User(args[0])
			if err != nil {
				return err
			}
			return c.user(&u)
		}},
		&cobra.Command{
			Use: "role", Args: exactArgs("arg.name", "arg.role"), Example: "  certquay user role anna reviewer",
			RunE: func(cmd *cobra.Command, args []string) error {
				role, err := roleNamed("role", args[1])
				if err != nil {
					return err
				}
				return c.editUser(cmd.Context(), args[0], directory.UserEdit{Role: role})
			},
		},
		userKeyCmd(c), userPrincipalCmd(c),
		c.userSwitchCmd("disable", true), c.userSwitchCmd("enable", false),
		c.removeCmd("arg.name", rules.ActionUser,
			func(typed string) (model.ID, string, error) {
				u, err := c.engine().User(typed)
				return u.ID, u.Name, err
			},
			func(ctx context.Context, typed string) error {
				if err := c.engine().RemoveUser(ctx, typed); err != nil {
					return err
				}
				c.Say("verb.removed", "name", typed)
				return nil
			}),
	)
	return cmd
}

func userAddCmd(c *invocation) *cobra.Command {
	var e directory.UserEdit
	var role string
	var keys []string
	cmd := &cobra.Command{
		Use: "add", Args: exactArg("arg.name"),
		Example: "  certquay user add anna --role reviewer --key anna.pub\n" +
			"  certquay user add ben --principal ben@example.com\n" +
			"  ssh HOST user add carl --role operator --key - < carl.pub",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if e.Role, err = roleNamed("--role", role); err != nil {
				return err
			}
			if err := c.engine().Allow(cmd.Context(), rules.ActionUser, ""); err != nil {
				return err
			}
			if e.AddKeys, err = c.publicKeys(cmd.Context(), keys); err != nil {
				return err
			}
			u, err := c.engine().AddUser(cmd.Context(), args[0], e)
			if err != nil {
				return err
			}
			return c.user(&u)
		},
	}
	cmd.Flags().StringVar(&role, "role", model.Viewer.String(), strings.Join(model.RoleNames(), ", "))
	cmd.Flags().StringArrayVar(&keys, "key", nil, "")
	cmd.Flags().StringSliceVar(&e.AddPrincipals, "principal", nil, "")
	return cmd
}

func userKeyCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "key", Args: unknownVerb, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(
		&cobra.Command{
			Use: "add", Args: exactArgs("arg.name", "arg.file"),
			Example: "  certquay user key add anna laptop.pub\n  ssh HOST user key add anna - < laptop.pub",
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := c.engine().Allow(cmd.Context(), rules.ActionUser, ""); err != nil {
					return err
				}
				keys, err := c.publicKeys(cmd.Context(), args[1:])
				if err != nil {
					return err
				}
				return c.editUser(cmd.Context(), args[0], directory.UserEdit{AddKeys: keys})
			},
		},
		&cobra.Command{
			Use: "remove", Args: exactArgs("arg.name", "arg.key"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.editUser(cmd.Context(), args[0], directory.UserEdit{RemoveKeys: args[1:]})
			},
		},
	)
	return cmd
}

func userPrincipalCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "principal", Args: unknownVerb, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	sub := func(use string, edit func(principal []string) directory.UserEdit) {
		cmd.AddCommand(&cobra.Command{
			Use: use, Args: exactArgs("arg.name", "arg.principal"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.editUser(cmd.Context(), args[0], edit(args[1:]))
			},
		})
	}
	sub("add", func(p []string) directory.UserEdit { return directory.UserEdit{AddPrincipals: p} })
	sub("remove", func(p []string) directory.UserEdit { return directory.UserEdit{RemovePrincipals: p} })
	return cmd
}

func (c *invocation) userSwitchCmd(use string, disable bool) *cobra.Command {
	return &cobra.Command{
		Use: use, Args: exactArg("arg.name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.editUser(cmd.Context(), args[0], directory.UserEdit{Disable: &disable})
		},
	}
}

func (c *invocation) editUser(ctx context.Context, name string, e directory.UserEdit) error {
	u, err := c.engine().EditUser(ctx, name, e)
	if err != nil {
		return err
	}
	return c.user(&u)
}

// roleNamed returns the role that a person typed.
func roleNamed(what, typed string) (model.Role, error) {
	r := model.RoleNamed(typed)
	if r == model.NoRole {
		return r, out.Usage("usage.unknown-word", "what", what, "value", typed, "words", model.RoleNames())
	}
	return r, nil
}

// publicKeys reads public keys: each is a file, "-" or the key itself.
func (c *invocation) publicKeys(ctx context.Context, all []string) (lines []string, err error) {
	for _, typed := range all {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(typed)); err == nil {
			lines = append(lines, typed)
			continue
		}
		data, err := c.read(ctx, typed)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

func (c *invocation) users() error {
	all, err := c.engine().Users()
	if err != nil {
		return err
	}
	items, rows := []userJSON{}, [][]string(nil)
	for n := range all {
		u := &all[n]
		items = append(items, toUser(u))
		disabled := ""
		if !u.Enabled() {
			disabled = out.DateTime(u.Disabled)
		}
		var ways []string
		for _, k := range u.Keys {
			ways = append(ways, k.Fingerprint)
		}
		ways = append(ways, u.Principals...)
		if len(ways) == 0 {
			ways = []string{out.Dash("")}
		}
		rows = append(rows, []string{u.Name, c.Label("role", u.Role.String()), ways[0], out.Day(u.Added), u.By, out.Dash(disabled)})
		for _, way := range ways[1:] {
			rows = append(rows, []string{"", "", way, "", "", ""})
		}
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(all) == 0:
		c.Say("verb.user.none")
	default:
		c.Table(c.Heads("name", "role", "logs-in-by", "added", "by", "disabled"), rows)
	}
	return nil
}

func (c *invocation) user(u *model.User) error {
	if c.JSON {
		return c.PrintJSON(toUser(u))
	}
	fields := [][2]string{{c.Field("name"), u.Name}, {c.Field("role"), c.Label("role", u.Role.String())}}
	for _, k := range u.Keys {
		kind, _, _ := strings.Cut(k.Line, " ")
		fields = append(fields, [2]string{c.Field("ssh-key"), strings.TrimSpace(kind + " " + k.Fingerprint + " " + k.Comment)})
	}
	for _, p := range u.Principals {
		fields = append(fields, [2]string{c.Field("principal"), p})
	}
	fields = append(fields, [2]string{c.Field("added"), out.DateTime(u.Added) + " " + u.By})
	if !u.Enabled() {
		fields = append(fields, [2]string{c.Field("disabled"), out.DateTime(u.Disabled)})
	}
	c.Fields(fields)
	if len(u.Keys)+len(u.Principals) == 0 && u.Enabled() {
		c.Note("verb.user.no-key", "name", u.Name)
	}
	return nil
}

func userCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	users, err := c.engine().Users()
	for n := range users {
		all = append(all, candidate{Name: users[n].Name, About: c.Label("role", users[n].Role.String())})
	}
	return all, err
}

func userKeyCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	users, err := c.engine().Users()
	for n := range users {
		for _, k := range users[n].Keys {
			all = append(all, candidate{Name: k.Fingerprint, About: strings.TrimSpace(users[n].Name + " " + k.Comment)})
		}
	}
	return all, err
}
