// Package form is the one place where fields of huh are used: a form that
// shows all its fields at once, one line each, with the hint of the field in
// use and every error under the field it belongs to.
package form

import (
	"maps"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/ui/kit"
	"certquay/ui/text"
)

// Values are what a form holds, by the keys of its fields.
type Values = map[string]string

// Kind is how a field is filled in.
type Kind int

// Kinds of fields.
const (
	Input  Kind = iota // one line of text
	Select             // one of the options, with the arrow keys
	Paste              // text of many lines, shown as a summary only
)

// Option is one choice of a Select field.
type Option struct{ Value, Label string }

// Field describes one field. Functions get what the form holds at that moment
// and must be quick and pure.
type Field struct {
	Key, Label  string
	Kind        Kind
	Initial     string
	Placeholder string
	Hint        func(Values) string // of the field in use
	Options     func(Values) []Option
	Valid       func(value string, all Values) string // what is wrong, or ""
	Show        func(Values) bool                     // nil means always
}

// Spec describes a form.
type Spec struct {
	ID     string // under which what was typed is kept for the next opening; "" keeps nothing
	Title  string
	Danger lifecycle.Danger
	Intro  []string // lines before the fields
	Fields []Field
	Submit string // what enter on the last field does, in a word
	// Preview makes the lines under the fields, by a command, anew whenever a
	// value changes. Lines of an error are drawn as one.
	Preview func(Values) func() ([]string, error)
}

// Cancelled is the outcome's value when a form with an ID was left by esc.
type Cancelled struct{ Values Values }

// Form is a dialog. Its outcome is Values, or Cancelled.
type Form struct {
	c       *kit.Context
	spec    Spec
	values  map[string]*string
	fields  []huh.Field // nil for a Paste field
	errors  map[string]string
	focus   int
	preview []string
	problem bool // the preview tells of a problem
	seq     int
	general string            // an error that belongs to no field
	choices map[string]string // the options of Select fields, as last made
	wanted  map[string]string // what the person chose, should it be offered again
}

// previewedMsg brings the preview of a form; older ones are dropped.
type previewedMsg struct {
	form  *Form
	seq   int
	lines []string
	bad   bool
}

// New makes a form with what was typed last time, or the initial values.
func New(c *kit.Context, spec Spec) *Form {
	f := &Form{c: c, spec: spec, values: map[string]*string{}, errors: map[string]string{}, choices: map[string]string{}, wanted: map[string]string{}}
	kept := c.Drafts[spec.ID]
	for i := range spec.Fields {
		v := spec.Fields[i].Initial
		if k, ok := kept[spec.Fields[i].Key]; ok && spec.ID != "" {
			v = k
		}
		f.values[spec.Fields[i].Key] = &v
		f.wanted[spec.Fields[i].Key] = v
	}
	for i := range spec.Fields {
		f.fields = append(f.fields, f.make(&spec.Fields[i]))
	}
	f.refresh()
	f.focus = -1
	f.step(1)
	return f
}

// WithError shows an error beside a field, or above all when there is no such
// field: for what the backend said of the last attempt.
func (f *Form) WithError(field, message string) *Form {
	for i := range f.spec.Fields {
		if f.spec.Fields[i].Key == field && f.shown(i) {
			f.errors[field] = message
			f.blur()
			f.focus = i
			f.focusField()
			return f
		}
	}
	f.general = message
	return f
}

func (f *Form) make(d *Field) huh.Field {
	v := f.values[d.Key]
	var h huh.Field
	switch d.Kind {
	case Input:
		h = huh.NewInput().Value(v).Prompt("").Placeholder(d.Placeholder).CharLimit(0)
	case Select:
		h = huh.NewSelect[string]().Inline(true).Value(v)
	case Paste:
		return nil
	}
	return h.WithTheme(huh.ThemeFunc(f.theme)).WithKeyMap(keys)
}

// keys of fields: moving between them is the form's, done at once and not by
// messages, so that nothing typed fast lands in the wrong field.
var keys = func() *huh.KeyMap {
	k := &huh.KeyMap{}
	d := huh.NewDefaultKeyMap()
	k.Select.Left, k.Select.Right = d.Select.Left, d.Select.Right
	k.Select.Left.SetKeys("left", "h")
	k.Select.Right.SetKeys("right", "l", "space")
	return k
}()

func (f *Form) theme(bool) *huh.Styles {
	var t huh.Styles
	tok := f.c.Styles.Tokens
	plain, muted, accent := lipgloss.NewStyle(), lipgloss.NewStyle(), lipgloss.NewStyle().Bold(true)
	if tok.Muted != nil {
		muted, accent = muted.Foreground(tok.Muted), accent.Foreground(tok.Accent)
	}
	t.Blurred.TextInput = huh.TextInputStyles{Text: plain, Placeholder: muted, Cursor: accent}
	t.Blurred.SelectedOption = plain
	t.Focused = t.Blurred
	t.Focused.SelectedOption = lipgloss.NewStyle().Bold(true)
	t.Focused.PrevIndicator = accent.SetString("‹ ")
	t.Focused.NextIndicator = accent.SetString(" ›")
	return &t
}

// Values is what the form holds now, fields that are not shown left out.
func (f *Form) Values() Values {
	v := Values{}
	for k, p := range f.values {
		v[k] = *p
	}
	shown := Values{}
	for i := range f.spec.Fields {
		if d := &f.spec.Fields[i]; d.Show == nil || d.Show(v) {
			shown[d.Key] = v[d.Key]
		}
	}
	return shown
}

