package form

import (
	"regexp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// resetEditor creates the editor of a field with the current value. A Multiline field
// has none while its value is too long to edit; the value is then kept as it was
// pasted.
func (f *Form) resetEditor(i int) {
	d := &f.spec.Fields[i]
	value := *f.values[d.Key]
	delete(f.areas, i)
	switch {
	case d.Kind == Search:
		f.searches[i] = &search{result: d.FirstResults, index: -1}
	case d.Kind == Input:
		f.inputs[i] = &widget.Input{Masked: d.Masked}
		f.inputs[i].SetValue(value)
	case d.Kind == Multiline && i == f.focus && len(value) <= widget.MaxArea:
		f.areas[i] = widget.NewArea(value)
	}
}

// updateInput passes a key or pasted text to an Input field.
func (f *Form) updateInput(i int, msg tea.Msg) tea.Cmd {
	in := f.inputs[i]
	if !in.Update(msg) {
		return nil
	}
	return f.valueChanged(i, in.Value())
}

// cycleOption selects the option by places further in a Select field, wrapping around.
func (f *Form) cycleOption(i, by int) tea.Cmd {
	d := &f.spec.Fields[i]
	options := d.Options(f.Values())
	if len(options) < 2 {
		return nil
	}
	return f.valueChanged(i, options[(f.selectedOption(i, options)+by+len(options))%len(options)].Value)
}

// selectedOption is the index of the selected option of a Select field.
func (f *Form) selectedOption(i int, options []Option) int {
	for n, o := range options {
		if o.Value == *f.values[f.spec.Fields[i].Key] {
			return n
		}
	}
	return 0
}

// choiceLine draws a Select field: its option, between arrows if it is focused. An
// arrow that wraps around is faint. A field with a single option has none.
func (f *Form) choiceLine(i int, on bool, room int) string {
	s, options := f.c.Styles, f.spec.Fields[i].Options(f.Values())
	if len(options) == 0 {
		return ""
	}
	at := f.selectedOption(i, options)
	label := text.Clean(options[at].Label)
	if !on {
		return widget.Cut(label, room)
	}
	left, right, tones := "‹ ", " ›", [2]style.Tone{style.Accent, style.Accent}
	if len(options) == 1 {
		left, right = "  ", ""
	}
	if at == 0 {
		tones[0] = style.Faint
	}
	if at == len(options)-1 {
		tones[1] = style.Faint
	}
	return s.Paint(tones[0], left) + s.Paint(style.Strong, widget.Cut(label, room-4)) + s.Paint(tones[1], right)
}

// valueChanged stores a value that the person entered, and updates what depends on it.
func (f *Form) valueChanged(i int, value string) tea.Cmd {
	d := &f.spec.Fields[i]
	*f.values[d.Key], f.desired[d.Key] = value, value
	delete(f.errors, d.Key)
	f.formError = ""
	if d.OnSelect != nil {
		f.set(d.OnSelect(f.Values()))
	}
	f.refreshOptions()
	if d.Kind == Select { // other fields may be valid now
		for i := range f.spec.Fields {
			if f.errors[f.spec.Fields[i].Key] != "" {
				f.check(i)
			}
		}
	}
	return f.startPreview()
}

// atEdge reports whether up (else down) leaves a Multiline field.
func (f *Form) atEdge(i int, up bool) bool {
	switch a := f.areas[i]; {
	case a == nil:
		return true
	case up:
		return a.AtFirstLine()
	default:
		return a.AtLastLine()
	}
}

// updateMultiline passes a key or pasted text to a Multiline field, which takes the
// whole text or none of it. ctrl+u clears the field.
func (f *Form) updateMultiline(i int, msg tea.Msg, text string) tea.Cmd {
	d, a := &f.spec.Fields[i], f.areas[i]
	value := *f.values[d.Key]
	most := d.MaxBytes
	if most == 0 {
		most = maxMultiline
	}
	key := ""
	if k, ok := msg.(tea.KeyPressMsg); ok {
		if key = k.String(); key == "enter" {
			text = "\n"
		}
	}
	switch {
	case len(value)+len(text) > most:
		f.errors[d.Key] = f.c.T("form.paste.most", widget.Count(most))
		return f.startPreview()
	case key == "ctrl+u", a == nil && key == "backspace":
		value = ""
	case a == nil:
		value += text
	case len(value)+len(text) > widget.MaxArea:
		value = a.WithInserted(text)
	case a.Update(msg):
		*f.values[d.Key] = a.Value()
		delete(f.errors, d.Key)
		return f.startPreview()
	default:
		return nil
	}
	*f.values[d.Key] = value
	f.resetEditor(i)
	delete(f.errors, d.Key)
	return f.startPreview()
}

// multilineLines draws the text of the focused Multiline field.
func (f *Form) multilineLines(i, width, height int) []string {
	if a := f.areas[i]; a != nil && *f.values[f.spec.Fields[i].Key] != "" {
		return a.View(f.c.Styles, maskSecrets, width, height)
	}
	return nil
}

// pemBoundary matches the first and last line of a PEM block (RFC 7468).
var pemBoundary = regexp.MustCompile(`^-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----\s*$`)

// publicLabels are the labels of PEM blocks that are not secret.
var publicLabels = []string{"CERTIFICATE", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}

// mask returns one dot for each rune.
func maskSecrets(text string) string {
	lines, public := strings.Split(text, "\n"), false
	for n, l := range lines {
		if m := pemBoundary.FindStringSubmatch(l); m != nil {
			public = m[1] == "BEGIN" && slices.Contains(publicLabels, m[2])
			continue
		}
		if public = public && !strings.Contains(l, "--"); !public {
			lines[n] = mask(l)
		}
	}
	return strings.Join(lines, "\n")
}

// mask is as many dots as a text has runes.
func mask(s string) string { return strings.Repeat("•", len([]rune(s))) }
