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
		Use: "tasks", Short: "List what needs a person", Args: cobra.NoArgs,
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
				rows = append(rows, []string{t.ID.Short(), string(t.Kind), day(t.Created), c.words().Text(t.Text)})
			}
			switch {
			case c.g.json:
				return c.printJSON(out)
			case len(rows) == 0:
				c.say("nothing needs a person")
			default:
				c.table([]string{"ID", "KIND", "SINCE", "WHAT"}, rows)
			}
			return nil
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "dismiss TASK", Short: "Say that a task is done or not wanted", Args: one("TASK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing("dismiss"); err != nil {
				return err
			}
			t, err := c.engine().DismissTask(cmd.Context(), c.Actor, args[0])
			if err != nil {
				return err
			}
			c.say("dismissed: %s", t.Text)
			return nil
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use: "retry TASK", Short: "Try once more what was set aside after crashes", Args: one("TASK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing("retry"); err != nil {
				return err
			}
			t, err := c.engine().RetryTask(cmd.Context(), c.Actor, args[0])
			if err != nil {
				return err
			}
			c.say("tried again: %s", t.Text)
			return nil
		},
	})
	return cmd
}
