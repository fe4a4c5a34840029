package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/model"
)

type taskJSON struct {
	ID       model.ID       `json:"id"`
	Kind     model.TaskKind `json:"kind"`
	Instance *string        `json:"instance"`
	Resource *string        `json:"resource"`
	Watch    *string        `json:"watch"`
	Text     string         `json:"text"`
	Detail   *string        `json:"detail"`
	Created  *string        `json:"created"`
}

func tasksCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{
		Use: "tasks", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			tasks, err := c.engine().Tasks(0)
			if err != nil {
				return err
			}
			items := []taskJSON{}
			var rows [][]string
			for n := range tasks {
				t := &tasks[n]
				items = append(items, taskJSON{
					t.ID, t.Kind, out.OrNil(t.Instance), out.OrNil(t.Resource), out.OrNil(t.Watch),
					out.English(t.Text), out.OrNil(out.English(t.Detail)), out.TimeOrNil(t.Created),
				})
				rows = append(rows, []string{t.ID.Short(), c.Label("tasks", string(t.Kind)), out.Day(t.Created), c.Words().Text(t.Text)})
			}
			switch {
			case c.JSON:
				return c.PrintJSON(items)
			case len(rows) == 0:
				c.Say("verb.tasks.none")
			default:
				c.Table(c.Heads("id", "kind", "since", "what"), rows)
			}
			return nil
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "dismiss", Args: exactArg("arg.task"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := c.engine().DismissTask(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c.Say("verb.tasks.dismissed", "what", t.Text)
			return nil
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use: "retry", Args: exactArg("arg.task"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := c.engine().RetryTask(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c.Say("verb.tasks.retried", "what", t.Text)
			return nil
		},
	})
	return cmd
}
