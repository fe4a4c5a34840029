package form

import (
	"maps"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/kit"
	"certquay/ui/widget"
)

// Init starts the first preview.
func (f *Form) Init() tea.Cmd { return f.ask() }

func (f *Form) ask() tea.Cmd {
	if f.spec.Preview == nil {
		return nil
	}
	f.seq++
	seq, work := f.seq, f.spec.Preview(f.stepped())
	if work == nil {
		f.preview, f.live = Preview{}, nil
		return nil
	}
	return func() tea.Msg { return previewedMsg{f, seq, work()} }
}

// keep remembers what is typed for the next opening.
func (f *Form) keep() Values {
	if f.spec.ID != "" {
		kept := maps.Clone(f.all())
		for i := range f.spec.Fields {
			if !f.spec.Fields[i].keeps() {
				delete(kept, f.spec.Fields[i].Key)
			}
		}
		f.c.Drafts[f.spec.ID] = kept
	}
	return f.Values()
}

// Update implements kit.Dialog.
func (f *Form) Update(msg tea.Msg) (tea.Cmd, kit.Outcome) {
	switch m := msg.(type) {
	case previewedMsg:
		if m.form == f && m.seq == f.seq {
			f.preview, f.live = m.preview, map[string]string{}
			for field, e := range m.preview.Errors {
				if i := f.resolve(field); i >= 0 {
					f.live[f.spec.Fields[i].Key] = e
				}
			}
		}
	case foundMsg:
		if m.form == f {
			return f.foundSome(m), kit.Outcome{}
		}
	case workedMsg:
		if m.form == f {
			return f.worked(m.Result), kit.Outcome{}
		}
	case tea.KeyPressMsg:
		f.note = ""
		return f.key(m)
	case tea.PasteMsg:
		f.note = ""
		switch d := &f.spec.Fields[f.focus]; d.Kind {
		case Paste:
			f.append(d, m.Content)
			return f.ask(), kit.Outcome{}
		case Text, Select:
			return nil, kit.Outcome{}
		case Find:
			return f.seek(f.focus, m), kit.Outcome{}
		}
		return f.field(tea.PasteMsg{Content: strings.Join(strings.Fields(m.Content), " ")}), kit.Outcome{}
	case tea.MouseClickMsg:
		return f.click(m), kit.Outcome{}
	case tea.MouseWheelMsg:
		before := f.step
		if m.Button == tea.MouseWheelUp {
			f.back()
		} else {
			f.forward()
		}
		return f.turned(before), kit.Outcome{}
	}
	return nil, kit.Outcome{}
}

// click puts the field that was clicked on in use, or turns to a step. In a
// field of choices that is in use it goes on to the next choice, or back at
// the arrow on the left.
func (f *Form) click(m tea.MouseClickMsg) tea.Cmd {
	before := f.step
	if m.Y == f.stepAt && f.stepAt > 0 {
		at := 2
		for _, p := range f.stepParts() {
			w := widget.Width(p.text)
			if m.X >= at && m.X < at+w && p.step != f.step {
				f.turn(p.step - f.step)
				return f.turned(before)
			}
			at += w + 3
		}
		return nil
	}
	n := m.Y - f.top
	if n < 0 || n >= len(f.drawn) || f.drawn[n] < 0 {
		return nil
	}
	i := f.drawn[n]
	if i != f.focus {
		f.leave()
		f.goTo(i)
		return nil
	}
	if k := f.spec.Fields[i].Kind; k != Select && k != Find || n > 0 && f.drawn[n-1] == i { // not its hint
		return nil
	}
	key := tea.KeyPressMsg{Code: tea.KeyRight}
	if m.X < 2+labelWidth+4 {
		key.Code = tea.KeyLeft
	}
	if f.spec.Fields[i].Kind == Find {
		return f.seek(i, key)
	}
	return f.field(key)
}

// turned asks for the preview of another step.
func (f *Form) turned(before int) tea.Cmd {
	if f.step == before {
		return nil
	}
	return f.ask()
}

// worked takes what a command has come to.
func (f *Form) worked(r Result) tea.Cmd {
	f.note = r.Note
	f.set(r.Set)
	if !f.has(f.focus) && !f.back() { // the field in use was removed
		f.forward()
	}
	if r.Error != "" {
		f.WithError(r.Field, r.Error)
	}
	return f.ask()
}

