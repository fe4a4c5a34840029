package cmd

import (
	"github.com/spf13/cobra"

	"certquay/model"
)

func withdrawCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw", Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if err := c.engine().Withdraw(cmd.Context(), i.ID); err != nil {
				return err
			}
			return c.show(i.ID, model.Say("verb.withdrawn"))
		},
	}
}
