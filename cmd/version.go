package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

func versionCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.JSON {
				return c.PrintJSON(map[string]string{"version": Version})
			}
			_, err := fmt.Fprintln(c.Out, "certquay", Version)
			return err
		},
	}
}
