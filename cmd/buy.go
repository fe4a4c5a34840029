package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func buyCmd(c *invocation) *cobra.Command {
	var level, typ, brand, grade, contact string
	var dryRun bool
	r := lifecycle.BuyRequest{}
	cmd := &cobra.Command{
		Use: "buy",
		Example: "  certquay buy --level dv --type single\n" +
			"  certquay buy --level dv --type wildcard --grade standard --years 2 --quantity 3\n" +
			"  certquay buy --brand letsencrypt,zerossl",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.allow(cmd.Context(), rules.Buy, dryRun); err != nil {
				return err
			}
			var err error
			first, rest, several := strings.Cut(brand, ",")
			switch {
			case several && rest == "": // a comma at the end: none but this
				r.Fallback = []string{}
			case several:
				r.Fallback = strings.Split(rest, ",")
			}
			if r.Spec, err = c.specification(level, typ, first, grade); err != nil {
				return err
			}
			if contact != "" {
				ct, err := c.engine().Contact(contact)
				if err != nil {
					return err
				}
				r.Contact = ct.ID
				c.warnUnreached(&ct)
			}
			if r.Hosting && contact == "" {
				return out.Usage("usage.hosting-contact")
			}
			quote := c.engine().Quote
			if dryRun {
				quote = c.engine().PlanBuy
			}
			q, err := quote(r)
			if err != nil {
				return err
			}
			question := c.priceText(r, q)
			if dryRun {
				return c.printPurchase(rules.Buy, q, question)
			}
			if q.Total > 0 || c.Interactive && !anyFlagSet(cmd) {
				if err := c.Confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			o, made, err := c.engine().Buy(cmd.Context(), r)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(struct {
					Order     model.ID       `json:"order"`
					Instances []out.Instance `json:"instances"`
				}{o.ID, c.instances(made)})
			}
			for _, i := range made {
				c.Say("verb.buy.bought", "id", i.ID, "spec", i.Spec, "years", years(i.Years))
			}
			c.Say("verb.buy.order", "order", o.ID, "total", ledger.Money(q.Total, q.Currency))
			c.Say("verb.buy.next", "id", made[0].ID.Short())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&level, "level", "dv", out.Join(model.Levels))
	f.StringVar(&typ, "type", "single", out.Join(model.DomainTypes))
	f.StringVar(&brand, "brand", embedded.Brand, "")
	f.StringVar(&grade, "grade", "", out.Join(model.Grades))
	f.IntVar(&r.Years, "years", 1, "")
	f.IntVar(&r.Quantity, "quantity", 1, "")
	f.BoolVar(&r.Hosting, "hosting", false, "")
	f.StringVar(&contact, "contact", "", "")
	f.BoolVar(&r.FromPack, "from-pack", false, "")
	f.BoolVar(&dryRun, "dry-run", false, "")
	return cmd
}

// allow refuses what the role of the session does not permit. The refusal is logged,
// unless nothing is to be changed.
func (c *invocation) allow(ctx context.Context, a rules.Action, dryRun bool) error {
	if dryRun {
		return c.errOrNil(c.engine().May(a))
	}
	return c.engine().Allow(ctx, a, "")
}

// purchaseJSON is what would be bought, in JSON. Amounts are in minor units.
type purchaseJSON struct {
	Action   rules.Action `json:"action"`
	Lines    []lineJSON   `json:"lines"`
	Price    int64        `json:"price"`
	Currency string       `json:"currency"`
}

// lineJSON is a line of an order in JSON.
type lineJSON struct {
	Item          string  `json:"item"`
	Specification *string `json:"specification"`
	Years         *int    `json:"years"`
	Quantity      int     `json:"quantity"`
	Amount        int64   `json:"amount"`
}

// printPurchase prints what would be bought, and that nothing was.
func (c *invocation) printPurchase(a rules.Action, q lifecycle.Quote, says string) error {
	if !c.JSON {
		c.Print(says)
		c.Say("verb.many.dry")
		return nil
	}
	j := purchaseJSON{Action: a, Price: q.Total, Currency: q.Currency}
	for n := range q.Lines {
		l := lineJSON{Item: q.Lines[n].Item, Quantity: q.Lines[n].Quantity, Amount: q.Lines[n].Amount}
		if spec := q.Lines[n].Spec; spec != (model.Specification{}) {
			l.Specification, l.Years = out.OrNil(spec.String()), &q.Lines[n].Years
		}
		j.Lines = append(j.Lines, l)
	}
	return c.PrintJSON(j)
}

// priceText returns the price line by line, with equal lines combined (spec B1).
func (c *invocation) priceText(r lifecycle.BuyRequest, q lifecycle.Quote) string {
	lines := []string{c.Text("verb.buy.what", "spec", r.Spec, "years", years(r.Years))}
	per := len(q.Lines) / max(r.Quantity, 1)
	for _, l := range q.Lines[:per] {
		item, price := c.Text("verb.item", "item", l.Item), ledger.Money(l.Amount*int64(r.Quantity), l.Currency)
		lines = append(lines, fmt.Sprintf("  %3d × %s %s", r.Quantity, out.Pad(item, 22), price))
	}
	total := "verb.buy.total"
	if r.Hosting {
		total = "verb.buy.total-hosting"
	}
	return strings.Join(
		append(lines, c.Text(total, "total", ledger.Money(q.Total, q.Currency), "n", lifecycle.HostingCredits*r.Quantity)),
		"\n",
	)
}

// years returns the message for a number of years.
func years(n int) model.Text { return model.Say("verb.years", "n", n) }
