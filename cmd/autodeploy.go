package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
)

func autoDeployCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "auto-deploy",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[1] != "on" && args[1] != "off" {
				return usageError(cmd, "usage.auto-deploy")
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

// creditQuestion returns the confirmation question, with the number of available
// credits (spec D5).
func (c *invocation) creditQuestion(r lifecycle.ResourceView) (string, error) {
	all, err := c.engine().Balances()
	if err != nil {
		return "", err
	}
	free := 0
	for _, b := range all {
		if b.Kind == string(ledger.PackCredit) {
			free = b.Available
		}
	}
	return c.Text("verb.auto.question", "place", place(&r.Resource), "n", free), nil
}
