package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func deleteCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use: "delete", Args: s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Delete, title: counted("many.delete"), typed: true,
				plan: func(_ context.Context, i *model.Instance, _ *rules.Facts) (plan, error) {
					return plan{ask: true, typed: i.Name, lines: []string{
						c.Text("verb.end", "action", rules.Delete, "name", i.Name, "id", i.ID),
					}}, nil
				},
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					deleted := func([]lifecycle.Progress) outcome {
						return outcome{
							result: map[string]any{"id": i.ID, "deleted": true},
							lines:  []model.Text{model.Say("verb.deleted", "id", i.ID)},
						}
					}
					return begun{end: deleted}, c.engine().Delete(ctx, i.ID)
				},
			})
		},
	}
	s.flags(cmd)
	return cmd
}
