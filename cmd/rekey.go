package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func rekeyCmd(c *invocation) *cobra.Command {
	s := selection{}
	var reason string
	cmd := &cobra.Command{
		Use:     "rekey",
		Example: "  certquay rekey shop.example.com\n  certquay rekey --where owner:anna --reason superseded --yes",
		Args:    s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if reason, err = oneOf("--reason", reason, rules.RevocationReasons); err != nil {
				return err
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Rekey, title: counted("many.rekey", "reason", reason),
				plan: func(_ context.Context, i *model.Instance, _ *rules.Facts) (plan, error) {
					return c.planRekey(i, reason)
				},
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					j, err := c.engine().Rekey(ctx, i.ID, reason)
					b := c.became(i.ID, model.Say("verb.rekeyed"), j.ID)
					b.follows = true
					return b, err
				},
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", rules.RekeyReason, out.Join(rules.RevocationReasons))
	waitFlag(cmd.Flags(), &s.noWait)
	s.flags(cmd)
	return cmd
}

// planRekey says where the new version is deployed, and what is revoked after that.
func (c *invocation) planRekey(i *model.Instance, reason string) (plan, error) {
	of, err := c.engine().PlanRekey(i.ID)
	if err != nil {
		return plan{}, err
	}
	p := plan{ask: true, lines: []string{c.Text("verb.rekey", "name", i.Name)}}
	c.addPlaces(&p, of.Resources)
	add := func(t model.Text) { p.lines, p.notes = append(p.lines, c.Words().Text(t)), append(p.notes, t) }
	if len(of.Versions) > 0 {
		add(model.Say("verb.rekey.revokes", "versions", rules.Numbers(of.Versions), "reason", reason))
	}
	for n := range of.Shared {
		add(model.Say("verb.rekey.shared", "name", of.Shared[n].Name, "id", of.Shared[n].ID.Short()))
	}
	return p, nil
}
