package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func uploadKeyCmd(c *invocation) *cobra.Command {
	var passwordFile string
	cmd := &cobra.Command{
		Use: "upload-key",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError(cmd, "usage.upload-key")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if err := c.engine().Allow(cmd.Context(), rules.UploadKey, i.ID); err != nil {
				return err
			}
			data, err := c.read(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			password, err := c.password(cmd.Context(), passwordFile)
			if err != nil {
				return err
			}
			key := bundle.File{Name: args[1], Data: data, Password: password}
			if err := c.engine().UploadKey(cmd.Context(), i.ID, key); err != nil {
				return err
			}
			return c.show(i.ID, model.Say("verb.key-added"))
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "")
	return cmd
}
