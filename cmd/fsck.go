package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/journal"
	"certquay/model"
)

func fsckCmd(c *invocation) *cobra.Command {
	verb := &cobra.Command{
		Use: "fsck", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.reportDataLoss(cmd.Context()); err != nil {
				return err
			}
			r, err := c.app.Store.Fsck(cmd.Context())
			if err != nil {
				return err
			}
			if c.JSON {
				err := c.PrintJSON(map[string]any{"records": r.Records, "events": r.Events, "problems": out.EnglishAll(r.Problems)})
				if err != nil {
					return err
				}
			}
			for _, p := range r.Problems {
				c.Say("verb.problem", "what", p)
			}
			if len(r.Problems) > 0 {
				return out.Failed("failed.fsck", "n", len(r.Problems))
			}
			c.Say("verb.fsck.clean", "records", r.Records, "events", r.Events)
			return nil
		},
	}
	verb.Flags().BoolVar(&c.g.acceptLoss, "accept-loss", false, "")
	return verb
}

// reportDataLoss reports what data was given up to open the store, and records it in the
// activity log.
func (c *invocation) reportDataLoss(ctx context.Context) error {
	switch {
	case !c.g.acceptLoss:
		return nil
	case c.app.LostData == "":
		c.Say("verb.fsck.whole")
		return nil
	}
	c.Say("verb.fsck.given-up", "what", c.app.LostData)
	return c.app.Engine.Note(ctx, c.currentActor(), journal.Fsck, model.Say("log.accept-loss", "lost", c.app.LostData), nil)
}
