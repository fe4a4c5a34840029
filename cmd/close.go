package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func closeCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use: "close", Args: s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Close, title: counted("many.close"), typed: true,
				plan: func(_ context.Context, i *model.Instance, _ *rules.Facts) (plan, error) {
					p := plan{
						ask:   true,
						typed: i.Name,
						lines: []string{c.Text("verb.end", "action", rules.Close, "name", i.Name, "id", i.ID)},
					}
					err := c.addRefund(&p, i.ID)
					return p, err
				},
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					return c.became(i.ID, model.Say("verb.closed")), c.engine().CloseInstance(ctx, i.ID)
				},
			})
		},
	}
	s.flags(cmd)
	return cmd
}

// addRefund adds to a plan what ending the instance pays back, and why.
func (c *invocation) addRefund(p *plan, id model.ID) error {
	r, err := c.engine().Refund(id)
	if err != nil {
		return err
	}
	p.refund, p.currency = r.Amount, r.Currency
	p.lines = append(p.lines, c.Text("verb.paid-back", "amount", ledger.Money(r.Amount, r.Currency), "why", r.Why))
	return nil
}
