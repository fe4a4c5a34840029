package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/model"
)

func buyPackCmd(c *call) *cobra.Command {
	var level, typ, brand, grade string
	r := lifecycle.PackRequest{}
	cmd := &cobra.Command{
		Use:   "buy-pack certificate|hosting|credit --quantity N",
		Short: "Buy packs: prepaid certificates, hosting years or deployments",
		Example: "  certquay buy-pack certificate --quantity 20 --level dv --type single --grade free\n" +
			"  certquay buy-pack credit --quantity 50",
		Args: one("kind of pack"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.BuyPack); err != nil {
				return err
			}
			var err error
			if r.Kind, err = word("the kind of pack", args[0], lifecycle.PackKinds); err != nil {
				return err
			}
			if r.Kind == lifecycle.PackCertificate {
				if r.Spec, err = specification(level, typ, brand, grade); err != nil {
					return err
				}
			}
			q, err := c.engine().QuotePack(r)
			if err != nil {
				return err
			}
			if q.Total > 0 {
				question := sentence("%d × %s%s.\nTotal %s. Packs are not paid back.",
					r.Quantity, r.Kind, specText(r.Spec), lifecycle.Money(q.Total, q.Currency))
				if err := c.confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			o, err := c.engine().BuyPack(cmd.Context(), c.Actor, r)
			if err != nil {
				return err
			}
			if c.g.json {
				return c.printJSON(struct {
					Order    model.ID           `json:"order"`
					Kind     lifecycle.PackKind `json:"kind"`
					Quantity int                `json:"quantity"`
				}{o.ID, r.Kind, r.Quantity})
			}
			c.say("bought %d × %s%s, order %s, total %s", r.Quantity, r.Kind, specText(r.Spec), o.ID, lifecycle.Money(q.Total, q.Currency))
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&r.Quantity, "quantity", 1, "how many units")
	f.StringVar(&level, "level", "dv", "of certificates: dv, ov, ev")
	f.StringVar(&typ, "type", "single", "of certificates: single, multi, wildcard")
	f.StringVar(&brand, "brand", embedded.Brand, "of certificates: who signs")
	issuerNames(cmd, "brand")
	f.StringVar(&grade, "grade", "free", "of certificates: free, standard, professional")
	return cmd
}

func specText(s model.Specification) string {
	if s == (model.Specification{}) {
		return ""
	}
	return " " + s.String()
}
