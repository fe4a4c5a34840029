package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/text"
)

func withdrawCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw ID", Short: "Withdraw an application; its draft stays", Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Withdraw); err != nil {
				return err
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if err := c.engine().Withdraw(cmd.Context(), c.Actor, i.ID); err != nil {
				return err
			}
			return c.show(i.ID, "withdrawn; the draft is kept")
		},
	}
}

func closeCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "close ID", Short: "Close an instance for which nothing was issued", Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ending(cmd, args[0], lifecycle.Close, "closed", c.engineOf().CloseInstance)
		},
	}
}

func deleteCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "delete ID", Short: "Delete an instance for good; its keys are destroyed", Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ending(cmd, args[0], lifecycle.Delete, "deleted", c.engineOf().Delete)
		},
	}
}

func explainCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "Say why it is as it is, and what happens next", Args: one("ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			x, err := c.engine().Explain(i.ID)
			if err != nil {
				return err
			}
			var verbs []string
			for _, a := range x.Can {
				verbs = append(verbs, c.engine().Table().Row(a).Verb)
			}
			if len(verbs) > 0 {
				x.Next = append(x.Next, lifecycle.Statement{Text: model.Say("next.verbs", "verbs", verbs)})
			}
			if c.g.json {
				en := text.New("en")
				return c.printJSON(map[string]any{
					"id":    i.ID,
					"state": en.Text(x.State),
					"why":   orEmpty(statements(en, x.Why)),
					"next":  orEmpty(statements(en, x.Next)),
				})
			}
			words := c.words()
			c.say("%s", words.Text(x.State))
			for _, part := range []struct {
				head  string
				lines []string
			}{{"why", statements(words, x.Why)}, {"next", statements(words, x.Next)}} {
				if len(part.lines) > 0 {
					c.say("\n%s", part.head)
				}
				for _, line := range part.lines {
					c.say("  %s", line)
				}
			}
			return nil
		},
	}
}

// statements are the sentences of an explanation in words.
func statements(words *text.Catalogue, all []lifecycle.Statement) []string {
	var lines []string
	for _, s := range all {
		lines = append(lines, words.Statement(s, nil))
	}
	return lines
}

func tickCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "tick", Short: "One pass of the scheduler now, waiting for the work it starts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.changing("tick"); err != nil {
				return err
			}
			n, err := c.engine().Tick(cmd.Context())
			if err != nil {
				return err
			}
			next, err := c.engine().NextDue()
			if err != nil {
				return err
			}
			if c.g.json {
				return c.printJSON(map[string]any{"jobs": n, "next": timeOrNil(next)})
			}
			if next.IsZero() {
				c.say("%d jobs done; nothing is due later", n)
			} else {
				c.say("%d jobs done; next at %s", n, next.UTC().Format("2006-01-02 15:04:05Z"))
			}
			return nil
		},
	}
}

func autoDeployCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "auto-deploy RESOURCE on|off", Short: "Deploy renewals to a resource by itself, or not",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[1] != "on" && args[1] != "off" {
				return &usageError{"auto-deploy takes a resource and on or off", "certquay " + cmd.Use}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.AutoDeploy); err != nil {
				return err
			}
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			on := args[1] == "on"
			if on {
				question, err := c.creditQuestion(r)
				if err != nil {
					return err
				}
				if err := c.confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			if err := c.engine().AutoDeploy(cmd.Context(), c.Actor, r.ID, on); err != nil {
				return err
			}
			v, err := c.engine().Resource(r.ID)
			if err != nil {
				return err
			}
			if c.g.json {
				return c.printJSON(resource(&v))
			}
			c.say("%s %s %s: auto-deploy is %s", v.Product, v.Region, v.Name, args[1])
			return nil
		},
	}
}

func versionCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.g.json {
				return c.printJSON(map[string]string{"version": Version})
			}
			_, err := fmt.Fprintln(c.Out, "certquay", Version)
			return err
		},
	}
}
