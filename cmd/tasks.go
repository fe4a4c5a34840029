package cmd

import (
	"slices"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
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
	// SettledBy lists the commands that settle the task, the best first, of those that
	// are allowed now.
	SettledBy []string `json:"settled_by"`
}

func tasksCmd(c *invocation) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use: "tasks", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			tasks, err := c.engine().Tasks(0)
			if err != nil {
				return err
			}
			if kind != "" {
				k, err := oneOf("--kind", kind, model.TaskKinds)
				if err != nil {
					return err
				}
				tasks = slices.DeleteFunc(tasks, func(t model.Task) bool { return t.Kind != k })
			}
			switch {
			case c.JSON:
				return c.tasksJSON(tasks)
			case len(tasks) == 0 && kind == "":
				c.Say("verb.tasks.none")
			case len(tasks) == 0:
				c.Say("verb.tasks.none-such", "kind", kind)
			default:
				return c.tasksTable(tasks, kind == "")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", out.Join(model.TaskKinds))
	sub := func(use, done string, do func(cmd *cobra.Command, task string) (model.Task, error)) {
		cmd.AddCommand(&cobra.Command{
			Use: use, Args: exactArg("arg.task"),
			RunE: func(cmd *cobra.Command, args []string) error {
				t, err := do(cmd, args[0])
				if err == nil {
					c.Say(done, "what", t.Text)
				}
				return err
			},
		})
	}
	sub("dismiss", "verb.tasks.dismissed", func(cmd *cobra.Command, task string) (model.Task, error) {
		return c.engine().DismissTask(cmd.Context(), task)
	})
	sub("retry", "verb.tasks.retried", func(cmd *cobra.Command, task string) (model.Task, error) {
		return c.engine().RetryTask(cmd.Context(), task)
	})
	sub("reopen", "verb.tasks.reopened", func(cmd *cobra.Command, task string) (model.Task, error) {
		return c.engine().ReopenTask(cmd.Context(), task)
	})
	return cmd
}

// settledBy returns the commands that settle a task.
func (c *invocation) settledBy(t *model.Task) ([]string, error) {
	ways, err := c.engine().Settling(*t)
	commands := []string{}
	for _, s := range ways {
		commands = append(commands, text.Command(s))
	}
	return commands, err
}

func (c *invocation) tasksJSON(tasks []model.Task) error {
	items := []taskJSON{}
	for n := range tasks {
		t := &tasks[n]
		ways, err := c.settledBy(t)
		if err != nil {
			return err
		}
		items = append(items, taskJSON{
			t.ID, t.Kind, out.OrNil(t.Instance), out.OrNil(t.Resource), out.OrNil(t.Watch),
			out.English(t.Text), out.OrNil(out.English(t.Detail)), out.TimeOrNil(t.Created), ways,
		})
	}
	return c.PrintJSON(items)
}

// tasksTable prints the tasks; alike ones are one line with their number if grouped.
func (c *invocation) tasksTable(tasks []model.Task, grouped bool) error {
	count := map[model.TaskKind]int{}
	for n := range tasks {
		count[tasks[n].Kind]++
	}
	words := c.Words()
	done := map[model.TaskKind]bool{}
	var rows [][]string
	for n := range tasks {
		t := &tasks[n]
		if many := count[t.Kind]; grouped && many > 1 {
			if !done[t.Kind] {
				done[t.Kind] = true
				rows = append(rows, []string{
					c.Text("verb.tasks.count", "n", many), c.Label("tasks", string(t.Kind)), out.Day(t.Created),
					words.T("task."+string(t.Kind), many), text.Command(tasksOfKind(t.Kind)),
				})
			}
			continue
		}
		ways, err := c.settledBy(t)
		if err != nil {
			return err
		}
		row := []string{t.ID.Short(), c.Label("tasks", string(t.Kind)), out.Day(t.Created), words.Text(t.Text), out.Dash("")}
		if len(ways) > 0 {
			row[4] = ways[0]
		}
		rows = append(rows, row)
		for _, l := range words.Lines(t.Detail) {
			if !grouped {
				rows = append(rows, []string{"", "", "", "  " + l, ""})
			}
		}
	}
	c.Table(c.Heads("id", "kind", "since", "what", "settled-by"), rows)
	if count[model.TaskInstall] > 0 {
		c.Say("verb.tasks.install-notes")
		if s := c.app.Config.Support; s != "" {
			c.Say("verb.tasks.support", "contact", s)
		}
	}
	return nil
}

// tasksOfKind is the command that lists the tasks of a kind.
func tasksOfKind(kind model.TaskKind) rules.Suggestion {
	return rules.Suggestion{Action: "tasks", Args: []string{"--kind", string(kind)}}
}
