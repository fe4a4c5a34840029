package cmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
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
				if err := c.moveClock(cmd.Context(), to); err != nil {
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

// moveClock moves a sandbox's clock, and shows on a terminal where it is.
func (c *invocation) moveClock(ctx context.Context, to time.Time) error {
	from := c.engine().Now()
	stop := c.Progress(func() out.State {
		now := c.engine().Now()
		return out.State{What: c.Text("progress.clock", "at", now), Part: now.Sub(from).Hours() / max(to.Sub(from).Hours(), 1)}
	})
	defer stop()
	return c.engine().MoveClock(ctx, to)
}
