package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/bundle"
	"certquay/ui/text"
)

func templateCmd(c *invocation) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "template", Args: exactArg("arg.id"),
		RunE: func(_ *cobra.Command, args []string) error {
			if file == "" {
				return out.Usage("usage.template-out")
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			form, err := c.engine().Template(i.ID)
			if err != nil {
				return err
			}
			if err := c.write(file, bundle.OutFile{Name: file, Data: c.Words().Page(form), Secret: true}); err != nil {
				return err
			}
			if file != "-" {
				c.Print(text.Clean(file))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "out", "", "")
	return cmd
}
