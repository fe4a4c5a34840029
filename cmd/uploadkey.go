package cmd

import (
	"context"
	"sync"

	"github.com/spf13/cobra"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func uploadKeyCmd(c *invocation) *cobra.Command {
	s := selection{}
	var passwordFile string
	cmd := &cobra.Command{
		Use: "upload-key",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && s.where == "" {
				return usageError(cmd, "usage.upload-key")
			}
			return s.args("arg.id", 1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			last := len(args) - 1
			key := bundle.File{Name: args[last]}
			read := sync.OnceValue(func() (err error) {
				if key.Data, err = c.read(cmd.Context(), key.Name); err != nil {
					return err
				}
				key.Password, err = c.password(cmd.Context(), passwordFile)
				return err
			})
			return actOn(cmd.Context(), c, &s, args[:last], c.findInstances(), effect[model.Instance]{
				action: rules.UploadKey, title: counted("many.upload-key"),
				plan: func(context.Context, *model.Instance, *rules.Facts) (plan, error) { return plan{}, read() },
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					return c.became(i.ID, model.Say("verb.key-added")), c.engine().UploadKey(ctx, i.ID, key)
				},
			})
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "")
	s.flags(cmd)
	return cmd
}