func (f *Form) shown(i int) bool {
	d := &f.spec.Fields[i]
	if d.Show == nil {
		return true
	}
	v := Values{}
	for k, p := range f.values {
		v[k] = *p
	}
	return d.Show(v)
}

// refresh gives Select fields the options that go with the other values.
func (f *Form) refresh() {
	for i := range f.spec.Fields {
		d := &f.spec.Fields[i]
		if d.Kind != Select {
			continue
		}
		options := d.Options(f.Values())
		key, held := "", false
		hs := make([]huh.Option[string], len(options))
		for n, o := range options {
			hs[n] = huh.NewOption(text.Clean(o.Label), o.Value)
			key += o.Value + "\x00"
			held = held || o.Value == f.wanted[d.Key]
		}
		if len(options) == 0 || f.choices[d.Key] == key {
			continue
		}
		f.choices[d.Key] = key
		if *f.values[d.Key] = options[0].Value; held {
			*f.values[d.Key] = f.wanted[d.Key]
		}
		// A fresh field: huh keeps the position of the former options.
		n := huh.NewSelect[string]().Inline(true).Options(hs...).Value(f.values[d.Key])
		n.WithTheme(huh.ThemeFunc(f.theme)).WithKeyMap(keys)
		if i == f.focus {
			n.Focus()
		}
		f.fields[i] = n
	}
}

func (f *Form) blur() {
	if f.focus >= 0 && f.fields[f.focus] != nil {
		f.fields[f.focus].Blur()
	}
}

func (f *Form) focusField() {
	if f.fields[f.focus] != nil {
		f.fields[f.focus].Focus() // its command would only make the cursor blink
	}
}

// step moves to the next shown field in a direction, if there is one.
func (f *Form) step(by int) bool {
	for i := f.focus + by; i >= 0 && i < len(f.fields); i += by {
		if f.shown(i) {
			f.blur()
			f.focus = i
			f.focusField()
			return true
		}
	}
	return false
}

// check judges one field and remembers what is wrong with it.
func (f *Form) check(i int) bool {
	d := &f.spec.Fields[i]
	delete(f.errors, d.Key)
	if d.Valid != nil && f.shown(i) {
		if e := d.Valid(*f.values[d.Key], f.Values()); e != "" {
			f.errors[d.Key] = e
			return false
		}
	}
	return true
}

// Init starts the first preview.
func (f *Form) Init() tea.Cmd { return f.ask() }

func (f *Form) ask() tea.Cmd {
	if f.spec.Preview == nil {
		return nil
	}
	f.seq++
	seq, work := f.seq, f.spec.Preview(f.Values())
	if work == nil {
		f.preview = nil
		return nil
	}
	return func() tea.Msg {
		lines, err := work()
		if err != nil {
			lines = strings.Split(err.Error(), "\n")
		}
		return previewedMsg{f, seq, lines, err != nil}
	}
}

// keep remembers what is typed for the next opening. Pasted text may hold a
// private key, and is not kept.
func (f *Form) keep() Values {
	v := f.Values()
	if f.spec.ID == "" {
		return v
	}
	kept := maps.Clone(v)
	for i := range f.spec.Fields {
		if f.spec.Fields[i].Kind == Paste {
			delete(kept, f.spec.Fields[i].Key)
		}
	}
	f.c.Drafts[f.spec.ID] = kept
	return v
}

// Update implements kit.Dialog.
func (f *Form) Update(msg tea.Msg) (tea.Cmd, kit.Outcome) {
	switch m := msg.(type) {
	case previewedMsg:
		if m.form == f && m.seq == f.seq {
			f.preview, f.problem = m.lines, m.bad
		}
	case tea.KeyPressMsg:
		return f.key(m)
	case tea.PasteMsg:
		if f.spec.Fields[f.focus].Kind == Paste {
			*f.values[f.spec.Fields[f.focus].Key] += m.Content
			return f.ask(), kit.Outcome{}
		}
		return f.field(tea.PasteMsg{Content: strings.Join(strings.Fields(m.Content), " ")}), kit.Outcome{}
	case tea.MouseWheelMsg:
		if m.Button == tea.MouseWheelUp {
			f.step(-1)
		} else {
			f.step(1)
		}
	}
	return nil, kit.Outcome{}
}

func (f *Form) key(m tea.KeyPressMsg) (tea.Cmd, kit.Outcome) {
	kind := f.spec.Fields[f.focus].Kind
	switch k := m.String(); {
	case k == "esc", k == "ctrl+c":
		return nil, kit.Outcome{Done: true, Value: Cancelled{f.keep()}}
	case k == "ctrl+s":
		return f.submit()
	case k == "shift+tab", k == "up":
		f.check(f.focus)
		f.step(-1)
	case k == "tab", k == "down":
		f.check(f.focus)
		f.step(1)
	case k == "enter" && kind != Paste:
		if f.check(f.focus) && !f.step(1) {
			return f.submit()
		}
	case k == "ctrl+v": // would read the clipboard of the machine, not the person's
	case kind == Paste:
		f.paste(m)
		return f.ask(), kit.Outcome{}
	default:
		return f.field(m), kit.Outcome{}
	}
	return nil, kit.Outcome{}
}

// paste takes typed keys too: some terminals send pasted text as keys.
func (f *Form) paste(m tea.KeyPressMsg) {
	v := f.values[f.spec.Fields[f.focus].Key]
	switch m.String() {
	case "enter":
		*v += "\n"
	case "backspace", "ctrl+u":
		*v = ""
	default:
		*v += m.Text
	}
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
	f.refresh()
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
		f.blur()
		f.focus = first
		f.focusField()
		return nil, kit.Outcome{}
	}
	return nil, kit.Outcome{Done: true, Value: f.keep()}
}
