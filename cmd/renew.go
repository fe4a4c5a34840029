package cmd

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
)

func renewCmd(c *call) *cobra.Command {
	var noWait bool
	var csr string
	cmd := &cobra.Command{
		Use: "renew ID", Short: "Buy the next service period and apply again, in the service window", Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Renew); err != nil {
				return err
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			cs, err := c.engine().Case(c.Actor, i.ID)
			if err != nil {
				return err
			}
			if f := c.engine().Table().Check(lifecycle.Renew, cs); f == nil {
				q, err := c.engine().Quote(lifecycle.BuyRequest{Spec: i.Spec, Years: i.Years, Quantity: 1})
				if err != nil {
					return err
				}
				if q.Total > 0 {
					question := sentence("Renew %s: %s, %s, %s.",
						i.Name, i.Spec, plural(i.Years, "year"), lifecycle.Money(q.Total, q.Currency))
					if err := c.confirm(cmd.Context(), question, ""); err != nil {
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
			next, j, err := c.engine().RenewWith(cmd.Context(), c.Actor, i.ID, request)
			if err != nil {
				return err
			}
			done := "renewed by " + string(next.ID) + "; the resources of the old one are not moved by themselves"
			return c.await(cmd.Context(), next.ID, noWait, done, j.ID)
		},
	}
	cmd.Flags().StringVar(&csr, "csr", "", "with a new request from a file")
	waitFlag(cmd.Flags(), &noWait)
	return cmd
}

func reissueCmd(c *call) *cobra.Command {
	var noWait bool
	var csr string
	r := lifecycle.ReissueRequest{}
	cmd := &cobra.Command{
		Use: "reissue ID", Short: "Issue a new version inside the service period, at no cost", Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Reissue); err != nil {
				return err
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if csr != "" {
				if r.CSR, err = c.csr(cmd.Context(), csr); err != nil {
					return err
				}
			}
			j, err := c.engine().Reissue(cmd.Context(), c.Actor, i.ID, r)
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), i.ID, noWait, "reissued", j.ID)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&r.NewKey, "new-key", false, "with a new key instead of the same")
	f.StringVar(&csr, "csr", "", "with a new request from a file")
	cmd.MarkFlagsMutuallyExclusive("new-key", "csr")
	waitFlag(f, &noWait)
	return cmd
}

func revokeCmd(c *call) *cobra.Command {
	var noWait bool
	r := lifecycle.RevokeRequest{}
	cmd := &cobra.Command{
		Use:   "revoke ID --reason REASON",
		Short: "Revoke at the CA that issued",
		Long: "Revoke the current and every other unexpired version at the CA that issued.\n" +
			"Reasons (RFC 5280 section 5.3.1): " + strings.Join(lifecycle.RevocationReasons, ", ") + ".",
		Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Revoke); err != nil {
				return err
			}
			if r.Reason == "" {
				return &usageError{"revoke needs a reason", "--reason, one of: " + strings.Join(lifecycle.RevocationReasons, ", ")}
			}
			var err error
			if r.Reason, err = word("--reason", r.Reason, lifecycle.RevocationReasons); err != nil {
				return err
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			still, _, err := c.engine().Resources(lifecycle.ResourceFilter{Instance: i.ID})
			if err != nil {
				return err
			}
			cs, err := c.engine().Case(c.Actor, i.ID)
			if err != nil {
				return err
			}
			still = slices.DeleteFunc(still, func(v lifecycle.ResourceView) bool { return !cs.Revokes(&v.Resource) })
			if c.engine().Table().Check(lifecycle.Revoke, cs) == nil {
				p, err := c.engine().Refund(i.ID)
				if err != nil {
					return err
				}
				question := sentence("Revoke %s (%s): it cannot be undone.\nPaid back: %s (%s).",
					i.Name, r.Reason, lifecycle.Money(p.Amount, p.Currency), p.Why)
				for n := range still {
					question += sentence("\nStill presented by: %s %s %s", still[n].Product, still[n].Region, still[n].Name)
				}
				if err := c.confirm(cmd.Context(), question, i.Name); err != nil {
					return err
				}
			}
			j, err := c.engine().Revoke(cmd.Context(), c.Actor, i.ID, r)
			if err != nil {
				return err
			}
			err = c.await(cmd.Context(), i.ID, noWait, "revoked", j.ID)
			if err == nil || !errors.As(err, new(*failedError)) {
				for n := range still {
					c.note("still presented by %s %s %s; take it off: certquay undeploy %s",
						still[n].Product, still[n].Region, still[n].Name, still[n].ID.Short())
				}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Reason, "reason", "", "one of: "+strings.Join(lifecycle.RevocationReasons, ", "))
	f.IntSliceVar(&r.Versions, "version-number", nil, "only these versions; none means all that are not expired")
	waitFlag(f, &noWait)
	return cmd
}
