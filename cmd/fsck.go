package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
)

func fsckCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "fsck", Short: "Check every record, index, sum and the activity chain", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := c.app.Store.Fsck(cmd.Context())
			if err != nil {
				return err
			}
			if c.g.json {
				if err := c.printJSON(map[string]any{"records": r.Records, "events": r.Events, "problems": orEmpty(r.Problems)}); err != nil {
					return err
				}
			}
			for _, p := range r.Problems {
				c.say("problem: %s", p)
			}
			if len(r.Problems) > 0 {
				return &failedError{what: fmt.Sprintf("%d problems", len(r.Problems)), hint: "keep a copy of the data directory before anything else; to restore a backup elsewhere: certquay restore FILE --data NEWDIR"}
			}
			c.say("clean: %d records, %d events", r.Records, r.Events)
			return nil
		},
	}
}

func configCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Print the effective configuration, commented", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg := config.Default()
			if c.app != nil {
				cfg = c.app.Config
			}
			_, err := c.Out.Write(cfg.Marshal())
			return err
		},
	}
}
