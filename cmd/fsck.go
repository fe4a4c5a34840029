package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
	"certquay/model"
)

func fsckCmd(c *call) *cobra.Command {
	verb := &cobra.Command{
		Use: "fsck", Short: "Check every file, record, index, sum and the activity chain", Args: cobra.NoArgs,
		Long: `Check every file, record, index, sum and the activity chain.

A store that holds less than it did does not open, and says what is missing. To go
on with what is left when there is no backup: certquay fsck --accept-loss.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.giveUp(cmd.Context()); err != nil {
				return err
			}
			r, err := c.app.Store.Fsck(cmd.Context())
			if err != nil {
				return err
			}
			if c.g.json {
				err := c.printJSON(map[string]any{"records": r.Records, "events": r.Events, "problems": orEmpty(r.Problems)})
				if err != nil {
					return err
				}
			}
			for _, p := range r.Problems {
				c.say("problem: %s", p)
			}
			if len(r.Problems) > 0 {
				return &failedError{
					what: fmt.Sprintf("%d problems", len(r.Problems)),
					hint: "keep a copy of the data directory before anything else; " +
						"to restore a backup elsewhere: certquay restore FILE --data NEWDIR",
				}
			}
			c.say("clean: %d records, %d events", r.Records, r.Events)
			return nil
		},
	}
	verb.Flags().BoolVar(&c.g.acceptLoss, "accept-loss", false, "open a store that holds less than it did, and give up what is missing")
	return verb
}

// giveUp tells what was given up to open the store, and notes it in the activity
// log.
func (c *call) giveUp(ctx context.Context) error {
	switch {
	case !c.g.acceptLoss:
		return nil
	case c.app.lost == "":
		c.say("nothing is missing, so nothing is given up")
		return nil
	}
	c.say("given up: %s", c.app.lost)
	return c.app.Engine.Note(ctx, c.Actor, "fsck", "the store", model.Say("log.accept-loss", "lost", c.app.lost), nil)
}

func configCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Print the effective configuration, commented", Args: cobra.NoArgs,
		Long: "Print the effective configuration, commented. What is built in, with settings and\ntheir defaults:\n\n" +
			builtInIssuers() + "\n" + builtInDrivers() + "\n" + builtInEngines(),
		RunE: func(*cobra.Command, []string) error {
			if c.app != nil {
				_, err := c.Out.Write(c.app.Config.Marshal())
				return err
			}
			file := config.DefaultPaths().ConfigFile()
			if c.g.config != "" {
				file = c.g.config
			}
			cfg, err := loadConfig(file)
			if err != nil {
				return err
			}
			_, err = c.Out.Write(cfg.Marshal())
			return err
		},
	}
}
