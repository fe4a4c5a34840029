package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func renewCmd(c *invocation) *cobra.Command {
	var noWait bool
	var csr string
	cmd := &cobra.Command{
		Use: "renew", Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			cs, err := c.engine().Facts(i.ID)
			if err != nil {
				return err
			}
			if f := c.engine().Table().Check(rules.Renew, cs); f == nil {
				q, err := c.engine().Quote(lifecycle.BuyRequest{Spec: i.Spec, Years: i.Years, Quantity: 1})
				if err != nil {
					return err
				}
				if q.Total > 0 {
					question := c.Text("verb.renew", "name", i.Name, "spec", i.Spec, "years", years(i.Years),
						"total", ledger.Money(q.Total, q.Currency))
					if err := c.Confirm(cmd.Context(), question, ""); err != nil {
						return err
					}
				}
			}
			var request []byte
			if csr != "" {
				if request, err = c.csr(cmd.Context(), csr); err != nil {
					return err
				}
			}
			next, j, err := c.engine().RenewWithCSR(cmd.Context(), i.ID, request)
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), next.ID, noWait, model.Say("verb.renewed", "id", next.ID), j.ID)
		},
	}
	cmd.Flags().StringVar(&csr, "csr", "", "")
	waitFlag(cmd.Flags(), &noWait)
	return cmd
}
