package form

import (
	"maps"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
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

// Update implements app.Dialog.
func (f *Form) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
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
			return f.foundSome(m), app.Outcome{}
		}
	case workedMsg:
		if m.form == f {
			return f.worked(m.Result), app.Outcome{}
		}
	case tea.KeyPressMsg:
		f.note = ""
		return f.key(m)
	case tea.PasteMsg:
		f.note = ""
		switch f.spec.Fields[f.focus].Kind {
		case Paste:
			return f.paste(f.focus, m, m.Content), app.Outcome{}
		case Input:
			return f.typed(f.focus, m), app.Outcome{}
		case Find:
			return f.seek(f.focus, m), app.Outcome{}
		}
	case app.HitMsg:
		return f.click(m), app.Outcome{}
	case tea.MouseWheelMsg:
		before := f.step
		if m.Button == tea.MouseWheelUp {
			f.back()
		} else {
			f.forward()
		}
		return f.turned(before), app.Outcome{}
	}
	return nil, app.Outcome{}
}

// click puts the field that was clicked on in use, or turns to a step. In a
// field of choices that is in use it goes on to the next choice, or back at
// the arrow on the left.
func (f *Form) click(m app.HitMsg) tea.Cmd {
	before := f.step
	if n, ok := numbered(m.ID, stepID); ok {
		f.turn(n - f.step)
		return f.turned(before)
	}
	if i, ok := numbered(m.ID, fieldID); ok && i != f.focus {
		f.leave()
		f.goTo(i)
	}
	i, ok := numbered(m.ID, choiceID)
	if !ok {
		return nil
	}
	by := 1
	if m.X < labelWidth+4 {
		by = -1
	}
	if f.spec.Fields[i].Kind == Find {
		return f.pick(i, by)
	}
	return f.turnTo(i, by)
}

// numbered reads an ID that begins so and ends with a number.
func numbered(id, begin string) (n int, ok bool) {
	number, ok := strings.CutPrefix(id, begin)
	n, err := strconv.Atoi(number)
	return n, ok && err == nil
}

// Waits implements app.Waiter: for what a command or a search comes to.
func (f *Form) Waits() bool {
	for _, s := range f.finds {
		if s.pending {
			return true
		}
	}
	return f.working > 0
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
	f.working--
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
	f.working++
	return func() tea.Msg { return workedMsg{f, do()} }
}

func (f *Form) key(m tea.KeyPressMsg) (tea.Cmd, app.Outcome) {
	d, before := &f.spec.Fields[f.focus], f.step
	k := m.String()
	for _, o := range f.spec.Commands {
		if o.Key == k && (o.Show == nil || o.Show(f.stepped())) {
			if o.Leaves {
				left := Cancelled{Values: f.keep(), By: o.Key}
				if f.spec.ID != "" {
					f.c.Drafts[f.spec.ID][atKey] = d.Key
				}
				return nil, app.Outcome{Done: true, Value: left}
			}
			return f.work(o.Do(f.stepped())), app.Outcome{}
		}
	}
	switch {
	case k == "esc", k == "ctrl+c":
		return nil, app.Outcome{Done: true, Value: Cancelled{Values: f.keep()}}
	case k == "ctrl+s":
		return f.submit()
	case d.Kind == Paste && (k == "up" && !f.atEdge(f.focus, true) || k == "down" && !f.atEdge(f.focus, false)):
		return f.paste(f.focus, m, ""), app.Outcome{}
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
	case k == "enter" && d.Kind == Find && f.finds[f.focus].pending:
		f.finds[f.focus].entered = true
	case k == "enter" && d.Enter != nil && strings.TrimSpace(*f.values[d.Key]) != "":
		return f.work(d.Enter(f.stepped())), app.Outcome{}
	case k == "enter" && d.Kind != Paste:
		if f.check(f.focus) && !f.forward() {
			return f.submit()
		}
	case d.Kind == Paste:
		return f.paste(f.focus, m, m.Text), app.Outcome{}
	case d.Kind == Select: // letters never choose: who types a region must not change the product by it
		switch k {
		case "left":
			return f.turnTo(f.focus, -1), app.Outcome{}
		case "right", "space":
			return f.turnTo(f.focus, 1), app.Outcome{}
		}
	case d.Kind == Find:
		return f.seek(f.focus, m), app.Outcome{}
	case d.Kind == Text:
		if d.Remove != nil && (k == "backspace" || k == "delete") {
			return f.work(d.Remove(f.stepped())), app.Outcome{}
		}
	default:
		return f.typed(f.focus, m), app.Outcome{}
	}
	return f.turned(before), app.Outcome{}
}

func (f *Form) submit() (tea.Cmd, app.Outcome) {
	first := -1
	for i := range f.spec.Fields {
		if !f.check(i) && first < 0 {
			first = i
		}
	}
	if first >= 0 {
		before := f.step
		f.goTo(first)
		return f.turned(before), app.Outcome{}
	}
	return nil, app.Outcome{Done: true, Value: f.keep()}
}
