package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
)

func tickCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "tick", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.tick", "n", c.engine().Working())} })
			n, err := c.engine().Tick(cmd.Context())
			stop()
			if err != nil {
				return err
			}
			next, err := c.engine().NextDue()
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"jobs": n, "next": out.TimeOrNil(next)})
			}
			if next.IsZero() {
				c.Say("verb.tick.last", "n", n)
			} else {
				c.Say("verb.tick", "n", n, "at", next)
			}
			return nil
		},
	}
}
