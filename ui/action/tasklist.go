package action

import (
	"context"
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

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

// layout draws the lines and scrolls to the selected one.
func (d *TaskList) layout() {
	s, c, in := d.c.Styles, d.c, max(d.width-4, 1)
	var rows []widget.Row
	from, to := 0, 0
	for n := range d.lines {
		l := &d.lines[n]
		id, here := dialog.EntryID(n), n == d.cursor
		paint := s.Paint
		if here {
			paint, from = s.PaintSelected, len(rows)
		}
		head, lead := d.head(l)
		glyph, tone := taskTone(l.kind)
		if l.nested {
			glyph, tone = "", style.Normal
		}
		since := c.T("tasks.since", widget.Ago(c.T, l.tasks[0].Created, c.Now))
		start := c.Lead(here) + lead
		mark := ""
		if glyph != "" {
			mark = c.Mark(glyph)
		}
		room := max(in-widget.Width(start)-widget.Width(mark)-widget.Width(since)-2, 8)
		for k, part := range widget.Wrap(head, room) {
			if k > 0 {
				start, mark, since = widget.Space(widget.Width(start)), widget.Space(widget.Width(mark)), ""
			}
			rows = append(rows, widget.Row{
				{ID: id, Text: paint(style.Accent, start)},
				{ID: id, Text: paint(tone, mark)},
				{ID: id, Text: paint(style.Strong, widget.Pad(part, room)), HasCursor: here && k == 0},
				{ID: id, Text: paint(style.Muted, widget.PadLeft(since, in-widget.Width(start)-widget.Width(mark)-room))},
			})
		}
		if here {
			for _, line := range d.about(l) {
				for _, part := range widget.Wrap(line, in-8) {
					rows = append(rows, widget.Row{{ID: id, Text: s.Paint(style.Muted, "      "+part)}})
				}
			}
			to = len(rows)
		}
	}
	if len(rows) == 0 {
		rows = widget.Rows(c.T("needs.nothing"))
	}
	d.body.Set(rows, in, max(d.height-4-len(d.keyRows()), 1))
	d.body.Reveal(from, to)
}

// head is the text of a line and what stands before it.
func (d *TaskList) head(l *taskLine) (head, lead string) {
	c := d.c
	switch {
	case l.group && d.opened[l.kind]:
		lead = "▾ "
	case l.group:
		lead = "▸ "
	case l.nested:
		lead = "    "
	case slices.ContainsFunc(d.lines, func(l taskLine) bool { return l.group }):
		lead = "  "
	}
	if l.group {
		return c.T("task."+string(l.kind), len(l.tasks)), lead
	}
	t := &l.tasks[0]
	head = c.Text.Text(t.Text)
	if name := d.names[t.Instance]; name != "" && unnamed(t) {
		head = c.T("tasks.named", name, head)
	}
	return text.Clean(head), lead
}

// about is what stands under the selected line: exact values, and what settles it.
func (d *TaskList) about(l *taskLine) (lines []string) {
	c := d.c
	t := &l.tasks[0]
	if !l.group && t.Kind != model.TaskReplace { // whose fingerprint tells nobody anything
		lines = append(lines, c.Text.Lines(t.Detail)...)
	}
	if way := "settle." + string(l.kind); c.Text.Has(way) {
		lines = append(lines, c.T(way))
	}
	if l.kind == model.TaskInstall {
		lines = append(lines, c.T("settle.install-notes", c.KeyOf(rules.Download)))
		if c.Support != "" {
			lines = append(lines, c.T("hosting.details.support")+": "+text.Clean(c.Support))
		}
	}
	return lines
}

// View implements app.Dialog.
func (d *TaskList) View() *lipgloss.Layer {
	s := d.c.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.c.T("tasks.title")), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *TaskList) ReadOut(w, h int) app.ScreenText {
	return d.c.ReadOut(d.c.T("tasks.title"), d.rows(), w, h)
}

// rows are the visible lines and the keys.
func (d *TaskList) rows() []widget.Row {
	return append(append(d.body.Rows(), nil), d.keyRows()...)
}

// keyRows are the keys, in as many rows as they need; those that choose a line are left out
// where one has no room for all.
func (d *TaskList) keyRows() []widget.Row {
	keys := d.ShortHelp()
	if len(keys) > 1 && widget.Width(d.c.Hints(keys...).String()) > d.width-4 {
		keys = keys[1:]
	}
	return d.c.HintRows(d.width-4, keys...)
}

// ShortHelp returns the keys of the selected line.
func (d *TaskList) ShortHelp() []key.Binding {
	c := d.c
	l, ok := d.selected()
	if !ok {
		return []key.Binding{c.Bind(c.T("hint.close"), "esc")}
	}
	bs := []key.Binding{c.Bind(c.T("hint.choose"), "j", "k")}
	for _, row := range settlersOf(c, l.kind) {
		if l.tasks[0].Instance != "" && (d.allowed == nil || d.allowed[row.Action]) {
			bs = append(bs, c.Bind(c.Text.Term("action", string(row.Action)), c.KeyOf(row.Action)))
		}
	}
	switch l.kind {
	case model.TaskFailing, model.TaskAside:
		bs = append(bs, c.Bind(c.T("tasks.retry"), retryKey))
	case model.TaskChannel, model.TaskContact:
		bs = append(bs, c.Bind(c.T("tasks.test"), retryKey))
	case model.TaskApprove:
		if !l.group {
			bs = append(bs, c.Bind(c.T("tasks.approve"), approveKey))
		}
	case model.TaskProve:
		bs = append(bs, c.Bind(c.T("tasks.copy"), "y"))
	}
	switch {
	case l.group:
		bs = append(bs, c.Bind(c.T("tasks.open"), "enter"))
	case l.tasks[0].Instance != "" || l.tasks[0].Watch != "":
		bs = append(bs, c.Bind(c.T("hint.details"), "enter"))
	}
	bs = append(bs, c.Bind(c.T("tasks.dismiss"), dismissKey))
	if c.Undo != nil && !c.Undo.ViewOnly {
		bs = append(bs, c.Bind(c.T("tasks.undo"), "u"))
	}
	return append(bs, c.Bind(c.T("hint.close"), "esc"))
}
