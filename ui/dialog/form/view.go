package form

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// multilineHeight is the number of lines drawn of a focused Multiline field.
const multilineHeight = 5

// View implements app.Dialog. The fields scroll; preview and keys stay visible below
// them.
func (f *Form) View() *lipgloss.Layer {
	s := f.c.Styles
	inner := max(f.width-4, 10)
	head := f.head(inner, 0)
	body, from, to := f.body(inner)
	foot := f.footer()
	room := f.height - 2 - len(foot)
	below := f.previewLines(inner)
	if most := max(room-len(head)-6, room/2); len(below) > most {
		below = append(below[:max(most-1, 0)], s.Paint(style.Faint, "  …"))
	}
	if over := len(head) + len(body) + len(below) - room; over > 0 {
		head = f.head(inner, over) // the introduction is cut first
	}
	fit := max(room-len(head)-len(below), 1)
	body = window(body, from, to, inner, fit, s.Paint(style.Faint, "  …"))
	rows := slices.Concat(head, body, widget.Rows(below...), foot)
	return widget.BoxLayer(s, toneOf(f.spec.Danger), s.Paint(style.Strong, text.Clean(f.spec.Title)), rows, f.width, f.height)
}

// Prefixes of the IDs of clickable parts, followed by a number: a field, the options
// of the focused field, and a step.
const (
	fieldID  = "field "
	choiceID = "choice "
	stepID   = "step "
)

// window returns n rows of w cells that contain those from index from to index to, in a
// viewport. A mark replaces the first or last one where there are further rows.
func window(rows []widget.Row, from, to, w, n int, more string) []widget.Row {
	var view widget.Scroll
	view.Set(rows, w, n)
	view.Reveal(from, to+1)
	if from > 0 && view.Top() == from {
		view.ScrollTo(from - 1) // leave a line for the mark
	}
	visible := view.Rows()
	if n > 2 && view.Top() > 0 {
		visible[0] = widget.Row{{Text: more}}
	}
	if n > 2 && view.Below() > 0 {
		visible[n-1] = widget.Row{{Text: more}}
	}
	return visible
}

// head is what is drawn above the fields, without the first lines of the introduction
// where there is no room.
func (f *Form) head(inner, without int) []widget.Row {
	s := f.c.Styles
	var lines, intro []string
	if f.spec.Danger != "" {
		lines = append(lines, s.Paint(toneOf(f.spec.Danger), strings.ToUpper(f.c.T("danger."+string(f.spec.Danger)))))
	}
	for _, l := range f.spec.Intro {
		intro = append(intro, widget.Wrap(l, inner)...)
	}
	rows := widget.Rows(append(lines, intro[min(without, len(intro)):]...)...)
	if len(f.spec.Steps) > 0 {
		rows = append(rows, f.stepRow())
	}
	if len(rows) > 0 {
		rows = append(rows, nil)
	}
	if f.formError != "" {
		for _, l := range widget.Wrap("✕ "+f.formError, inner) {
			rows = append(rows, widget.Row{{Text: s.Paint(style.Bad, l)}})
		}
		rows = append(rows, nil)
	}
	return rows
}

// stepRow draws the steps with the current one and those with errors marked.
func (f *Form) stepRow() (row widget.Row) {
	s := f.c.Styles
	for _, p := range f.stepParts() {
		if len(row) > 0 {
			row = append(row, widget.Part{Text: s.Paint(style.Faint, " › ")})
		}
		row = append(row, widget.Part{ID: stepID + strconv.Itoa(p.step), Text: s.Paint(p.tone, p.text)})
	}
	return row
}

// stepPart is the name of a step with its marks.
type stepPart struct {
	step int
	text string
	tone style.Tone
}

func (f *Form) stepParts() (parts []stepPart) {
	has, wrong := f.steps()
	for i, name := range f.spec.Steps {
		if !has[i] {
			continue
		}
		p := stepPart{i, string(rune('1'+len(parts))) + " " + name, style.Muted}
		if wrong[i] {
			p.text, p.tone = "✕ "+p.text, style.Bad
		}
		if i == f.step {
			p.text, p.tone = "▸ "+p.text, style.Accent
		}
		parts = append(parts, p)
	}
	return parts
}

