package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func reorderCmd(c *invocation) *cobra.Command {
	s := selection{}
	stated := map[string]*string{"level": new(string), "type": new(string), "brand": new(string), "grade": new(string)}
	cmd := &cobra.Command{
		Use:     "reorder",
		Example: "  certquay reorder old.example.com\n  certquay reorder --where is:expired --dry-run",
		Args:    s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := lifecycle.ReorderRequest{}
			var err error
			if r.Spec, err = parseSpecification(stated); err != nil {
				return err
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Reorder, title: counted("many.reorder"),
				plan: func(_ context.Context, i *model.Instance, _ *rules.Facts) (plan, error) { return c.planReorder(i, r) },
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					next, j, err := c.engine().Reorder(ctx, i.ID, r)
					b := c.became(next.ID, model.Say("verb.reordered", "id", next.ID), j.ID)
					b.follows = true
					return b, err
				},
			})
		},
	}
	for name, to := range stated {
		cmd.Flags().StringVar(to, name, "", "")
	}
	waitFlag(cmd.Flags(), &s.noWait)
	s.flags(cmd)
	return cmd
}

// planReorder returns the price of ordering again and where it is deployed afterwards.
func (c *invocation) planReorder(i *model.Instance, r lifecycle.ReorderRequest) (plan, error) {
	of, err := c.engine().PlanReorder(i.ID, r)
	if err != nil {
		return plan{}, err
	}
	l := of.Lines[0]
	p := plan{ask: true, price: of.Total, currency: of.Currency, lines: []string{
		c.Text("verb.reorder", "name", i.Name, "spec", l.Spec, "years", years(l.Years), "total", ledger.Money(of.Total, of.Currency)),
	}}
	c.addPlaces(&p, of.Resources)
	return p, nil
}

// addPlaces adds where a certificate will be deployed to what is confirmed.
func (c *invocation) addPlaces(p *plan, rs []lifecycle.ResourceView) {
	for n := range rs {
		to := model.Say("verb.deploy.to", "place", place(&rs[n].Resource))
		p.lines, p.notes = append(p.lines, c.Words().Text(to)), append(p.notes, to)
	}
	if len(rs) == 0 {
		p.lines = append(p.lines, c.Text("verb.deploy.nowhere"))
	}
}
