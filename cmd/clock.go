package cmd

import (
	"time"

	"github.com/spf13/cobra"

	"certquay/lifecycle/rules"
)

func clockCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use:     "clock",
		Example: "  certquay --data /tmp/try --sandbox clock\n  certquay --data /tmp/try clock +30d",
		Args:    maxOneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			e := c.engine()
			if !c.app.Sandbox {
				return &rules.Refusal{Action: "clock", Reason: rules.ReasonNotSandbox}
			}
			if len(args) == 1 {
				to, err := moment(args[0], e.Now())
				if err != nil {
					return err
				}
				if err := e.MoveClock(cmd.Context(), to); err != nil {
					return err
				}
			}
			now := e.Now().UTC().Format(time.RFC3339)
			if c.JSON {
				return c.PrintJSON(map[string]string{"now": now})
			}
			c.Print(now)
			return nil
		},
	}
}
