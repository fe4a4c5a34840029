package cmd

import (
	"fmt"
	"sort"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
)

type balanceJSON struct {
	Kind          string  `json:"kind"`
	Specification *string `json:"specification"`
	Total         int     `json:"total"`
	Reserved      int     `json:"reserved"`
	Used          int     `json:"used"`
	Available     int     `json:"available"`
}

func balanceCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "balance", Short: "What is held prepaid, and what was spent", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			balances, err := c.engine().Balances()
			if err != nil {
				return err
			}
			costs, err := c.engine().Costs()
			if err != nil {
				return err
			}
			out := []balanceJSON{}
			var rows [][]string
			for _, b := range balances {
				j := balanceJSON{Kind: b.Kind, Total: b.Total, Reserved: b.Reserved, Used: b.Used, Available: b.Available}
				spec := "-"
				if b.Specification != nil {
					spec = b.Specification.String()
					j.Specification = &spec
				}
				out = append(out, j)
				rows = append(rows, []string{b.Kind, spec, fmt.Sprint(b.Total), fmt.Sprint(b.Reserved), fmt.Sprint(b.Used), fmt.Sprint(b.Available)})
			}
			if c.g.json {
				return c.printJSON(out)
			}
			c.table([]string{"KIND", "SPECIFICATION", "TOTAL", "RESERVED", "USED", "AVAILABLE"}, rows)
			var units []string
			for u := range costs {
				units = append(units, u)
			}
			sort.Strings(units)
			for _, u := range units {
				c.say("spent on certificates, refunds subtracted: %s", lifecycle.Money(costs[u], u))
			}
			return nil
		},
	}
}
