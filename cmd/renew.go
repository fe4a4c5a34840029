package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func renewCmd(c *invocation) *cobra.Command {
	s := selection{}
	var csr string
	cmd := &cobra.Command{
		Use:     "renew",
		Example: "  certquay renew shop.example.com\n  certquay renew --where 'expires<30d !is:hosted' --dry-run",
		Args:    s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if csr != "" && s.several(args) {
				return out.Usage("usage.csr-one")
			}
			request, err := c.csr(cmd.Context(), csr)
			if err != nil {
				return err
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Renew, title: counted("many.renew"), plan: c.planRenewal,
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					next, j, err := c.engine().RenewWithCSR(ctx, i.ID, request)
					return c.became(next.ID, model.Say("verb.renewed", "id", next.ID), j.ID), err
				},
			})
		},
	}
	cmd.Flags().StringVar(&csr, "csr", "", "")
	waitFlag(cmd.Flags(), &s.noWait)
	s.flags(cmd)
	return cmd
}

// planRenewal returns the price of a renewal, which is confirmed unless it is free.
func (c *invocation) planRenewal(_ context.Context, i *model.Instance, _ *rules.Facts) (plan, error) {
	q, err := c.engine().Quote(lifecycle.BuyRequest{Spec: i.Spec, Years: i.Years, Quantity: 1})
	if err != nil {
		return plan{}, err
	}
	return plan{ask: q.Total > 0, price: q.Total, currency: q.Currency, lines: []string{
		c.Text("verb.renew", "name", i.Name, "spec", i.Spec, "years", years(i.Years), "total", ledger.Money(q.Total, q.Currency)),
	}}, nil
}
