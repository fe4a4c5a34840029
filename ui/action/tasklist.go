package action

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// TaskList is the dialog that lists what needs a person: one line a kind, opened in
// place, each settled by a key. There is one for a session, so that it opens again
// where the person left it.
type TaskList struct {
	c             *app.Context
	tasks         []model.Task
	names         map[model.ID]string // of certificates that the texts do not name
	lines         []taskLine
	opened        map[model.TaskKind]bool
	cursor        int
	allowed       map[rules.Action]bool // on the selected certificate; nil until it is loaded
	width, height int
	body          widget.Scroll
}

// taskLine is one line that can be selected: a kind with several tasks, or one task.
type taskLine struct {
	kind   model.TaskKind
	tasks  []model.Task
	group  bool
	nested bool
}

// NewTaskList makes the list of a session.
func NewTaskList(c *app.Context) *TaskList {
	return &TaskList{c: c, opened: map[model.TaskKind]bool{}}
}

var _ app.Dialog = (*TaskList)(nil)

// ShowsOnly says that closing the list loses no input.
func (d *TaskList) ShowsOnly() {}

type (
	tasksLoadedMsg struct {
		tasks []model.Task
		names map[model.ID]string
	}
	settlersLoadedMsg struct {
		id      model.ID // of the instance
		allowed map[rules.Action]bool
	}
)

// open reads the tasks and shows them.
func (d *TaskList) open() tea.Cmd {
	return d.c.Do(func(context.Context) tea.Msg {
		m, err := d.read()
		if err != nil {
			return d.c.LoadFailed(err)
		}
		return app.OpenDialogMsg{
			Make: func() app.Dialog { d.set(m); return d },
			Then: d.chosen,
		}
	})
}

// read reads the tasks, and the names of certificates that their texts leave out.
func (d *TaskList) read() (m tasksLoadedMsg, err error) {
	if m.tasks, err = d.c.Backend.Tasks(listedTasks); err != nil {
		return m, err
	}
	m.names = map[model.ID]string{}
	for n := range m.tasks {
		t := &m.tasks[n]
		if !unnamed(t) || m.names[t.Instance] != "" {
			continue
		}
		if i, err := d.c.Backend.Instance(t.Instance); err == nil { // it may be deleted meanwhile
			m.names[t.Instance] = i.Name
		}
	}
	return m, nil
}

// unnamed reports whether the text of a task does not name its certificate.
func unnamed(t *model.Task) bool {
	return t.Instance != "" && (t.Kind == model.TaskReplace || t.Kind == model.TaskProve || t.Kind == model.TaskAddress)
}

// Init implements the start of a dialog: it reads what the selected line allows.
func (d *TaskList) Init() tea.Cmd { return d.loadSettlers() }

// Changed reads the tasks again after a change of the store.
func (d *TaskList) Changed() tea.Cmd {
	return d.c.Do(func(context.Context) tea.Msg {
		m, err := d.read()
		if err != nil {
			return d.c.LoadFailed(err)
		}
		return m
	})
}

// loadSettlers reads which actions are allowed on the selected certificate.
func (d *TaskList) loadSettlers() tea.Cmd {
	d.allowed = nil
	l, ok := d.selected()
	if !ok || l.group || l.tasks[0].Instance == "" {
		return nil
	}
	c, id, rows := d.c, l.tasks[0].Instance, settlersOf(d.c, l.kind)
	return c.Do(func(context.Context) tea.Msg {
		m := settlersLoadedMsg{id, map[rules.Action]bool{}}
		if cs, err := c.Backend.Facts(id); err == nil {
			for _, r := range rows {
				m.allowed[r.Action] = c.Table.Check(r.Action, cs) == nil
			}
		}
		return m
	})
}

// set shows tasks, with the cursor on the line on which it was, or else where that was.
func (d *TaskList) set(m tasksLoadedMsg) {
	before, had := d.selected()
	d.tasks, d.names = m.tasks, m.names
	d.arrange()
	if had {
		n := slices.IndexFunc(d.lines, func(l taskLine) bool {
			return l.kind == before.kind && l.group == before.group && (l.group || l.tasks[0].ID == before.tasks[0].ID)
		})
		if n >= 0 {
			d.cursor = n
		}
	}
	d.cursor = max(min(d.cursor, len(d.lines)-1), 0)
	d.layout()
}

// arrange puts the tasks into lines.
func (d *TaskList) arrange() {
	d.lines = d.lines[:0]
	kinds := slices.Clone(model.TaskKinds)
	by := map[model.TaskKind][]model.Task{}
	for _, t := range d.tasks {
		if !slices.Contains(kinds, t.Kind) { // of a later version
			kinds = append(kinds, t.Kind)
		}
		by[t.Kind] = append(by[t.Kind], t)
	}
	for _, k := range kinds {
		switch ts := by[k]; {
		case len(ts) == 1:
			d.lines = append(d.lines, taskLine{kind: k, tasks: ts})
		case len(ts) > 1:
			d.lines = append(d.lines, taskLine{kind: k, tasks: ts, group: true})
			for n := range ts {
				if d.opened[k] {
					d.lines = append(d.lines, taskLine{kind: k, tasks: ts[n : n+1], nested: true})
				}
			}
		}
	}
}

func (d *TaskList) selected() (taskLine, bool) {
	if d.cursor >= len(d.lines) {
		return taskLine{}, false
	}
	return d.lines[d.cursor], true
}

// SetSize implements app.Dialog.
func (d *TaskList) SetSize(width, height int) {
	d.width, d.height = min(width-2, 116), height
	d.layout()
}

