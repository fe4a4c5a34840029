package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func undeployCmd(c *invocation) *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use: "undeploy", Args: exactArg("arg.resource"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			if c.engine().May(rules.Undeploy) == nil {
				question := c.Text("verb.undeploy", "name", out.Dash(r.InstanceName), "place", place(&r.Resource))
				if err := c.Confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			j, err := c.engine().Undeploy(cmd.Context(), r.ID)
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), r.Instance, noWait, model.Say("verb.undeployed", "place", place(&r.Resource)), j.ID)
		},
	}
	waitFlag(cmd.Flags(), &noWait)
	return cmd
}
