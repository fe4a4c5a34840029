package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/lifecycle/rules"
	"certquay/model"
)

func withdrawCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use: "withdraw", Args: s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Withdraw, title: counted("many.withdraw"), plan: unasked[model.Instance],
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					return c.became(i.ID, model.Say("verb.withdrawn")), c.engine().Withdraw(ctx, i.ID)
				},
			})
		},
	}
	s.flags(cmd)
	return cmd
}