// Update implements app.Dialog.
func (d *TaskList) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	defer d.layout()
	at := d.cursor
	switch m := msg.(type) {
	case tasksLoadedMsg:
		d.set(m)
		return d.loadSettlers(), app.Outcome{}
	case settlersLoadedMsg:
		if l, ok := d.selected(); ok && l.tasks[0].Instance == m.id {
			d.allowed = m.allowed
		}
		return nil, app.Outcome{}
	case tea.KeyPressMsg:
		if cmd, outcome, done := d.press(m.String()); done {
			return cmd, outcome
		}
	case app.HitMsg:
		if n, ok := dialog.EntryOf(m.ID); ok {
			if d.cursor == n { // it was selected before the click
				return d.enter()
			}
			d.cursor = n
		}
	case tea.MouseWheelMsg:
		by := 1
		if m.Button == tea.MouseWheelUp {
			by = -1
		}
		d.move(by)
	}
	if d.cursor != at {
		return d.loadSettlers(), app.Outcome{}
	}
	return nil, app.Outcome{}
}

// press handles a key; done says that nothing is left to do.
func (d *TaskList) press(k string) (cmd tea.Cmd, outcome app.Outcome, done bool) {
	switch k {
	case "esc", "ctrl+c", "q", TasksKey:
		return nil, app.Outcome{Done: true}, true
	case "down", "j":
		d.move(1)
	case "up", "k":
		d.move(-1)
	case "pgdown", "ctrl+d":
		d.move(5)
	case "pgup", "ctrl+u":
		d.move(-5)
	case "g", "home":
		d.move(-len(d.lines))
	case "G", "end":
		d.move(len(d.lines))
	case "u":
		if u := d.c.Undo; u != nil && !u.ViewOnly {
			d.c.Undo = nil
			return u.Run(), app.Outcome{}, true
		}
	default:
		l, ok := d.selected()
		if !ok {
			return nil, app.Outcome{}, false
		}
		switch {
		case k == "enter":
			cmd, outcome = d.enter()
		case k == "space" || k == "l" || k == "right":
			d.toggle(l, true)
		case k == "h" || k == "left":
			d.toggle(l, false)
		case k == dismissKey:
			cmd = dismissTasks(d.c, slices.Clone(l.tasks))
		case k == "y":
			cmd = app.Send(app.CopyMsg{What: d.c.T("copy.line"), Text: d.copied(&l)})
		case k == retryKey && retriable(l.kind):
			cmd = retryTasks(d.c, slices.Clone(l.tasks))
		case k == approveKey && l.kind == model.TaskApprove && !l.group:
			cmd = approveTask(d.c, &l.tasks[0])
		default:
			cmd = settle(d.c, k, slices.Clone(l.tasks))
		}
		return cmd, outcome, true
	}
	return nil, app.Outcome{}, false
}

// retriable reports whether a key tries again what tasks of a kind are about.
func retriable(k model.TaskKind) bool {
	return k == model.TaskFailing || k == model.TaskAside || k == model.TaskChannel || k == model.TaskContact
}

// toggle opens or closes the kind of a line in place.
func (d *TaskList) toggle(l taskLine, open bool) {
	if !l.group && !l.nested {
		return
	}
	d.opened[l.kind] = open && (!l.group || !d.opened[l.kind])
	d.arrange()
	if n := slices.IndexFunc(d.lines, func(o taskLine) bool { return o.group && o.kind == l.kind }); n >= 0 && !d.opened[l.kind] {
		d.cursor = n
	}
}

// enter opens a kind in place, or goes to what a task is about.
func (d *TaskList) enter() (tea.Cmd, app.Outcome) {
	l, ok := d.selected()
	switch {
	case !ok:
		return nil, app.Outcome{Done: true}
	case l.group:
		d.toggle(l, true)
		return d.loadSettlers(), app.Outcome{}
	}
	t := l.tasks[0]
	if t.Instance == "" && t.Watch == "" && t.Kind != model.TaskChannel && t.Kind != model.TaskContact {
		return nil, app.Outcome{}
	}
	return nil, app.Outcome{Done: true, Value: t}
}

// chosen goes to what a task is about.
func (d *TaskList) chosen(v any) tea.Cmd {
	t, ok := v.(model.Task)
	switch {
	case !ok:
		return nil
	case t.Instance != "":
		return app.Send(app.ShowInstanceMsg{ID: t.Instance})
	case t.Watch != "":
		return app.Send(app.ShowWatchesMsg{})
	case t.Kind == model.TaskChannel:
		return showNotices(d.c, true)
	}
	return showContacts(d.c).Run()
}

func (d *TaskList) move(n int) { d.cursor = max(min(d.cursor+n, len(d.lines)-1), 0) }

// copied is the text that y copies: the exact values of a task, or else its line.
func (d *TaskList) copied(l *taskLine) string {
	t := &l.tasks[0]
	if t.Detail != "" {
		return text.Clean(d.c.Text.Text(t.Detail))
	}
	return text.Clean(d.c.Text.Text(t.Text))
}

// taskTone is how urgent a kind is: its glyph and tone.
func taskTone(k model.TaskKind) (glyph string, tone style.Tone) {
	switch k {
	case model.TaskReplace, model.TaskPredecessor, model.TaskFailing, model.TaskDamage, model.TaskAside, model.TaskAddress:
		return "✕", style.Bad
	case model.TaskProve, model.TaskReview, model.TaskInstall, model.TaskRoot:
		return "◔", style.Busy
	}
	return "▲", style.Warn
}
