package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle/rules"
)

func closeCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "close", Args: one("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ending(cmd, args[0], rules.Close, c.engine().CloseInstance)
		},
	}
}
