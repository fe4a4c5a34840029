package cmd

import (
	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/model"
)

func reissueCmd(c *invocation) *cobra.Command {
	var noWait bool
	var csr string
	r := lifecycle.ReissueRequest{}
	cmd := &cobra.Command{
		Use: "reissue", Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if csr != "" {
				if r.CSR, err = c.csr(cmd.Context(), csr); err != nil {
					return err
				}
			}
			j, err := c.engine().Reissue(cmd.Context(), i.ID, r)
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), i.ID, noWait, model.Say("verb.reissued"), j.ID)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&r.NewKey, "new-key", false, "")
	f.StringVar(&csr, "csr", "", "")
	exclusive(cmd, "new-key", "csr")
	waitFlag(f, &noWait)
	return cmd
}
