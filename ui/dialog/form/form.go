// Package form is a form that shows all its fields at once, one line each, with
// the hint of the field in use and every error under the field it belongs to.
package form

import (
	"strings"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// Values are what a form holds, by the keys of its fields.
type Values = map[string]string

// Kind is how a field is filled in.
type Kind int

// Kinds of fields.
const (
	Input     Kind = iota // one line of text
	Select                // one of the options, with the arrow keys
	Search                // one of many, which what is typed finds; "" for none. It is not kept
	Multiline             // text of many lines, of which nothing secret is shown
	Static                // what Say says; nothing to fill in, but maybe to remove
	Hidden                // held and never shown
)

// maxMultiline is how many bytes a Paste field takes: an import of 1 MB, with room
// for the blanks of a terminal.
const maxMultiline = 1_100_000

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
	Step        int                                   // of Spec.Steps
	Warn        func(Values) string                   // stands under the field, in use or not
	Render      func(Values) string                   // of a Text field; of a Paste field in place of its summary
	MaxBytes    int                                   // bytes that a Paste field takes; 0 means maxPaste
	// Search searches for the options of a Find field, in a command; First is what
	// it offers before anything is typed. Its Placeholder stands for none.
	Search       func(typed string) func() SearchResult
	FirstResults SearchResult
	// OnSelect gives values that follow from a choice in a Select field.
	OnSelect func(Values) Values
	// Enter is work that enter starts in a field that is not empty; then the
	// field stays in use. Remove is work that backspace starts in a Text field.
	Enter, Remove func(Values) func() Result
}

// Result is what work that leaves the form open has come to.
type Result struct {
	Set          Values // values that change
	Note         string // told in the form
	Field, Error string // what went wrong, beside its field
}

// Command is a further key of a form, for work that leaves it open.
type Command struct {
	Key, Label string
	Show       func(Values) bool // nil means always; StepKey is among the values
	Run        func(Values) func() Result
	// ClosesForm closes the form instead, which keeps what it holds: the outcome's
	// value is Cancelled by this key, and the next opening begins where this
	// one was left.
	ClosesForm bool
}

// Preview is what a form shows while it is filled in: lines under the fields,
// and errors by the keys of fields.
type Preview struct {
	Lines   []Line
	Errors  Values
	Problem string
}

// Line is a line of a [Preview]: Good is drawn as fine, Soon as what needs
// something.
type Line struct {
	Tone style.Tone
	Text string
}

// Lines are lines that only tell something.
func Lines(texts ...string) []Line {
	ls := make([]Line, len(texts))
	for n, t := range texts {
		ls[n].Text = t
	}
	return ls
}

// StepKey holds the number of the step in use among the values that previews
// and commands get.
const StepKey = "form step"

// Spec describes a form.
type Spec struct {
	ID     string // under which what was typed is kept for the next opening; "" keeps nothing
	Title  string
	Danger rules.Severity
	Intro  []string // lines before the fields
	Fields []Field
	Submit string // what enter on the last field does, in a word
	// Steps are the names of the steps that the fields are shown in, of which
	// those without fields are passed over; none shows all fields at once.
	Steps    []string
	Focus    string // the field in use at first; "" means the first one
	Commands []Command
	// Preview works by a command, anew whenever a value changes.
	Preview func(Values) func() Preview
}

// Cancelled is the outcome's value when a form was left without being sent.
type Cancelled struct {
	Values Values
	Key    string // the key of the command that left it; "" for esc
}

// focusKey holds the field in use among the values kept by a command that leaves.
const focusKey = "form at"

// Form is a dialog. Its outcome is Values, or Cancelled.
type Form struct {
	c               *app.Context
	spec            Spec
	values          map[string]*string
	inputs          map[int]*widget.Input // what Input fields are typed into
	areas           map[int]*widget.Area  // and the Paste field in use
	errors          map[string]string
	focus           int
	step            int
	preview         Preview
	previewErrors   map[string]string // what the preview says against fields
	note            string            // what the last command has come to
	seq             int
	formError       string            // an error that belongs to no field
	lastOptions     map[string]string // the options of Select fields, as last made
	desired         map[string]string // what the person chose, should it be offered again
	searches        map[int]*search   // the Find fields
	commandsRunning int               // commands under way

	width, height int
}

var _ app.Dialog = (*Form)(nil)

// SetSize implements app.Dialog.
func (f *Form) SetSize(width, height int) { f.width, f.height = min(width-2, 84), height }

