package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func acceptCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use: "accept", Args: s.args("arg.resource", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return actOn(cmd.Context(), c, &s, args, c.findResources(), effect[lifecycle.ResourceView]{
				action: rules.Accept, title: counted("many.accept"),
				plan: func(_ context.Context, r *lifecycle.ResourceView, _ *rules.Facts) (plan, error) {
					asked := model.Say(
						"verb.accept",
						"place",
						place(&r.Resource),
						"presented",
						short(r.Presented),
						"deployed",
						short(r.Deployed),
					)
					return plan{ask: true, lines: []string{c.Words().Text(asked)}, notes: []model.Text{asked}}, nil
				},
				begin: func(ctx context.Context, r *lifecycle.ResourceView) (begun, error) {
					i, err := c.engine().Accept(ctx, r.ID)
					return begun{end: func([]lifecycle.Progress) outcome { return c.accepted(r.ID, &i) }}, err
				},
			})
		},
	}
	s.flags(cmd)
	return cmd
}

// accepted returns a resource that presents an instance as intended from now on.
func (c *invocation) accepted(resource model.ID, i *model.Instance) outcome {
	v, err := c.engine().Resource(resource)
	if err != nil {
		return outcome{err: err}
	}
	return outcome{
		result: out.NewResource(&v),
		lines:  []model.Text{model.Say("verb.accepted", "place", place(&v.Resource), "name", i.Name)},
	}
}
