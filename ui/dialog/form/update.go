package form

import (
	"context"
	"maps"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
	"certquay/ui/style"
)

// Init starts the first preview.
func (f *Form) Init() tea.Cmd { return f.startPreview() }

// startPreview returns the command that computes the preview of the current values.
func (f *Form) startPreview() tea.Cmd {
	if f.spec.Preview == nil {
		return nil
	}
	f.seq++
	seq, work := f.seq, f.spec.Preview(f.stepValues())
	if work == nil {
		f.preview, f.previewErrors = Preview{}, nil
		return nil
	}
	return func() tea.Msg { return previewedMsg{f, seq, work()} }
}

// saveDraft keeps the input for the next opening, and returns the values.
func (f *Form) saveDraft() Values {
	if f.spec.ID != "" {
		kept := maps.Clone(f.allValues())
		for i := range f.spec.Fields {
			if !f.spec.Fields[i].isKept() {
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
			f.preview, f.previewErrors = m.preview, map[string]string{}
			for field, e := range m.preview.Errors {
				if i := f.fieldFor(field); i >= 0 {
					f.previewErrors[f.spec.Fields[i].Key] = e
				}
			}
			if then := m.preview.Then; then != nil {
				return func() tea.Msg { return previewedMsg{f, m.seq, then()} }, app.Outcome{}
			}
		}
	case searchedMsg:
		if m.form == f {
			return f.applyResult(m), app.Outcome{}
		}
	case commandDoneMsg:
		if m.form == f {
			return f.commandDone(m.Result), app.Outcome{}
		}
	case tea.KeyPressMsg:
		f.note = ""
		return f.key(m)
	case tea.PasteMsg:
		f.note = ""
		switch f.spec.Fields[f.focus].Kind {
		case Multiline:
			return f.updateMultiline(f.focus, m, m.Content), app.Outcome{}
		case Input:
			return f.updateInput(f.focus, m), app.Outcome{}
		case Search:
			return f.updateSearch(f.focus, m), app.Outcome{}
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
		return f.stepChanged(before), app.Outcome{}
	}
	return nil, app.Outcome{}
}

// click focuses the clicked field, or shows a step. In the focused field of options it
// chooses the next one, or at the left arrow the previous one.
func (f *Form) click(m app.HitMsg) tea.Cmd {
	before := f.step
	if n, ok := numberAfter(m.ID, stepID); ok {
		f.moveStep(n - f.step)
		return f.stepChanged(before)
	}
	if i, ok := numberAfter(m.ID, fieldID); ok && i != f.focus {
		f.leave()
		f.goTo(i)
	}
	i, ok := numberAfter(m.ID, choiceID)
	if !ok {
		return nil
	}
	by := 1
	if m.X < f.labelWidth()+4 {
		by = -1
	}
	if f.spec.Fields[i].Kind == Search {
		return f.moveResult(i, by)
	}
	return f.cycleOption(i, by)
}

// numberAfter parses an ID made of a prefix and a number.
func numberAfter(id, begin string) (n int, ok bool) {
	number, ok := strings.CutPrefix(id, begin)
	n, err := strconv.Atoi(number)
	return n, ok && err == nil
}

// Waits implements app.Waiter: a command or a search is running.
func (f *Form) Waits() bool {
	for _, s := range f.searches {
		if s.pending {
			return true
		}
	}
	return f.commandsRunning > 0
}

// stepChanged saves what was typed, and requests the preview of another step.
func (f *Form) stepChanged(before int) tea.Cmd {
	if f.step == before {
		return nil
	}
	save := f.Autosave()
	if save == nil {
		return f.startPreview()
	}
	return tea.Batch(f.startPreview(), f.c.Do(func(ctx context.Context) tea.Msg {
		if err := save(ctx); err != nil {
			return app.ToastMsg{Text: f.c.T("apply.draft.failed", err), Tone: style.Warn}
		}
		return nil
	}))
}

// Autosave returns the work that saves what was typed so far; nil if this form saves
// nothing before it is left.
func (f *Form) Autosave() func(context.Context) error {
	if f.spec.Autosave == nil {
		return nil
	}
	return f.spec.Autosave(f.Values())
}

// wouldDiscard reports whether closing the form discards what the person has changed. A
// form that keeps its input does not, and a confirmation to be typed is no input.
func (f *Form) wouldDiscard() bool {
	if f.spec.ID != "" || f.spec.Danger != "" {
		return false
	}
	for i := range f.spec.Fields {
		d := &f.spec.Fields[i]
		if d.Kind != Hidden && d.Kind != Static && *f.values[d.Key] != f.initial[d.Key] {
			return true
		}
	}
	return false
}

// commandDone applies the result of a command.
func (f *Form) commandDone(r Result) tea.Cmd {
	f.commandsRunning--
	f.note = r.Note
	f.set(r.Set)
	if r.Forward {
		f.leave()
		f.forward()
	}
	if !f.applies(f.focus) && !f.back() { // the focused field was removed
		f.forward()
	}
	if r.Error != "" {
		f.WithError(r.Field, r.Error)
	}
	return f.startPreview()
}

// complete completes the value of a field. If nothing could be added to the same value
// before, the focus moves on.
func (f *Form) complete(d *Field) tea.Cmd {
	typed := *f.values[d.Key]
	if f.completed == typed {
		f.leave()
		f.forward()
		return nil
	}
	f.completed = typed
	do := d.Complete(f.stepValues())
	return f.runCommand(func() Result {
		r := do()
		r.Forward = r.Note == "" && (r.Set[d.Key] == "" || r.Set[d.Key] == typed)
		return r
	})
}

func (f *Form) runCommand(do func() Result) tea.Cmd {
	if do == nil {
		return nil
	}
	f.commandsRunning++
	return func() tea.Msg { return commandDoneMsg{f, do()} }
}

func (f *Form) key(m tea.KeyPressMsg) (tea.Cmd, app.Outcome) {
	d, before := &f.spec.Fields[f.focus], f.step
	k, leaving := m.String(), f.leaving
	f.leaving = false
	for _, o := range f.spec.Commands {
		if o.Key == k && (o.Show == nil || o.Show(f.stepValues())) {
			if o.ClosesForm {
				left := Cancelled{Values: f.saveDraft(), Key: o.Key}
				if f.spec.ID != "" {
					f.c.Drafts[f.spec.ID][focusKey] = d.Key
				}
				return nil, app.Outcome{Done: true, Value: left}
			}
			if o.Copy != nil {
				return app.Send(o.Copy(f.stepValues())), app.Outcome{}
			}
			return f.runCommand(o.Run(f.stepValues())), app.Outcome{}
		}
	}
	switch {
	case k == "esc", k == "ctrl+c":
		if !leaving && f.wouldDiscard() {
			f.leaving = true
			return nil, app.Outcome{}
		}
		return nil, app.Outcome{Done: true, Value: Cancelled{Values: f.saveDraft()}}
	case k == "ctrl+s":
		return f.submit()
	case d.Kind == Multiline && (k == "up" && !f.atEdge(f.focus, true) || k == "down" && !f.atEdge(f.focus, false)):
		return f.updateMultiline(f.focus, m, ""), app.Outcome{}
	case k == "shift+tab", k == "up":
		f.leave()
		f.back()
	case k == "tab" && d.Complete != nil && strings.TrimSpace(*f.values[d.Key]) != "":
		return f.complete(d), app.Outcome{}
	case k == "tab", k == "down":
		f.leave()
		f.forward()
	case k == "pgdown" && len(f.spec.Steps) > 0:
		f.moveStep(1)
	case k == "pgup" && len(f.spec.Steps) > 0:
		f.moveStep(-1)
	case k == "enter" && d.Kind == Search && f.searches[f.focus].pending:
		f.searches[f.focus].enterPressed = true
	case k == "enter" && d.Enter != nil && strings.TrimSpace(*f.values[d.Key]) != "":
		return f.runCommand(d.Enter(f.stepValues())), app.Outcome{}
	case k == "enter" && d.Kind != Multiline:
		if f.check(f.focus) && !f.forward() {
			return f.submit()
		}
	case d.Kind == Multiline:
		return f.updateMultiline(f.focus, m, m.Text), app.Outcome{}
	case d.Kind == Select: // letters never choose, so that typing into the wrong field changes nothing
		switch k {
		case "left":
			return f.cycleOption(f.focus, -1), app.Outcome{}
		case "right", "space":
			return f.cycleOption(f.focus, 1), app.Outcome{}
		}
	case d.Kind == Search:
		return f.updateSearch(f.focus, m), app.Outcome{}
	case d.Kind == Static:
		if d.Remove != nil && (k == "backspace" || k == "delete") {
			return f.runCommand(d.Remove(f.stepValues())), app.Outcome{}
		}
	default:
		return f.updateInput(f.focus, m), app.Outcome{}
	}
	return f.stepChanged(before), app.Outcome{}
}

func (f *Form) submit() (tea.Cmd, app.Outcome) {
	first := -1
	for i := range f.spec.Fields {
		if !f.check(i) && first < 0 {
			first = i
		}
	}
	if first >= 0 {
		f.submitted = true
		before := f.step
		f.goTo(first)
		return f.stepChanged(before), app.Outcome{}
	}
	return nil, app.Outcome{Done: true, Value: f.saveDraft()}
}