// previewedMsg brings the preview of a form; older ones are dropped. workedMsg
// brings what a command has come to.
type (
	previewedMsg struct {
		form    *Form
		seq     int
		preview Preview
	}
	commandDoneMsg struct {
		form *Form
		Result
	}
)

// New makes a form with what was typed last time, or the initial values.
func New(c *app.Context, spec Spec) *Form {
	f := &Form{
		c:           c,
		spec:        spec,
		values:      map[string]*string{},
		errors:      map[string]string{},
		lastOptions: map[string]string{},
		desired:     map[string]string{},
		inputs:      map[int]*widget.Input{},
		areas:       map[int]*widget.Area{},
		searches:    map[int]*search{},
	}
	kept := c.Drafts[spec.ID]
	for i := range spec.Fields {
		v := spec.Fields[i].Initial
		if k, ok := kept[spec.Fields[i].Key]; ok && spec.ID != "" && spec.Fields[i].isKept() {
			v = k
		}
		f.values[spec.Fields[i].Key] = &v
		f.desired[spec.Fields[i].Key] = v
	}
	f.focus = -1
	for i := range spec.Fields {
		f.resetEditor(i)
	}
	f.refreshOptions()
	f.forward()
	if i := f.fieldFor(spec.Focus); spec.Focus != "" && i >= 0 {
		f.goTo(i)
	}
	if at, ok := kept[focusKey]; ok && spec.ID != "" {
		if i := f.fieldFor(at); i >= 0 {
			f.goTo(i)
		}
	}
	return f
}

// Restore puts back what the form held when it was sent.
func (f *Form) Restore(v Values) *Form {
	f.set(v)
	return f
}

// set changes values from outside.
func (f *Form) set(v Values) {
	for i := range f.spec.Fields {
		d := &f.spec.Fields[i]
		n, ok := v[d.Key]
		if !ok {
			continue
		}
		*f.values[d.Key], f.desired[d.Key] = n, n
		delete(f.errors, d.Key)
		delete(f.lastOptions, d.Key)
		f.resetEditor(i)
	}
	f.refreshOptions()
}

// WithError shows an error beside a field, or above all when there is no such
// field: for what the backend said of the last attempt.
func (f *Form) WithError(field, message string) *Form {
	if i := f.fieldFor(field); i >= 0 {
		f.errors[f.spec.Fields[i].Key] = message
		f.goTo(i)
		return f
	}
	f.formError = message
	return f
}

// isKept says whether what was typed is kept for the next opening. Pasted text
// may hold a private key.
func (d *Field) isKept() bool { return d.Kind != Multiline && d.Kind != Hidden && d.Kind != Search }

// fieldFor finds the field that an error is about: the one of that key, or one
// that begins so, as "csr file" does for "csr".
func (f *Form) fieldFor(field string) int {
	for i := range f.spec.Fields {
		if f.spec.Fields[i].Key == field && f.applies(i) {
			return i
		}
	}
	for i := range f.spec.Fields {
		if strings.HasPrefix(f.spec.Fields[i].Key, field+" ") && f.applies(i) {
			return i
		}
	}
	return -1
}

// allValues is every value, shown or not.
func (f *Form) allValues() Values {
	v := Values{}
	for k, p := range f.values {
		v[k] = *p
	}
	return v
}

// Values is what the form holds now, fields that are not shown left out.
func (f *Form) Values() Values {
	v, shown := f.allValues(), Values{}
	for i := range f.spec.Fields {
		if d := &f.spec.Fields[i]; d.Show == nil || d.Show(v) {
			shown[d.Key] = v[d.Key]
		}
	}
	return shown
}

// applies says whether a field is there to be filled in, in whatever step.
func (f *Form) applies(i int) bool {
	d := &f.spec.Fields[i]
	return d.Kind != Hidden && (d.Show == nil || d.Show(f.allValues()))
}

// isShown says whether a field is on the screen now.
func (f *Form) isShown(i int) bool { return f.spec.Fields[i].Step == f.step && f.applies(i) }

// refreshOptions gives Select fields the options that go with the other values.
func (f *Form) refreshOptions() {
	for i := range f.spec.Fields {
		d := &f.spec.Fields[i]
		if d.Kind != Select {
			continue
		}
		options := d.Options(f.Values())
		key, held := "", false
		for _, o := range options {
			key += o.Value + "\x00"
			held = held || o.Value == f.desired[d.Key]
		}
		if len(options) == 0 || f.lastOptions[d.Key] == key {
			continue
		}
		f.lastOptions[d.Key] = key
		if *f.values[d.Key] = options[0].Value; held {
			*f.values[d.Key] = f.desired[d.Key]
		}
	}
}
