package cmd

import (
	"fmt"
	"sort"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/ledger"
)

type balanceJSON struct {
	Kind          string  `json:"kind"`
	Specification *string `json:"specification"`
	Total         int     `json:"total"`
	Reserved      int     `json:"reserved"`
	Used          int     `json:"used"`
	Available     int     `json:"available"`
}

func balanceCmd(c *invocation) *cobra.Command {
	var byOrder, byMonth bool
	cmd := &cobra.Command{
		Use: "balance", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if byOrder || byMonth {
				return c.costs(byOrder)
			}
			balances, err := c.engine().Balances()
			if err != nil {
				return err
			}
			costs, err := c.engine().SpentByCurrency()
			if err != nil {
				return err
			}
			items := asBalances(balances)
			if c.JSON {
				return c.PrintJSON(items)
			}
			var rows [][]string
			for _, b := range items {
				spec := "-"
				if b.Specification != nil {
					spec = c.Text("verb.spec", "spec", *b.Specification)
				}
				rows = append(rows, []string{
					c.Label("buy.what", b.Kind), spec,
					fmt.Sprint(b.Total), fmt.Sprint(b.Reserved), fmt.Sprint(b.Used), fmt.Sprint(b.Available),
				})
			}
			c.Table(c.Heads("kind", "spec", "total", "reserved", "used", "available"), rows)
			var units []string
			for u := range costs {
				units = append(units, u)
			}
			sort.Strings(units)
			for _, u := range units {
				c.Say("verb.balance.spent", "amount", ledger.Money(costs[u], u))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&byOrder, "by-order", false, "")
	cmd.Flags().BoolVar(&byMonth, "by-month", false, "")
	exclusive(cmd, "by-order", "by-month")
	return cmd
}

// costs prints charges and refunds, by order or by month.
func (c *invocation) costs(byOrder bool) error {
	type costJSON struct {
		Month    string  `json:"month"`
		Order    *string `json:"order"`
		Text     *string `json:"text"`
		Charged  int64   `json:"charged"`
		Refunded int64   `json:"refunded"`
		Currency string  `json:"currency"`
	}
	list, err := c.engine().CostsByMonth()
	heading := []string{"month", "charged", "paid-back"}
	if byOrder {
		list, err = c.engine().CostsByOrder()
		heading = append(heading, "order", "what")
	}
	if err != nil {
		return err
	}
	items := []costJSON{}
	var rows [][]string
	for _, k := range list {
		items = append(items, costJSON{k.Month, out.OrNil(k.Order), out.OrNil(out.English(k.Text)), k.Charged, k.Refunded, k.Currency})
		row := []string{k.Month, ledger.Money(k.Charged, k.Currency), ledger.Money(k.Refunded, k.Currency)}
		if byOrder {
			row = append(row, string(k.Order), c.Words().Text(k.Text))
		}
		rows = append(rows, row)
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(c.Heads(heading...), rows)
	return nil
}

func asBalances(balances []ledger.Balance) []balanceJSON {
	items := []balanceJSON{}
	for _, b := range balances {
		j := balanceJSON{Kind: b.Kind, Total: b.Total, Reserved: b.Reserved, Used: b.Used, Available: b.Available}
		if b.Specification != nil {
			spec := b.Specification.String()
			j.Specification = &spec
		}
		items = append(items, j)
	}
	return items
}
