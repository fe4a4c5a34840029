package cmd

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func uploadCmd(c *invocation) *cobra.Command {
	u := uploadFlags{}
	cmd := &cobra.Command{
		Use: "upload",
		Example: "  certquay upload store.p12 --password-file pass.txt\n" +
			"  certquay upload fullchain.pem --key privkey.pem\n" +
			"  certquay upload /etc/letsencrypt/live --dry-run\n" +
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
			var err error
			if u.password, err = c.password(cmd.Context(), u.passwordFile); err != nil {
				return err
			}
			if u.key != "" {
				args = append(args, u.key)
			}
			if slices.ContainsFunc(args, c.IsDir) {
				return c.uploadDirectories(cmd.Context(), &u, args)
			}
			return c.uploadFiles(cmd.Context(), &u, args)
		},
	}
	cmd.Flags().StringVar(&u.key, "key", "", "")
	cmd.Flags().StringVar(&u.passwordFile, "password-file", "", "")
	cmd.Flags().StringVar(&u.name, "name", "", "")
	cmd.Flags().BoolVar(&u.dryRun, "dry-run", false, "")
	return cmd
}

// uploadFlags are the flags of upload.
type uploadFlags struct {
	key, passwordFile, name string
	dryRun                  bool
	password                model.Secret // from the password file
}

// uploadFiles uploads the one certificate that some files hold.
func (c *invocation) uploadFiles(ctx context.Context, u *uploadFlags, paths []string) error {
	r := lifecycle.UploadRequest{Name: u.name}
	for _, path := range paths {
		data, err := c.read(ctx, path)
		if err != nil {
			return err
		}
		r.Files = append(r.Files, bundle.File{Name: path, Data: data, Password: u.password})
	}
	upload := c.engine().Upload
	if u.dryRun {
		upload = func(_ context.Context, r lifecycle.UploadRequest) (lifecycle.UploadResult, error) {
			return c.engine().PlanUpload(r)
		}
	}
	res, err := upload(ctx, r)
	if err != nil {
		return err
	}
	for _, w := range res.Warnings {
		c.Note("verb.warning", "what", w.Text)
	}
	if !u.dryRun {
		return c.show(res.Instance.ID, model.Say("verb.uploaded", "id", res.Instance.ID))
	}
	if c.JSON {
		return c.PrintJSON(plannedUpload(&res))
	}
	c.Say("verb.upload.would", "name", res.Instance.Name, "at", res.Instance.Versions[0].NotAfter)
	c.Say("verb.many.dry")
	return nil
}
