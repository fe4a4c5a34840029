package action

import (
	"slices"

	"charm.land/bubbles/v2/key"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

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
