package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func buyPackCmd(c *invocation) *cobra.Command {
	var level, typ, brand, grade string
	var dryRun bool
	r := lifecycle.PackRequest{}
	cmd := &cobra.Command{
		Use: "buy-pack",
		Example: "  certquay buy-pack certificate --quantity 20 --level dv --type single --grade free\n" +
			"  certquay buy-pack credit --quantity 50",
		Args: exactArg("arg.pack"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.allow(cmd.Context(), rules.BuyPack, dryRun); err != nil {
				return err
			}
			var err error
			if r.Kind, err = oneOf(model.Say("arg.pack"), args[0], ledger.PackKinds); err != nil {
				return err
			}
			if r.Kind == ledger.PackCertificate {
				if r.Spec, err = c.specification(level, typ, brand, grade); err != nil {
					return err
				}
			}
			q, err := c.engine().QuotePack(r)
			if err != nil {
				return err
			}
			question := c.Text("verb.pack.price", "n", r.Quantity, "what", packText(r)) + "\n" +
				c.Text("verb.pack.total", "total", ledger.Money(q.Total, q.Currency))
			if dryRun {
				return c.printPurchase(rules.BuyPack, q, question)
			}
			if q.Total > 0 {
				if err := c.Confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			o, err := c.engine().BuyPack(cmd.Context(), r)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(struct {
					Order    model.ID        `json:"order"`
					Kind     ledger.PackKind `json:"kind"`
					Quantity int             `json:"quantity"`
				}{o.ID, r.Kind, r.Quantity})
			}
			c.Say("verb.pack.bought", "n", r.Quantity, "what", packText(r), "order", o.ID, "total", ledger.Money(q.Total, q.Currency))
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&r.Quantity, "quantity", 1, "")
	f.StringVar(&level, "level", "dv", out.Join(model.Levels))
	f.StringVar(&typ, "type", "single", out.Join(model.DomainTypes))
	f.StringVar(&brand, "brand", embedded.Brand, "")
	f.StringVar(&grade, "grade", "", out.Join(model.Grades))
	f.BoolVar(&dryRun, "dry-run", false, "")
	return cmd
}

// packText describes the content of a pack.
func packText(r lifecycle.PackRequest) model.Text {
	item := string(r.Kind) + " pack"
	if r.Spec == (model.Specification{}) {
		return model.Say("verb.item", "item", item)
	}
	return model.Say("verb.item-of", "item", item, "spec", r.Spec)
}