func (f *Form) work(do func() Result) tea.Cmd {
	if do == nil {
		return nil
	}
	return func() tea.Msg { return workedMsg{f, do()} }
}

func (f *Form) key(m tea.KeyPressMsg) (tea.Cmd, kit.Outcome) {
	d, before := &f.spec.Fields[f.focus], f.step
	k := m.String()
	for _, o := range f.spec.Commands {
		if o.Key == k && (o.Show == nil || o.Show(f.stepped())) {
			if o.Leaves {
				left := Cancelled{Values: f.keep(), By: o.Key}
				if f.spec.ID != "" {
					f.c.Drafts[f.spec.ID][atKey] = d.Key
				}
				return nil, kit.Outcome{Done: true, Value: left}
			}
			return f.work(o.Do(f.stepped())), kit.Outcome{}
		}
	}
	switch {
	case k == "esc", k == "ctrl+c":
		return nil, kit.Outcome{Done: true, Value: Cancelled{Values: f.keep()}}
	case k == "ctrl+s":
		return f.submit()
	case k == "shift+tab", k == "up":
		f.leave()
		f.back()
	case k == "tab", k == "down":
		f.leave()
		f.forward()
	case k == "pgdown" && len(f.spec.Steps) > 0:
		f.turn(1)
	case k == "pgup" && len(f.spec.Steps) > 0:
		f.turn(-1)
	case k == "enter" && d.Kind == Find && f.finding(f.focus).pending:
		f.finding(f.focus).entered = true
	case k == "enter" && d.Enter != nil && strings.TrimSpace(*f.values[d.Key]) != "":
		return f.work(d.Enter(f.stepped())), kit.Outcome{}
	case k == "enter" && d.Kind != Paste:
		if f.check(f.focus) && !f.forward() {
			return f.submit()
		}
	case k == "ctrl+v": // would read the clipboard of the machine, not the person's
	case d.Kind == Paste:
		f.paste(m)
		return f.ask(), kit.Outcome{}
	case d.Kind == Find:
		return f.seek(f.focus, m), kit.Outcome{}
	case d.Kind == Text:
		if d.Remove != nil && (k == "backspace" || k == "delete") {
			return f.work(d.Remove(f.stepped())), kit.Outcome{}
		}
	default:
		return f.field(m), kit.Outcome{}
	}
	return f.turned(before), kit.Outcome{}
}

// paste takes typed keys too: some terminals send pasted text as keys.
func (f *Form) paste(m tea.KeyPressMsg) {
	d := &f.spec.Fields[f.focus]
	switch m.String() {
	case "enter":
		f.append(d, "\n")
	case "backspace", "ctrl+u":
		*f.values[d.Key] = ""
		delete(f.errors, d.Key)
	default:
		f.append(d, m.Text)
	}
}

// append adds to a Paste field what it has room for: all of it or nothing.
func (f *Form) append(d *Field, s string) {
	most := d.Most
	if most == 0 {
		most = maxPaste
	}
	if len(*f.values[d.Key])+len(s) > most {
		f.errors[d.Key] = f.c.T("form.paste.most", widget.Count(most))
		return
	}
	*f.values[d.Key] += s
	delete(f.errors, d.Key)
}

// field hands a message to the field in use.
func (f *Form) field(msg tea.Msg) tea.Cmd {
	d := &f.spec.Fields[f.focus]
	before := *f.values[d.Key]
	f.fields[f.focus].Update(msg)
	if *f.values[d.Key] == before {
		return nil
	}
	delete(f.errors, d.Key)
	f.general = ""
	f.wanted[d.Key] = *f.values[d.Key]
	if d.Picked != nil {
		f.set(d.Picked(f.Values()))
	}
	f.refresh()
	if d.Kind == Select { // what was wrong with the others may be so no more
		for i := range f.spec.Fields {
			if f.errors[f.spec.Fields[i].Key] != "" {
				f.check(i)
			}
		}
	}
	return f.ask()
}

func (f *Form) submit() (tea.Cmd, kit.Outcome) {
	first := -1
	for i := range f.spec.Fields {
		if !f.check(i) && first < 0 {
			first = i
		}
	}
	if first >= 0 {
		before := f.step
		f.goTo(first)
		return f.turned(before), kit.Outcome{}
	}
	return nil, kit.Outcome{Done: true, Value: f.keep()}
}
