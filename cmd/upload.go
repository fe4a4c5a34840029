package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func uploadCmd(c *invocation) *cobra.Command {
	var key, passwordFile string
	r := lifecycle.UploadRequest{}
	cmd := &cobra.Command{
		Use: "upload",
		Example: "  certquay upload store.p12 --password-file pass.txt\n" +
			"  certquay upload fullchain.pem --key privkey.pem\n" +
			"  cat bundle.pem | certquay upload -",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "usage.no-files")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.engine().Allow(cmd.Context(), rules.Upload, ""); err != nil {
				return err
			}
			if key != "" {
				args = append(args, key)
			}
			password, err := c.password(cmd.Context(), passwordFile)
			if err != nil {
				return err
			}
			for _, path := range args {
				data, err := c.read(cmd.Context(), path)
				if err != nil {
					return err
				}
				r.Files = append(r.Files, bundle.File{Name: path, Data: data, Password: password})
			}
			res, err := c.engine().Upload(cmd.Context(), r)
			if err != nil {
				return err
			}
			for _, w := range res.Warnings {
				c.Note("verb.warning", "what", w.Text)
			}
			return c.show(res.Instance.ID, model.Say("verb.uploaded", "id", res.Instance.ID))
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "")
	cmd.Flags().StringVar(&r.Name, "name", "", "")
	return cmd
}
