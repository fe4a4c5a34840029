package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle/rules"
)

func closeCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "close", Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.confirmAndEnd(cmd, args[0], rules.Close, c.engine().CloseInstance)
		},
	}
}