// body draws the fields of the step, and returns which lines the focused one takes.
func (f *Form) body(inner int) (rows []widget.Row, from, to int) {
	s, values := f.c.Styles, f.Values()
	under := widget.Space(f.labelWidth() + 2)
	for i := range f.spec.Fields {
		if !f.isShown(i) {
			continue
		}
		d, on := &f.spec.Fields[i], i == f.focus
		id := fieldID + strconv.Itoa(i)
		put := func(tone style.Tone, t string) {
			for _, l := range widget.Wrap(t, inner-f.labelWidth()-2) {
				rows = append(rows, widget.Row{{ID: id, Text: widget.Pad(under+s.Paint(tone, l), inner)}})
			}
		}
		first := id
		if on && (d.Kind == Select || d.Kind == Search) {
			first = choiceID + strconv.Itoa(i)
		}
		if on {
			from = len(rows)
		}
		rows = append(rows, widget.Row{{ID: first, Text: widget.Pad(f.fieldLine(i, on, inner), inner)}})
		if on && d.Kind == Multiline {
			for _, l := range f.multilineLines(i, inner-2, multilineHeight) {
				rows = append(rows, widget.Row{{ID: id, Text: widget.Pad("  "+l, inner)}})
			}
		}
		if e := f.errorOf(i); e != "" {
			put(style.Bad, "✕ "+e)
		}
		if d.Warn != nil {
			if t := d.Warn(values); t != "" {
				put(style.Warn, "▲ "+t)
			}
		}
		if on && d.Hint != nil {
			if h := d.Hint(values); !strings.Contains(f.errorOf(i), h) { // the error says it already
				put(style.Muted, h)
			}
		}
		if on {
			to = len(rows) - 1
		}
	}
	return rows, from, to
}

// errorOf is the error of a field: that of its validation, or that of the preview,
// which is not shown while the field is being typed into or is empty.
func (f *Form) errorOf(i int) string {
	d := &f.spec.Fields[i]
	if e := f.errors[d.Key]; e != "" {
		return e
	}
	if d.Kind == Select || i != f.focus && *f.values[d.Key] != "" {
		return f.previewErrors[d.Key]
	}
	return ""
}

// previewLines draws the preview and the note of the last command.
func (f *Form) previewLines(inner int) []string {
	s := f.c.Styles
	var lines []string
	put := func(tone style.Tone, t string) {
		if len(lines) == 0 {
			lines = append(lines, "")
		}
		for _, l := range widget.Wrap(t, inner) {
			lines = append(lines, s.Paint(tone, l))
		}
	}
	beside := false
	for i := range f.spec.Fields {
		beside = beside || f.isShown(i) && f.errorOf(i) != ""
	}
	if f.preview.Problem != "" && !beside {
		put(style.Bad, f.c.Mark("✕")+f.preview.Problem)
	}
	for _, p := range f.preview.Lines {
		if p.Tone == style.Good && !f.isValid() { // it is about what was valid, or looks at less than the fields do
			continue
		}
		switch mark := map[style.Tone]string{style.Good: "●", style.Warn: "▲"}[p.Tone]; mark {
		case "":
			put(p.Tone, p.Text)
		default:
			put(p.Tone, f.c.Mark(mark)+p.Text)
		}
	}
	if f.note != "" {
		put(style.Good, f.note)
	}
	if f.leaving {
		put(style.Warn, f.c.Mark("▲")+f.c.T("form.leaving", f.c.KeyName("esc")))
	}
	return lines
}

// footer draws the keys.
func (f *Form) footer() []widget.Row {
	s := f.c.Styles
	var first widget.Row
	for _, o := range f.spec.Commands {
		if o.Show == nil || o.Show(f.stepValues()) {
			if len(first) > 0 {
				first = append(first, widget.Part{Text: "   "})
			}
			first = append(first, widget.Part{ID: app.KeyID(o.Key), Text: s.Paint(style.Muted, o.Key+" "+o.Label)})
		}
	}
	rows := []widget.Row{nil}
	if len(first) > 0 {
		rows = append(rows, first)
	}
	keys := f.c.Hints(f.ShortHelp()...)
	if help := f.c.Hints(append(f.ShortHelp(), f.c.Bind(f.c.T("footer.help"), "f1"))...); widget.Width(help.String()) <= f.width-4 {
		keys = help
	}
	if f.c.Spinner != "" && f.Waits() {
		keys = append(widget.Row{{Text: s.Paint(style.Busy, f.c.Spinner) + " "}}, keys...)
	}
	return append(rows, keys)
}

