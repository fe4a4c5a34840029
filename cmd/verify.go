package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/journal"
	"certquay/model"
)

func verifyCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Args: exactArg("arg.resource"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			j, err := c.engine().Verify(cmd.Context(), r.ID)
			if err != nil {
				return err
			}
			all, err := c.engine().Wait(cmd.Context(), j.ID)
			if err != nil {
				return err
			}
			v, err := c.engine().Resource(r.ID)
			if err != nil {
				return err
			}
			if c.JSON {
				if err := c.PrintJSON(out.NewResource(&v)); err != nil {
					return err
				}
			}
			if all[0].Job.Result != journal.ResultOK {
				return out.Failed("failed.verify", "place", place(&v.Resource), "cause", all[0].Job.Error,
					"id", v.Instance.Short(), "product", v.Product, "region", v.Region, "name", v.Name)
			}
			code := "verb.verify"
			if v.State == model.ResourceOutdated {
				code = "verb.verify.earlier"
			}
			c.Say(code, "place", place(&v.Resource), "fingerprint", v.Presented[:16], "until", out.Day(v.NotAfter))
			return nil
		},
	}
}
