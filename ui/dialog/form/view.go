package form

import (
	"slices"
	"strings"
	"unicode/utf8"

	"certquay/lifecycle"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

const labelWidth = 15

// pasteHeight is how many lines of a Paste field in use are drawn.
const pasteHeight = 5

// layout is the lines of a form, and what they are about.
type layout struct {
	lines  []string
	fields []int // the field of each line; -1 for none
	steps  int   // the line with the steps; -1 for none
}

// lay draws the lines. The fields scroll; what the preview says and the keys
// always stand below them.
func (f *Form) lay() layout {
	s := f.c.Styles
	inner := max(f.width-4, 10)
	head, steps := f.head(inner, 0)
	body, fields, from, to := f.body(inner)
	foot := f.foot(inner)
	room := f.height - 2 - len(foot)
	below := f.below(inner)
	if most := max(room-len(head)-6, room/2); len(below) > most {
		below = append(below[:max(most-1, 0)], s.Paint(style.Faint, "  …"))
	}
	if over := len(head) + len(body) + len(below) - room; over > 0 {
		head, steps = f.head(inner, over) // what was read first goes first
	}
	fit := max(room-len(head)-len(below), 1)
	body, fields = window(body, from, to, fit, s.Paint(style.Faint, "  …")), window(fields, from, to, fit, -1)
	all := layout{lines: append(append(append(head, body...), below...), foot...), steps: steps}
	all.fields = slices.Repeat([]int{-1}, len(all.lines))
	copy(all.fields[len(head):], fields)
	return all
}

// View implements kit.Dialog.
func (f *Form) View() string {
	s := f.c.Styles
	return widget.Box(s, toneOf(f.spec.Danger), s.Paint(style.Strong, text.Clean(f.spec.Title)), f.lay().lines, f.width, f.height)
}

// window cuts lines to n, so that those from from to to are among them.
func window[T any](lines []T, from, to, n int, more T) []T {
	if len(lines) <= n {
		return lines
	}
	at := min(max(to+1-n, 0), from)
	if from > 0 && at == from {
		at-- // for the mark above it
	}
	at = max(min(at, len(lines)-n), 0)
	cut := append([]T(nil), lines[at:at+n]...)
	if n > 2 && at > 0 {
		cut[0] = more
	}
	if n > 2 && at+n < len(lines) {
		cut[n-1] = more
	}
	return cut
}

// head is what stands above the fields; of the introduction some lines may be
// left out where there is no room. steps is the line with those; -1 for none.
func (f *Form) head(inner, without int) (lines []string, steps int) {
	s := f.c.Styles
	var intro []string
	if f.spec.Danger != "" {
		lines = append(lines, s.Paint(toneOf(f.spec.Danger), strings.ToUpper(f.c.T("danger."+string(f.spec.Danger)))))
	}
	for _, l := range f.spec.Intro {
		intro = append(intro, widget.Wrap(l, inner)...)
	}
	lines = append(lines, intro[min(without, len(intro)):]...)
	if steps = -1; len(f.spec.Steps) > 0 {
		steps = len(lines)
		lines = append(lines, f.stepLine(inner))
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	if f.general != "" {
		for _, l := range widget.Wrap("✕ "+f.general, inner) {
			lines = append(lines, s.Paint(style.Bad, l))
		}
		lines = append(lines, "")
	}
	return lines, steps
}

// stepLine shows where one is among the steps, and where something is wrong.
func (f *Form) stepLine(inner int) string {
	s, line := f.c.Styles, ""
	for _, p := range f.stepParts() {
		if line != "" {
			line += s.Paint(style.Faint, " › ")
		}
		line += s.Paint(p.tone, p.text)
	}
	return widget.Cut(line, inner)
}

// stepPart is the name of a step as it stands.
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

// body is the fields of the step, the field of each line, and which lines the
// one in use takes.
func (f *Form) body(inner int) (lines []string, fields []int, from, to int) {
	s, values := f.c.Styles, f.Values()
	under := widget.Space(labelWidth + 2)
	put := func(tone style.Tone, t string) {
		for _, l := range widget.Wrap(t, inner-labelWidth-2) {
			lines = append(lines, under+s.Paint(tone, l))
		}
	}
	for i := range f.spec.Fields {
		if !f.shown(i) {
			continue
		}
		d, on := &f.spec.Fields[i], i == f.focus
		if on {
			from = len(lines)
		}
		lines = append(lines, f.fieldLine(i, on, inner))
		if on && d.Kind == Paste {
			for _, l := range f.pasted(i, inner-2, pasteHeight) {
				lines = append(lines, "  "+l)
			}
		}
		if e := f.wrong(i); e != "" {
			put(style.Bad, "✕ "+e)
		}
		if d.Warn != nil {
			if t := d.Warn(values); t != "" {
				put(style.Soon, "▲ "+t)
			}
		}
		if on && d.Hint != nil {
			if h := d.Hint(values); !strings.Contains(f.wrong(i), h) { // else it stands there already
				put(style.Muted, h)
			}
		}
		if on {
			to = len(lines) - 1
		}
		for len(fields) < len(lines) {
			fields = append(fields, i)
		}
	}
	return lines, fields, from, to
}

// wrong is what is wrong with a field: as it was judged, or what the preview
// says against it, but not while it is typed or before.
func (f *Form) wrong(i int) string {
	d := &f.spec.Fields[i]
	if e := f.errors[d.Key]; e != "" {
		return e
	}
	if d.Kind == Select || i != f.focus && *f.values[d.Key] != "" {
		return f.live[d.Key]
	}
	return ""
}

// below is what the preview and the last command say.
func (f *Form) below(inner int) []string {
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
		beside = beside || f.shown(i) && f.wrong(i) != ""
	}
	if f.preview.Problem != "" && !beside {
		put(style.Bad, "✕ "+f.preview.Problem)
	}
	for _, p := range f.preview.Lines {
		tone := style.Plain
		switch {
		case strings.HasPrefix(p, "▲ "):
			tone = style.Soon
		case strings.HasPrefix(p, "● "):
			tone = style.Good
		}
		put(tone, p)
	}
	if f.note != "" {
		put(style.Good, f.note)
	}
	return lines
}

// foot is what the keys do.
func (f *Form) foot(inner int) []string {
	s, c := f.c.Styles, f.c
	var first []string
	for _, o := range f.spec.Commands {
		if o.Show == nil || o.Show(f.stepped()) {
			first = append(first, o.Key+" "+o.Label)
		}
	}
	keys := "form.keys"
	switch {
	case len(f.spec.Steps) > 0:
		keys = "form.keys.steps"
	case f.spec.Danger == lifecycle.DangerDanger: // "close" must not mean two things
		keys = "form.keys.danger"
	case f.spec.ID == "":
		keys = "form.keys.short"
	}
	if len(f.spec.Steps) == 0 && !f.chooses(f.focus) {
		keys += ".typed"
	}
	lines := []string{""}
	if len(first) > 0 {
		lines = append(lines, s.Paint(style.Muted, widget.Cut(strings.Join(first, "   "), inner)))
	}
	return append(lines, s.Paint(style.Muted, widget.Cut(c.T(keys, f.spec.Submit), inner)))
}

// chooses says whether the arrows choose in a field: where there is more than
// one thing to choose from.
func (f *Form) chooses(i int) bool {
	d := &f.spec.Fields[i]
	return d.Kind == Find || d.Kind == Select && len(d.Options(f.Values())) > 1
}

// unfilled is the placeholder of a field, in brackets: without colours it would
// look like what was typed.
func (f *Form) unfilled(d *Field) string {
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
	label := s.Paint(tone, lead+widget.Pad(d.Label, labelWidth-2)) + "  "
	room := inner - labelWidth - 2
	switch d.Kind {
	case Paste:
		said := f.summary(*f.values[d.Key])
		if d.Say != nil {
			said = text.Clean(d.Say(f.Values()))
		}
		return label + s.Paint(style.Plain, widget.Cut(said, room))
	case Find:
		return label + f.findLine(i, on, room)
	case Text:
		return label + s.Paint(style.Plain, widget.Cut(text.Clean(d.Say(f.Values())), room))
	case Select:
		return label + f.choiceLine(i, on, room)
	}
	switch v := *f.values[d.Key]; {
	case on && v == "" && d.Placeholder != "":
		first, rest := firstOf(f.unfilled(d))
		return label + s.Paint(style.Brand, first) + s.Paint(style.Muted, widget.Cut(rest, room-widget.Width(first)))
	case on:
		return label + f.lines[i].View(s, room)
	case v == "":
		return label + s.Paint(style.Muted, widget.Cut(f.unfilled(d), room))
	default:
		return label + widget.Cut(text.Clean(v), room)
	}
}

// firstOf is the first character of a text, and the others.
func firstOf(s string) (first, rest string) {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n], s[n:]
}

// summary tells what was pasted without showing it.
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

func toneOf(d lifecycle.Danger) style.Tone {
	switch d {
	case lifecycle.DangerDanger:
		return style.Bad
	case lifecycle.DangerWarning:
		return style.Soon
	}
	return style.Accent
}
