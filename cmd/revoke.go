package cmd

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func revokeCmd(c *invocation) *cobra.Command {
	var noWait bool
	r := lifecycle.RevokeRequest{}
	cmd := &cobra.Command{
		Use:  "revoke",
		Long: out.Join(rules.RevocationReasons),
		Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Reason == "" {
				return out.Usage("usage.no-reason", "words", out.Join(rules.RevocationReasons))
			}
			var err error
			if r.Reason, err = oneOf("--reason", r.Reason, rules.RevocationReasons); err != nil {
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
			cs, err := c.engine().Facts(i.ID)
			if err != nil {
				return err
			}
			still = slices.DeleteFunc(still, func(v lifecycle.ResourceView) bool { return !cs.PresentsRevocable(&v.Resource) })
			if c.engine().Table().Check(rules.Revoke, cs) == nil {
				p, err := c.engine().Refund(i.ID)
				if err != nil {
					return err
				}
				question := c.Text("verb.revoke", "name", i.Name, "reason", r.Reason) + "\n" +
					c.Text("verb.paid-back", "amount", ledger.Money(p.Amount, p.Currency), "why", p.Why)
				for n := range still {
					question += "\n" + c.Text("verb.revoke.presented", "place", place(&still[n].Resource))
				}
				if err := c.Confirm(cmd.Context(), question, i.Name); err != nil {
					return err
				}
			}
			j, err := c.engine().Revoke(cmd.Context(), i.ID, r)
			if err != nil {
				return err
			}
			err = c.await(cmd.Context(), i.ID, noWait, model.Say("verb.revoked"), j.ID)
			if err == nil || !errors.As(err, new(*out.FailedError)) {
				for n := range still {
					c.Note("verb.revoke.still", "place", place(&still[n].Resource), "id", still[n].ID.Short())
				}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Reason, "reason", "", out.Join(rules.RevocationReasons))
	f.IntSliceVar(&r.Versions, "version-number", nil, "")
	waitFlag(f, &noWait)
	return cmd
}
