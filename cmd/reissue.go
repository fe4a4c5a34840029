package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func reissueCmd(c *invocation) *cobra.Command {
	s := selection{}
	var csr string
	r := lifecycle.ReissueRequest{}
	cmd := &cobra.Command{
		Use: "reissue", Args: s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if csr != "" && s.several(args) {
				return out.Usage("usage.csr-one")
			}
			var err error
			if r.CSR, err = c.csr(cmd.Context(), csr); err != nil {
				return err
			}
			title := "many.reissue"
			if r.NewKey {
				title = "many.reissue-key"
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Reissue, title: counted(title), plan: unasked[model.Instance],
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					j, err := c.engine().Reissue(ctx, i.ID, r)
					return c.became(i.ID, model.Say("verb.reissued"), j.ID), err
				},
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&r.NewKey, "new-key", false, "")
	f.StringVar(&csr, "csr", "", "")
	exclusive(cmd, "new-key", "csr")
	waitFlag(f, &s.noWait)
	s.flags(cmd)
	return cmd
}
