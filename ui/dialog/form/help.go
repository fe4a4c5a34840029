package form

import (
	"charm.land/bubbles/v2/key"

	"certquay/ui/app"
)

// TakesText reports whether what is typed now goes into a text.
func (f *Form) TakesText() bool {
	switch f.spec.Fields[f.focus].Kind {
	case Input, Search, Multiline:
		return true
	}
	return false
}

// FullHelp returns the keys of the form by group: what the form does, and moving and
// writing in it.
func (f *Form) FullHelp() [][]key.Binding {
	c := f.c
	groups := make([][]key.Binding, app.Program+1)
	put := func(g app.Group, code string, keys ...string) {
		groups[g] = append(groups[g], c.Bind(c.T(code), keys...))
	}
	groups[app.Certificate] = append(groups[app.Certificate], c.Bind(f.spec.Submit, "ctrl+s"))
	for _, o := range f.spec.Commands {
		if o.Show == nil || o.Show(f.stepValues()) {
			groups[app.Certificate] = append(groups[app.Certificate], c.Bind(o.Label, o.Key))
		}
	}
	groups[app.Certificate] = append(groups[app.Certificate], c.Bind(c.T(f.leaveLabel()), "esc"))
	put(app.Move, "form.help.enter", "enter")
	put(app.Move, "form.help.next", "tab", "down")
	put(app.Move, "form.help.previous", "shift+tab", "up")
	if len(f.spec.Steps) > 0 {
		put(app.Move, "form.help.step", "pgdown")
		put(app.Move, "form.help.back", "pgup")
	}
	put(app.View, "form.help.choose", "left", "right")
	put(app.View, "form.help.word", "alt+b", "alt+f")
	put(app.View, "form.help.ends", "home", "end")
	put(app.View, "form.help.delete", "ctrl+w")
	put(app.View, "form.help.clear", "ctrl+u")
	return groups
}

// Heads returns the headings of the groups of [Form.FullHelp].
func (f *Form) Heads() map[app.Group]string {
	return map[app.Group]string{app.Certificate: f.c.T("form.help.form"), app.View: f.c.T("form.help.field")}
}

// Notes returns what the help says besides the keys: the hint of the focused field.
func (f *Form) Notes() []string {
	d := &f.spec.Fields[f.focus]
	if d.Hint == nil {
		return nil
	}
	return []string{d.Label + f.c.T("colon") + d.Hint(f.Values())}
}
