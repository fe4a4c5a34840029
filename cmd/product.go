package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
)

func productCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "product", Args: unknownVerb,
		RunE: func(*cobra.Command, []string) error { return c.products() }}
	cmd.AddCommand(&cobra.Command{Use: "list", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.products() }}, driversCmd(c))
	return cmd
}

func (c *invocation) products() error {
	type productJSON struct {
		Name    string   `json:"name"`
		Driver  string   `json:"driver"`
		Regions []string `json:"regions"`
		Problem *string  `json:"problem"`
	}
	items := []productJSON{}
	var rows [][]string
	for _, p := range c.engine().Products() {
		items = append(items, productJSON{p.Name, p.Driver, out.OrEmpty(p.Regions), out.OrNil(out.English(p.Problem))})
		rows = append(rows, []string{p.Name, p.Driver, strings.Join(p.Regions, " "), c.Words().Text(p.Problem)})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(append(c.Heads("name", "driver", "regions"), ""), rows)
	return nil
}
