package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

func versionCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: onlyFlags,
		RunE: func(*cobra.Command, []string) error {
			if c.JSON {
				return c.PrintJSON(map[string]string{"version": Version})
			}
			_, err := fmt.Fprintln(c.Out, "certquay", Version)
			return err
		},
	}
}
