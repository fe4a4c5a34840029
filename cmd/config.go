package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/config"
)

func configCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "config", Args: noArgs,
		Long: c.builtInIssuers() + "\n\n" + c.builtInDrivers() + "\n\n" + c.builtInEngines(),
		RunE: func(*cobra.Command, []string) error {
			if c.app != nil {
				_, err := c.Out.Write(c.app.Config.Marshal(c.Words()))
				return err
			}
			file := config.DefaultPaths().ConfigFile()
			if c.g.config != "" {
				file = c.g.config
			}
			cfg, err := app.LoadConfig(file)
			if err != nil {
				return err
			}
			_, err = c.Out.Write(cfg.Marshal(c.Words()))
			return err
		},
	}
}
