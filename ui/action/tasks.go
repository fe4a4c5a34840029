package action

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Everywhere lists what every page offers: the lists of tasks, notices, authorities,
// contacts and companies, and what verbs do.
func Everywhere(c *app.Context, tasks *TaskList) app.Actions {
	return append(app.Actions{
		{
			ID: "tasks", Name: text.NewName("act.tasks"), Binding: app.Keys(TasksKey), Group: app.View, OpensDialog: true,
			Run: tasks.open,
		},
		{
			ID: "notices", Name: text.NewName("act.notices"), Group: app.View, OpensDialog: true,
			Run: func() tea.Cmd { return showNotices(c, false) },
		},
		showAuthorities(c), showDiscovery(c), addContact(c), showContacts(c), showCompanies(c), showUsers(c),
	}, verbActions(c)...)
}

// TasksKey lists the tasks for a person.
const TasksKey = "!"

// listedTasks is how many tasks are read and listed at most.
const listedTasks = 1000

// taskKeys are the keys of the list of tasks that settle tasks without an action of
// the table.
const (
	retryKey   = "T"
	dismissKey = "ctrl+x"
)

// settlersOf are the actions that may settle tasks of a kind by a key of their own.
func settlersOf(c *app.Context, kind model.TaskKind) []*rules.Transition {
	return slices.DeleteFunc(c.Table.Settlers(kind), func(r *rules.Transition) bool {
		return r.Key == "" || c.KeyOf(r.Action) == dismissKey
	})
}

// settle starts the action of the table that has a key, for the certificates of
// tasks; nil if no such action settles them.
func settle(c *app.Context, key string, tasks []model.Task) tea.Cmd {
	if len(tasks) == 0 || tasks[0].Instance == "" {
		return nil
	}
	for _, row := range settlersOf(c, tasks[0].Kind) {
		if c.KeyOf(row.Action) != key {
			continue
		}
		t := Target{}
		for n := range tasks {
			if !slices.Contains(t.IDs, tasks[n].Instance) {
				t.IDs = append(t.IDs, tasks[n].Instance)
			}
		}
		rows := rowsOf(c.Table, app.DefaultKey(row))
		return c.Do(func(context.Context) tea.Msg {
			for n := range tasks {
				r, err := c.Backend.Resource(tasks[n].Resource)
				if err != nil { // none, or gone: the action asks for the resources
					t.Resources = nil
					break
				}
				t.Resources = append(t.Resources, r)
			}
			return prepare(c, rows, t)()
		})
	}
	return nil
}

// retryTasks tries again what tasks are about, or tests the channel that fails.
func retryTasks(c *app.Context, tasks []model.Task) tea.Cmd {
	if c.MayNot("retry") != nil {
		return refuse(c, "retry")
	}
	return c.Do(func(ctx context.Context) tea.Msg {
		for n := range tasks {
			if tasks[n].Kind == model.TaskContact {
				return testContact(ctx, c, contactOf(&tasks[n]))
			}
			if _, err := c.Backend.RetryTask(ctx, string(tasks[n].ID)); err != nil {
				return failedMsg(c, &rules.Transition{Action: "retry"}, err)
			}
			if tasks[n].Kind == model.TaskChannel {
				return testContact(ctx, c, contactOf(&tasks[n]))
			}
		}
		return app.ToastMsg{Text: c.T("tasks.retried", len(tasks)), Tone: style.Busy}
	})
}

// contactOf is the contact that a task about a contact or its channel concerns.
func contactOf(t *model.Task) model.ID {
	id, _, _ := strings.Cut(t.About, "/")
	return model.ID(id)
}

// testContact sends a test to each channel of a contact and returns a toast about the
// result.
func testContact(ctx context.Context, c *app.Context, id model.ID) tea.Msg {
	contact, err := c.Backend.ContactByID(id)
	if err != nil {
		return failedMsg(c, &rules.Transition{Action: "contact"}, err)
	}
	tests, err := c.Backend.TestContact(ctx, contact.Name)
	if err != nil {
		return failedMsg(c, &rules.Transition{Action: "contact"}, err)
	}
	for _, t := range tests {
		if t.Err != nil && !t.Unused {
			return app.ToastMsg{Text: c.T("notices.test.failed", t.Channel, c.FormatError(t.Err)), Tone: style.Bad}
		}
	}
	if len(tests) == 0 {
		return app.ToastMsg{Text: c.T("notices.test.none", contact.Name), Tone: style.Warn}
	}
	return app.ToastMsg{Text: c.T("notices.test.works", contact.Name), Tone: style.Good}
}

// dismissTasks asks, then closes tasks because the person says so (spec D7). It can be
// undone, unless the work that they are about is given up with them.
func dismissTasks(c *app.Context, tasks []model.Task) tea.Cmd {
	if c.MayNot("dismiss") != nil {
		return refuse(c, "dismiss")
	}
	n := len(tasks)
	lines, severity := []string{c.T("tasks.dismiss.text")}, rules.SeverityInfo
	if tasks[0].Kind == model.TaskAside {
		lines, severity = []string{c.T("tasks.dismiss.abandon")}, rules.SeverityWarning
	}
	title := c.Text.Text(tasks[0].Text)
	if n > 1 {
		title = c.T("task."+string(tasks[0].Kind), n)
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context: c, Title: title, Danger: severity, Lines: lines,
				Question: c.T("tasks.dismiss.question", n), RepeatKey: dismissKey,
			}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg { return dismissed(ctx, c, tasks) })
		},
	})
}

func dismissed(ctx context.Context, c *app.Context, tasks []model.Task) tea.Msg {
	for n := range tasks {
		if _, err := c.Backend.DismissTask(ctx, string(tasks[n].ID)); err != nil {
			return failedMsg(c, &rules.Transition{Action: "dismiss"}, err)
		}
	}
	toast := app.ToastMsg{Text: c.T("tasks.dismissed", c.Text.Text(tasks[0].Text)), Tone: style.Good}
	if n := len(tasks); n > 1 {
		toast.Text = c.T("tasks.dismissed.many", n)
	}
	if tasks[0].Kind == model.TaskAside {
		return toast
	}
	return app.OfferUndoMsg{Then: toast, Undo: app.Undo{
		Label: text.NewName("undo.dismiss"),
		Run: func() tea.Cmd {
			return c.Do(func(ctx context.Context) tea.Msg {
				for n := range tasks {
					if _, err := c.Backend.ReopenTask(ctx, string(tasks[n].ID)); err != nil {
						return failedMsg(c, &rules.Transition{Action: "reopen"}, err)
					}
				}
				return app.ToastMsg{Text: c.T("tasks.reopened"), Tone: style.Good}
			})
		},
	}}
}