// ShortHelp returns the keys of the form without those of its commands.
func (f *Form) ShortHelp() []key.Binding {
	c, steps := f.c, len(f.spec.Steps) > 0
	var bs []key.Binding
	move := c.T("hint.move")
	if steps {
		page := c.Bind("", "pgdown", "pgup")
		page.SetHelp("pgup pgdn", c.T("hint.step"))
		bs, move = append(bs, page), c.T("hint.field")
	}
	bs = append(bs, c.Bind(move, "tab", "up", "down"))
	if !steps && f.hasChoices(f.focus) {
		bs = append(bs, c.BindAs(c.T("hint.choose"), []string{"left", "right"}, "right"))
	}
	return append(bs, c.Bind(f.spec.Submit, "ctrl+s"), c.Bind(c.T(f.leaveLabel()), "esc"))
}

// leaveLabel is the code of what esc does.
func (f *Form) leaveLabel() string {
	switch {
	case len(f.spec.Steps) > 0 && (f.spec.ID != "" || f.spec.Autosave != nil):
	case f.spec.Danger == rules.SeverityDanger: // "close" must not mean two things
		return "hint.spare"
	case f.spec.ID == "":
		return "hint.close"
	}
	return "hint.keep"
}

// hasChoices reports whether the arrow keys choose in a field: there is more than one
// option.
func (f *Form) hasChoices(i int) bool {
	d := &f.spec.Fields[i]
	return d.Kind == Search || d.Kind == Select && len(d.Options(f.Values())) > 1
}

// placeholder is the placeholder of a field in brackets, since without colours it would
// look like input.
func (f *Form) placeholder(d *Field) string {
	if d.Placeholder == "" {
		return ""
	}
	return f.c.T("form.unfilled", d.Placeholder)
}

func (f *Form) fieldLine(i int, on bool, inner int) string {
	s, d := f.c.Styles, &f.spec.Fields[i]
	lead, tone := "  ", style.Muted
	if on {
		lead, tone = "▌ ", style.Accent
	}
	label := s.Paint(tone, lead+widget.Pad(d.Label, f.labelWidth()-2)) + "  "
	room := inner - f.labelWidth() - 2
	switch d.Kind {
	case Multiline:
		said := f.summary(*f.values[d.Key])
		if d.Render != nil {
			said = text.Clean(d.Render(f.Values()))
		}
		return label + s.Paint(style.Normal, widget.Cut(said, room))
	case Search:
		return label + f.searchLine(i, on, room)
	case Static:
		return label + s.Paint(style.Normal, widget.Cut(text.Clean(d.Render(f.Values())), room))
	case Select:
		return label + f.choiceLine(i, on, room)
	}
	switch v := *f.values[d.Key]; {
	case on && v == "" && d.Placeholder != "":
		first, rest := splitFirstRune(f.placeholder(d))
		return label + s.Paint(style.Brand, first) + s.Paint(style.Muted, widget.Cut(rest, room-widget.Width(first)))
	case on:
		return label + f.inputs[i].View(s, room)
	case v == "":
		return label + s.Paint(style.Muted, widget.Cut(f.placeholder(d), room))
	default:
		return label + widget.Cut(d.drawn(v), room)
	}
}

// splitFirstRune splits a text after its first character.
func splitFirstRune(s string) (first, rest string) {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n], s[n:]
}

// summary describes pasted text without showing it.
func (f *Form) summary(v string) string {
	if v == "" {
		return f.c.T("form.paste.empty")
	}
	certs, keys := strings.Count(v, "-----BEGIN CERTIFICATE-----"), strings.Count(v, "PRIVATE KEY-----")/2
	if requests := strings.Count(v, "CERTIFICATE REQUEST-----") / 2; requests > 0 && certs+keys == 0 {
		return f.c.T("form.paste.request", widget.Count(len(v)), requests)
	}
	return f.c.T("form.paste.held", widget.Count(len(v)), certs, keys)
}

func toneOf(d rules.Severity) style.Tone {
	switch d {
	case rules.SeverityDanger:
		return style.Bad
	case rules.SeverityWarning:
		return style.Warn
	}
	return style.Accent
}
