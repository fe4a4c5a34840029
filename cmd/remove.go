package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// removeCmd returns the subcommand that removes one record that a person names, which arg
// describes. plan returns the record, or why it cannot be removed, and changes nothing;
// remove removes it and says so.
func (c *invocation) removeCmd(
	arg string, action rules.Action, plan func(typed string) (id model.ID, name string, err error),
	remove func(ctx context.Context, typed string) error,
) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: "remove", Args: exactArg(arg),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !dryRun {
				return remove(cmd.Context(), args[0])
			}
			if err := c.errOrNil(c.engine().May(action)); err != nil {
				return err
			}
			id, name, err := plan(args[0])
			switch {
			case err != nil:
				return err
			case c.JSON:
				return c.PrintJSON(planJSON{ID: string(id), Name: name, Action: action, Notes: []string{}})
			}
			c.Say("verb.remove.would", "name", name)
			c.Say("verb.many.dry")
			return nil
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "")
	return cmd
}
