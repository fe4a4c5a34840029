package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func undeployCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use: "undeploy", Args: s.args("arg.resource", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return actOn(cmd.Context(), c, &s, args, c.findResources(), effect[lifecycle.ResourceView]{
				action: rules.Undeploy, title: counted("many.undeploy"),
				plan: func(_ context.Context, r *lifecycle.ResourceView, _ *rules.Facts) (plan, error) {
					return plan{ask: true, lines: []string{
						c.Text("verb.undeploy", "name", out.Dash(r.InstanceName), "place", place(&r.Resource)),
					}}, nil
				},
				begin: func(ctx context.Context, r *lifecycle.ResourceView) (begun, error) {
					j, err := c.engine().Undeploy(ctx, r.ID)
					return c.became(r.Instance, model.Say("verb.undeployed", "place", place(&r.Resource)), j.ID), err
				},
			})
		},
	}
	waitFlag(cmd.Flags(), &s.noWait)
	s.flags(cmd)
	return cmd
}
