package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

func withdrawCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw", Args: one("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if err := c.engine().Withdraw(cmd.Context(), i.ID); err != nil {
				return err
			}
			return c.show(i.ID, model.Say("verb.withdrawn"))
		},
	}
}

func closeCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "close", Args: one("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ending(cmd, args[0], rules.Close, c.engine().CloseInstance)
		},
	}
}

func deleteCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "delete", Args: one("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ending(cmd, args[0], rules.Delete, c.engine().Delete)
		},
	}
}

func explainCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "explain", Args: one("arg.id"),
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
				x.Next = append(x.Next, rules.Statement{Text: model.Say("next.verbs", "verbs", verbs)})
			}
			if c.JSON {
				en := text.New("en")
				return c.PrintJSON(map[string]any{
					"id":    i.ID,
					"state": en.Text(x.State),
					"why":   out.OrEmpty(statements(en, x.Why)),
					"next":  out.OrEmpty(statements(en, x.Next)),
				})
			}
			words := c.Words()
			c.Print(words.Text(x.State))
			for _, part := range []struct {
				head  string
				lines []string
			}{{"verb.why", statements(words, x.Why)}, {"verb.next", statements(words, x.Next)}} {
				if len(part.lines) > 0 {
					c.Print("\n" + c.Text(part.head))
				}
				for _, line := range part.lines {
					c.Print("  " + line)
				}
			}
			return nil
		},
	}
}

// statements are the sentences of an explanation in words.
func statements(words *text.Catalogue, all []rules.Statement) []string {
	var lines []string
	for _, s := range all {
		lines = append(lines, words.Statement(s, nil))
	}
	return lines
}

func tickCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "tick", Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := c.engine().Tick(cmd.Context())
			if err != nil {
				return err
			}
			next, err := c.engine().NextDue()
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"jobs": n, "next": out.TimeOrNil(next)})
			}
			if next.IsZero() {
				c.Say("verb.tick.last", "n", n)
			} else {
				c.Say("verb.tick", "n", n, "at", next)
			}
			return nil
		},
	}
}

func autoDeployCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "auto-deploy",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[1] != "on" && args[1] != "off" {
				return misused(cmd, "usage.auto-deploy")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			on := args[1] == "on"
			if on && c.engine().May(rules.AutoDeploy) == nil {
				question, err := c.creditQuestion(r)
				if err != nil {
					return err
				}
				if err := c.Confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			if err := c.engine().AutoDeploy(cmd.Context(), r.ID, on); err != nil {
				return err
			}
			v, err := c.engine().Resource(r.ID)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(out.NewResource(&v))
			}
			code := "verb.auto-off"
			if on {
				code = "verb.auto-on"
			}
			c.Say(code, "place", place(&v.Resource))
			return nil
		},
	}
}

func versionCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: onlyFlags,
		RunE: func(*cobra.Command, []string) error {
			if c.JSON {
				return c.PrintJSON(map[string]string{"version": Version})
			}
			_, err := fmt.Fprintln(c.Out, "certquay", Version)
			return err
		},
	}
}
