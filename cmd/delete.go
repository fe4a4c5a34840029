package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle/rules"
)

func deleteCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "delete", Args: one("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ending(cmd, args[0], rules.Delete, c.engine().Delete)
		},
	}
}
