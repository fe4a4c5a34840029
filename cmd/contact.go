package cmd

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/lifecycle/directory"
	"certquay/model"
)

type contactJSON struct {
	ID       model.ID `json:"id"`
	Name     string   `json:"name"`
	Email    *string  `json:"email"`
	Phone    *string  `json:"phone"`
	Channels []string `json:"channels"`
}

func contactCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "contact", Args: unknownVerb,
		RunE: func(*cobra.Command, []string) error { return c.contacts() }}
	var ct model.Contact
	var channels channelFlags
	add := &cobra.Command{
		Use: "add", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if ct.Channels, err = channels.read(cmd.Context(), c); err != nil {
				return err
			}
			saved, err := c.engine().AddContact(cmd.Context(), ct)
			if err != nil {
				return err
			}
			c.warnUnreached(&saved)
			return c.contact(&saved)
		},
	}
	add.Flags().StringVar(&ct.Name, "name", "", "")
	add.Flags().StringVar(&ct.Email, "email", "", "")
	add.Flags().StringVar(&ct.Phone, "phone", "", "")
	channels.bind(add)
	cmd.AddCommand(add, contactEditCmd(c), contactAssignCmd(c), contactTestCmd(c),
		&cobra.Command{Use: "list", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return c.contacts() }},
		&cobra.Command{Use: "show", Args: exactArg("arg.name"),
			RunE: func(_ *cobra.Command, args []string) error {
				ct, err := c.engine().Contact(args[0])
				if err != nil {
					return err
				}
				return c.contact(&ct)
			}},
		c.removeCmd("arg.name", "contact",
			func(typed string) (model.ID, string, error) {
				ct, err := c.engine().UnusedContact(typed)
				return ct.ID, ct.Name, err
			},
			func(ctx context.Context, typed string) error {
				if err := c.engine().RemoveContact(ctx, typed); err != nil {
					return err
				}
				c.Say("verb.removed", "name", typed)
				return nil
			}))
	return cmd
}

// warnUnreached warns of a contact that receives no notices (spec D9).
func (c *invocation) warnUnreached(ct *model.Contact) {
	if !c.engine().Reaches(*ct) {
		c.Note("verb.contact.unreached", "name", ct.Name)
	}
}

func contactEditCmd(c *invocation) *cobra.Command {
	var e directory.ContactEdit
	var channels channelFlags
	cmd := &cobra.Command{
		Use: "edit", Args: exactArg("arg.name"),
		Example: "  certquay contact edit Ops --email ops@example.com\n" +
			"  certquay contact edit Ops --remove-channel 1 --channel-file slack.url",
	}
	f := cmd.Flags()
	f.StringVar(&e.Name, "name", "", "")
	f.StringVar(&e.Email, "email", "", "")
	f.StringVar(&e.Phone, "phone", "", "")
	f.IntSliceVar(&e.RemoveChannels, "remove-channel", nil, "")
	channels.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !anyFlagSet(cmd) {
			return out.Usage("usage.nothing-to-edit", "verb", cmd.CommandPath())
		}
		if err := c.engine().Allow(cmd.Context(), "contact", ""); err != nil {
			return err
		}
		was, err := c.engine().Contact(args[0])
		if err != nil {
			return err
		}
		e.Was = was
		keepUnset(f, map[string]keptValue{"name": {&e.Name, was.Name}, "email": {&e.Email, was.Email}, "phone": {&e.Phone, was.Phone}})
		if e.AddChannels, err = channels.read(cmd.Context(), c); err != nil {
			return err
		}
		saved, err := c.engine().EditContact(cmd.Context(), e)
		if err != nil {
			return err
		}
		c.warnUnreached(&saved)
		return c.contact(&saved)
	}
	return cmd
}

// keptValue is the value of a flag and what it stays at if it is not given.
type keptValue struct {
	flag *string
	now  string
}

// keepUnset sets the values of flags that were not given to what they are now.
func keepUnset(f *pflag.FlagSet, values map[string]keptValue) {
	for name, v := range values {
		if !f.Changed(name) {
			*v.flag = v.now
		}
	}
}

// contactChannels lists channels with the numbers by which they are removed.
func contactChannels(ct *model.Contact) string {
	all := make([]string, len(ct.Channels))
	for n, shown := range ct.Channels {
		all[n] = strconv.Itoa(n+1) + " " + shown
	}
	return out.Dash(strings.Join(all, ", "))
}

func toContact(ct *model.Contact) contactJSON {
	return contactJSON{ct.ID, ct.Name, out.OrNil(ct.Email), out.OrNil(ct.Phone), out.OrEmpty(ct.Channels)}
}

var contactHeads = []string{"name", "email", "phone", "channels"}

func (c *invocation) contact(ct *model.Contact) error {
	if c.JSON {
		return c.PrintJSON(toContact(ct))
	}
	c.Table(c.Heads(contactHeads...), [][]string{
		{ct.Name, ct.Email, out.Dash(ct.Phone), contactChannels(ct)},
	})
	return nil
}

func (c *invocation) contacts() error {
	all, err := c.engine().Contacts()
	if err != nil {
		return err
	}
	items := []contactJSON{}
	var rows [][]string
	for n := range all {
		ct := &all[n]
		items = append(items, toContact(ct))
		rows = append(rows, []string{ct.Name, ct.Email, out.Dash(ct.Phone), contactChannels(ct)})
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.contact.none")
	default:
		c.Table(c.Heads(contactHeads...), rows)
	}
	return nil
}
