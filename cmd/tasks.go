package cmd

import (
	"github.com/spf13/cobra"

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

func tasksCmd(c *call) *cobra.Command {
	cmd := &cobra.Command{
		Use: "tasks", Args: onlyFlags,
		RunE: func(*cobra.Command, []string) error {
			tasks, err := c.engine().Tasks(0)
			if err != nil {
				return err
			}
			out := []taskJSON{}
			var rows [][]string
			for n := range tasks {
				t := &tasks[n]
				out = append(out, taskJSON{
					t.ID, t.Kind, orNil(t.Instance), orNil(t.Resource), orNil(t.Watch),
					english(t.Text), orNil(english(t.Detail)), timeOrNil(t.Created),
				})
				rows = append(rows, []string{t.ID.Short(), c.label("tasks", string(t.Kind)), day(t.Created), c.words().Text(t.Text)})
			}
			switch {
			case c.g.json:
				return c.printJSON(out)
			case len(rows) == 0:
				c.say("verb.tasks.none")
			default:
				c.table(c.heads("id", "kind", "since", "what"), rows)
			}
			return nil
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "dismiss", Args: one("arg.task"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := c.engine().DismissTask(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c.say("verb.tasks.dismissed", "what", t.Text)
			return nil
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use: "retry", Args: one("arg.task"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := c.engine().RetryTask(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c.say("verb.tasks.retried", "what", t.Text)
			return nil
		},
	})
	return cmd
}
